"""Who the caller is: where a client takes its access token from."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

from pulsemesh.auth.v1 import session_pb2

__all__ = [
    "Anonymous",
    "Credentials",
    "SessionCredentials",
    "SessionKeeper",
    "SessionTokens",
    "StaticToken",
    "TokenFile",
    "TokenProvider",
    "as_credentials",
]

TokenSource = Callable[[], str | Awaitable[str]]

_RENEW_BEFORE_S = 30.0


@runtime_checkable
class Credentials(Protocol):
    """Gives the token that goes with each call, and a new one when the platform refuses it."""

    async def token(self) -> str:
        """Return the token to send; empty for none."""

    async def refresh(self, rejected: str) -> bool:
        """Get a token other than `rejected`, which the platform refused.

        True where `token` now gives another one, so that the call is worth repeating.
        """


class Anonymous:
    """No token: for the methods that anyone may call."""

    async def token(self) -> str:
        """Return nothing."""
        return ""

    async def refresh(self, rejected: str) -> bool:
        """Say that there is no other."""
        return False


class StaticToken:
    """One token, given once."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __repr__(self) -> str:
        return "StaticToken(…)"

    async def token(self) -> str:
        """Return the token."""
        return self._token

    async def refresh(self, rejected: str) -> bool:
        """Say that there is no other."""
        return False


class TokenFile:
    """A token kept in a file that something else renews, as a mounted secret is.

    The file is read when a token is first needed and again when the platform refuses it.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._token: str | None = None

    def __repr__(self) -> str:
        return f"TokenFile({str(self._path)!r})"

    async def token(self) -> str:
        """Return the token. Raises `OSError` where the file cannot be read."""
        if self._token is None:
            self._token = await self._read()
        return self._token

    async def refresh(self, rejected: str) -> bool:
        """Read the file again."""
        self._token = await self._read()
        return self._token != rejected

    async def _read(self) -> str:
        text = await asyncio.to_thread(self._path.read_text, "utf-8")
        return text.strip()


class TokenProvider:
    """A function, plain or async, that gets a token; it is called again when the platform refuses one.

    Calls that are refused at the same time share one new token.
    """

    def __init__(self, get_token: TokenSource) -> None:
        self._get_token = get_token
        self._token: str | None = None
        self._lock = asyncio.Lock()

    def __repr__(self) -> str:
        return f"TokenProvider({self._get_token!r})"

    async def token(self) -> str:
        """Return the token in use, asking the function for the first."""
        async with self._lock:
            if self._token is None:
                self._token = await self._get()
            return self._token

    async def refresh(self, rejected: str) -> bool:
        """Ask the function for another, unless another call did so meanwhile."""
        async with self._lock:
            if self._token is None or self._token == rejected:
                self._token = await self._get()
            return self._token != rejected

    async def _get(self) -> str:
        token = self._get_token()
        return await token if inspect.isawaitable(token) else token


@dataclass(frozen=True, slots=True)
class SessionTokens:
    """What a program holds after a person signed in with it. Times are seconds since 1970."""

    access_token: str = field(repr=False)
    access_expires_at_s: float
    refresh_token: str = field(repr=False)
    refresh_expires_at_s: float
    user_id: str
    session_id: str

    @classmethod
    def of(cls, tokens: session_pb2.Tokens) -> SessionTokens:
        """Return the tokens of an answer."""
        return cls(
            tokens.access_token,
            tokens.access_expires_at.ToMilliseconds() / 1000,
            tokens.refresh_token,
            tokens.refresh_expires_at.ToMilliseconds() / 1000,
            tokens.user_id,
            tokens.session_id,
        )


Exchange: TypeAlias = Callable[[str], Awaitable[SessionTokens]]
"""From a refresh token to the next pair."""


class SessionKeeper(Protocol):
    """Where a program keeps its session, if it is to survive the program.

    A refresh token is good once, and whoever uses an old one ends the session. So programs that share a
    session renew it one at a time, and each looks first whether another did.
    """

    def locked(self) -> AbstractContextManager[None]:
        """Hold the others off. May block; called in a thread."""

    def load(self) -> SessionTokens | None:
        """Return what is kept."""

    def save(self, tokens: SessionTokens) -> None:
        """Keep these from now on."""


class SessionCredentials:
    """The tokens of a session, renewed before they expire and when the platform refuses one.

    Calls that need a new token at the same time share one. The client that they are given to binds them to
    its connection; they serve one client at a time.
    """

    def __init__(
        self,
        tokens: SessionTokens,
        keeper: SessionKeeper | None = None,
        *,
        clock_s: Callable[[], float] = time.time,
    ) -> None:
        self._tokens = tokens
        self._keeper = keeper
        self._clock_s = clock_s
        self._renewing = asyncio.Lock()
        self._exchange: Exchange | None = None

    def __repr__(self) -> str:
        return f"SessionCredentials({self._tokens.user_id})"

    @property
    def tokens(self) -> SessionTokens:
        """The tokens in use."""
        return self._tokens

    def bind(self, exchange: Exchange) -> None:
        """Say how a refresh token is exchanged for the next pair. The client does."""
        self._exchange = exchange

    async def token(self) -> str:
        """Return an access token that holds for a while still."""
        if self._clock_s() + _RENEW_BEFORE_S >= self._tokens.access_expires_at_s:
            await self._renew(self._tokens.access_token)
        return self._tokens.access_token

    async def refresh(self, rejected: str) -> bool:
        """Get another one. Raises `Unauthenticated` where the session has ended."""
        await self._renew(rejected)
        return self._tokens.access_token != rejected

    async def _renew(self, rejected: str) -> None:
        async with self._renewing:
            if self._tokens.access_token != rejected or self._exchange is None:
                return  # another call was first
            if self._keeper is None:
                self._tokens = await self._exchange(self._tokens.refresh_token)
            else:
                await self._renew_together(self._exchange, self._keeper, rejected)

    async def _renew_together(self, exchange: Exchange, keeper: SessionKeeper, rejected: str) -> None:
        lock = keeper.locked()
        await asyncio.to_thread(lock.__enter__)
        try:
            kept = await asyncio.to_thread(keeper.load)
            if kept is not None and kept.session_id == self._tokens.session_id:
                self._tokens = kept
            if self._tokens.access_token == rejected or self._outdated():
                self._tokens = await exchange(self._tokens.refresh_token)
                await asyncio.to_thread(keeper.save, self._tokens)
        finally:
            lock.__exit__(None, None, None)

    def _outdated(self) -> bool:
        return self._clock_s() + _RENEW_BEFORE_S >= self._tokens.access_expires_at_s


def as_credentials(given: Credentials | str | Path | TokenSource | None) -> Credentials:
    """Return credentials for what people pass to `connect`.

    A string is a token, a `Path` a file that holds one, a function is called for one,
    None means no token.
    """
    if given is None:
        return Anonymous()
    if isinstance(given, str):
        return StaticToken(given)
    if isinstance(given, Path):
        return TokenFile(given)
    if isinstance(given, Credentials):
        return given
    return TokenProvider(given)
