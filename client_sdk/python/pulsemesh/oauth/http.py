"""The few requests that OAuth 2 needs, by the standard library alone."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
from collections.abc import Mapping
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

from pulsemesh.oauth.errors import OAuthFailure, OAuthUnreachable
from pulsemesh.target import is_on_this_machine

__all__ = ["OAuthHttp"]

_MAX_ANSWER_BYTES = 262_144
_METADATA = "/.well-known/oauth-authorization-server"


class _NoRedirects(HTTPRedirectHandler):
    """Tokens and codes go where they were sent, and nowhere else."""

    def redirect_request(  # noqa: PLR0917 - the signature of the standard library
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: http.client.HTTPMessage, newurl: str
    ) -> None:
        """Follow none."""


class OAuthHttp:
    """One OAuth 2 server.

    Attributes:
        issuer: its name and address.
    """

    def __init__(
        self, issuer: str, *, root_certificates: bytes | None = None, timeout_s: float = 15.0
    ) -> None:
        """Raise `OAuthFailure` for an address to which no secret may be sent.

        `root_certificates` is PEM; None for those of the system.
        """
        parts = urlsplit(issuer)
        if parts.scheme != "https" and not (parts.scheme == "http" and is_on_this_machine(parts.netloc)):
            raise OAuthFailure(f"{issuer} is not encrypted: secrets are not sent there")
        self.issuer = issuer.rstrip("/")
        self._timeout_s = timeout_s
        self._opener = _opener(root_certificates)

    async def metadata(self) -> Mapping[str, Any]:
        """Return what the server says of itself (RFC 8414).

        Raises `OAuthFailure` where it calls itself by another name: then it is not the one that was meant.
        """
        status, document = await self._call(Request(self.issuer + _METADATA))
        if status != 200:
            raise _failure(status, document)
        if document.get("issuer") != self.issuer:
            raise OAuthFailure(f"the server at {self.issuer} calls itself {document.get('issuer')!r}")
        return document

    async def post(self, url: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        """Send a form and return the answer.

        Raises `OAuthFailure` with the server's error, `OAuthUnreachable` where there is no answer.
        """
        if not url.startswith(self.issuer + "/"):
            raise OAuthFailure(f"{url} is not at {self.issuer}")
        status, document = await self._call(Request(url, urlencode(form).encode("ascii"), method="POST"))
        if status != 200:
            raise _failure(status, document)
        return document

    async def _call(self, request: Request) -> tuple[int, Mapping[str, Any]]:
        try:
            status, body = await asyncio.to_thread(self._send, request)
            document = json.loads(body)
        except (URLError, OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise OAuthUnreachable(f"{self.issuer} cannot be reached: {reason}") from error
        except ValueError as error:
            raise OAuthFailure(f"{self.issuer} answered what is no JSON") from error
        if not isinstance(document, dict):
            raise OAuthFailure(f"{self.issuer} answered what is none of OAuth 2")
        return status, document

    def _send(self, request: Request) -> tuple[int, bytes]:
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                return response.status, response.read(_MAX_ANSWER_BYTES)
        except HTTPError as refused:
            with refused:
                return refused.code, refused.read(_MAX_ANSWER_BYTES)


def _opener(root_certificates: bytes | None) -> OpenerDirector:
    context = ssl.create_default_context(
        cadata=root_certificates.decode("ascii") if root_certificates is not None else None
    )
    return build_opener(_NoRedirects(), HTTPSHandler(context=context))


def _failure(status: int, document: Mapping[str, Any]) -> OAuthFailure:
    error = str(document.get("error", ""))
    message = str(document.get("error_description") or error or f"the server answered {status}")
    return (OAuthUnreachable if status >= 500 or status == 429 else OAuthFailure)(message, error)
