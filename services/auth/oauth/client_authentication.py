"""Which program asks, and how it proves that (RFC 6749, section 2.3).

Confidential clients show their secret in the header, never in the body. Public ones name themselves; what
protects their grants is PKCE, the rotation of refresh tokens, and the address to which codes go.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

from services.auth.oauth.clients import Client
from services.auth.oauth.errors import InvalidClient, InvalidRequest


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request says of who sends it."""

    client_id: str
    secret: str | None = field(repr=False)


def read_credentials(authorization: str | None, form: Mapping[str, str]) -> Credentials:
    """The credentials of a request.

    Raises:
        InvalidClient: there are none, or the header cannot be read.
        InvalidRequest: header and body name different programs, or a secret is in the body.
    """
    if "client_secret" in form:
        raise InvalidRequest("client_secret belongs into the Authorization header")
    named = form.get("client_id")
    if authorization is None:
        if named is None:
            raise InvalidClient
        return Credentials(named, None)
    client_id, secret = _basic(authorization)
    if named is not None and named != client_id:
        raise InvalidRequest("client_id is not the one in the Authorization header")
    return Credentials(client_id, secret)


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        if scheme.lower() != "basic":
            raise ValueError
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
        if not colon:
            raise ValueError
        return unquote_plus(name, errors="strict"), unquote_plus(secret, errors="strict")
    except (ValueError, binascii.Error):
        raise InvalidClient(challenged=True) from None


def prove(client: Client | None, credentials: Credentials) -> Client:
    """The program, if it is the one it says.

    Raises:
        InvalidClient: it is not, or is unknown or suspended.
    """
    challenged = credentials.secret is not None
    if client is None or client.suspended:
        raise InvalidClient(challenged=challenged)
    if client.confidential:
        if credentials.secret is None or not client.proved_by(credentials.secret):
            raise InvalidClient(challenged=True)
    elif credentials.secret:
        # A public client has none: whoever shows one believes to be another.
        raise InvalidClient(challenged=True)
    return client
