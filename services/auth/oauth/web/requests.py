"""What is read of a request, within limits."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import ClientDisconnect, Request

from services.auth.oauth import parameters
from services.auth.oauth.errors import InvalidRequest
from services.auth.oauth.http_calls import peer_of

MAX_BODY_BYTES = 16_384
_FORM = "application/x-www-form-urlencoded"


async def form_of(request: Request) -> Mapping[str, str]:
    """The parameters in the body.

    Raises:
        InvalidRequest: the body is no form, is too large, or has a parameter twice.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise InvalidRequest(f"the body must be {_FORM}")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise InvalidRequest("the body is too large", status=413)
    except ClientDisconnect:
        raise InvalidRequest("the body ended early") from None
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        raise InvalidRequest("the body is not form-encoded") from None
    return parameters.read(text)


def query_of(request: Request) -> Mapping[str, str]:
    """The parameters in the address.

    Raises:
        InvalidRequest: one comes twice, or they cannot be read.
    """
    return parameters.read(request.url.query)


def refuse_query(request: Request) -> None:
    """
    Raises:
        InvalidRequest: there are parameters in the address, where logs and histories would keep them.
    """
    if request.url.query:
        raise InvalidRequest("parameters belong into the body")


def peer(request: Request) -> str:
    """The caller's address as gRPC writes it."""
    client = request.client
    return peer_of(None if client is None else (client.host, client.port))
