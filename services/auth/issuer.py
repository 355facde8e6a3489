"""Signing access tokens for development."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from joserfc import jwt

from pulsemesh.ulid import new_ulid
from services.auth.identity import development_user_id
from services.auth.keys import ALGORITHM, load_or_create_key
from services.auth.scopes import DEVICE_SCOPES, PERSON_SCOPES
from services.chassis.auth.jwks import AUDIENCE

DEFAULT_LIFETIME_S = 3_600
SERVICE_LIFETIME_S = 900


class ScopesNotAllowed(ValueError):
    """Scopes that a caller of this kind cannot have."""

    def __init__(self, scopes: Iterable[str]) -> None:
        super().__init__(f"not given to callers of this kind: {' '.join(sorted(scopes))}")


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A signed token.

    Attributes:
        access_token: what is sent as `authorization: Bearer …`.
        user_id: the person it stands for; empty for a service's.
        expires_at_s: seconds since 1970.
    """

    access_token: str
    user_id: str
    expires_at_s: int


class DevelopmentIssuer:
    """Signs a token for whoever asks: never reachable but from this machine, never in production."""

    def __init__(
        self, data_dir: Path, *, cell: str, issuer: str, clock_s: Callable[[], float] = time.time
    ) -> None:
        """
        Args:
            data_dir: where the key lies, made on first use.
            cell: begins the ids of the people.
            issuer: the claim `iss`.
            clock_s: seconds since 1970.
        """
        self._key = load_or_create_key(data_dir)
        self._cell = cell
        self._issuer = issuer
        self._clock_s = clock_s

    def issue(
        self,
        login: str,
        *,
        scopes: Iterable[str] = (),
        device: bool = False,
        lifetime_s: int = DEFAULT_LIFETIME_S,
    ) -> IssuedToken:
        """A token for the person of a login, or for that person's sensor gateway.

        Args:
            scopes: empty for all that such a caller may have.

        Raises:
            ScopesNotAllowed: scopes were asked for that no such caller may have.
        """
        allowed = DEVICE_SCOPES if device else PERSON_SCOPES
        wanted = frozenset(scopes) or allowed
        if not wanted <= allowed:
            raise ScopesNotAllowed(wanted - allowed)
        kind: Literal["device", "user"] = "device" if device else "user"
        user_id = development_user_id(self._cell, login)
        return self._sign(user_id, user_id, kind, wanted, lifetime_s)

    def issue_for_service(self, name: str) -> IssuedToken:
        """A token with which a service calls other services."""
        return self._sign(f"service:{name}", "", "service", PERSON_SCOPES, SERVICE_LIFETIME_S)

    def _sign(
        self, subject: str, user_id: str, kind: str, scopes: frozenset[str], lifetime_s: int
    ) -> IssuedToken:
        now = int(self._clock_s())
        claims = {
            "iss": self._issuer,
            "aud": AUDIENCE,
            "sub": subject,
            "iat": now,
            "nbf": now,
            "exp": now + lifetime_s,
            "jti": secrets.token_urlsafe(12),
            "kind": kind,
            "scope": " ".join(sorted(scopes)),
            "client_id": "development",
        }
        if user_id:
            # Each token is a session of its own, which nothing keeps and nothing but its end ends.
            claims |= {"sid": new_ulid(now * 1000), "auth_time": now}
        header = {"alg": ALGORITHM, "kid": self._key.kid, "typ": "at+jwt"}
        token = jwt.encode(header, claims, self._key, algorithms=[ALGORITHM])
        return IssuedToken(token, user_id, now + lifetime_s)
