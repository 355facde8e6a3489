"""The port: from a bearer token to a principal."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from services.chassis.auth.principal import Principal
from services.chassis.errors import Unauthenticated

MAX_VERIFIED_TOKENS = 50_000
"""Some 60 MB at worst; a token is a kilobyte with its principal."""


class Authenticator(Protocol):
    """Proves who holds a token."""

    async def authenticate(self, token: str) -> Principal:
        """The principal of a token.

        Raises:
            Unauthenticated: the token is malformed, forged, for somebody else or out of date.
            Unavailable: the keys cannot be had now, so that nothing can be proved.
        """
        ...


class NobodyAuthenticator:
    """The null twin: no token is good."""

    async def authenticate(self, token: str) -> Principal:
        """See `Authenticator.authenticate`."""
        raise Unauthenticated("this server has no keys by which to prove a token")


class VerifiedTokens:
    """Remembers what was verified, until it expires: a signature is checked once, not once a call.

    Failures are not remembered. The oldest entry leaves when there are too many.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        *,
        capacity: int = MAX_VERIFIED_TOKENS,
        clock_s: Callable[[], float] = time.time,
    ) -> None:
        self._authenticator = authenticator
        self._capacity = capacity
        self._clock_s = clock_s
        self._principals: dict[str, Principal] = {}

    async def authenticate(self, token: str) -> Principal:
        """See `Authenticator.authenticate`."""
        principal = self._principals.get(token)
        if principal is not None:
            if principal.expires_at_s > self._clock_s():
                return principal
            del self._principals[token]
        principal = await self._authenticator.authenticate(token)
        if len(self._principals) >= self._capacity:
            self._principals.pop(next(iter(self._principals)), None)
        self._principals[token] = principal
        return principal
