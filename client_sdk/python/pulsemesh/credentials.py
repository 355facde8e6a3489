"""Who the caller is: where a client takes its access token from."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

__all__ = ["Anonymous", "Credentials", "StaticToken", "TokenFile", "TokenProvider", "as_credentials"]

TokenSource = Callable[[], str | Awaitable[str]]


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
