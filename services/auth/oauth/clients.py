"""Programs that may ask for tokens: the platform's own, and those that people registered."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.auth.oauth import redirecting
from services.auth.oauth.errors import InvalidScope
from services.auth.secret_tokens import fingerprint

CODE = "authorization_code"
REFRESH = "refresh_token"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
CLIENT = "client_credentials"
GRANTS = (CODE, REFRESH, DEVICE, CLIENT)
"""Every grant type of the token endpoint."""


@dataclass(frozen=True, slots=True)
class Client:
    """A program.

    Attributes:
        name: as people are told.
        kind: the claim `kind` of its tokens.
        grants: the grant types that it may use.
        scopes: the most that it may have.
        first_party: one of the platform's own.
        secrets_sha256: of the secrets that prove it now; empty for public clients.
        introspects: it may look into tokens of other clients, as a resource server of the platform does.
    """

    client_id: str
    name: str
    kind: str
    grants: frozenset[str]
    scopes: frozenset[str]
    redirect_uris: tuple[str, ...] = ()
    first_party: bool = False
    confidential: bool = False
    secrets_sha256: tuple[bytes, ...] = field(default=(), repr=False)
    homepage: str = ""
    suspended: bool = False
    introspects: bool = False

    def proved_by(self, secret: str) -> bool:
        """Whether this is one of its secrets. Secrets have 256 random bits: a plain hash is enough."""
        given = fingerprint(secret)
        return any(hmac.compare_digest(given, kept) for kept in self.secrets_sha256)

    def takes(self, redirect_uri: str) -> bool:
        """Whether the browser may go back to this address."""
        return any(redirecting.same(registered, redirect_uri) for registered in self.redirect_uris)

    def requested(self, names: Iterable[str] | None) -> frozenset[str]:
        """The scopes of a request: those that it names, or all that the client may have.

        Raises:
            InvalidScope: one of them is not the client's, or there is none.
        """
        wanted = self.scopes if names is None else frozenset(names)
        if not wanted or not wanted <= self.scopes:
            raise InvalidScope
        return wanted
