"""Whether a password is among the stolen ones that are tried everywhere.

The port never refuses by failing: a collection that cannot be asked lets the password pass, and says so in
the log.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path
from typing import Protocol

import httpx
import structlog

from services.auth.passwords import prepared

PREFIX_DIGITS = 5
TIMEOUT_S = 3.0

_log = structlog.get_logger(__name__)


class BreachedPasswords(Protocol):
    """A collection of stolen passwords."""

    async def contains(self, password: str) -> bool:
        """Whether it is in the collection; False where that cannot be found out."""
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...


def sha1_of(password: str) -> str:
    """How such collections name a password: SHA-1 in upper-case hexadecimal."""
    return (
        hashlib.sha1(prepared(password).encode("utf-8", "surrogatepass"), usedforsecurity=False)
        .hexdigest()
        .upper()
    )


class NoBreachedPasswords:
    """No collection: every password passes."""

    async def contains(self, password: str) -> bool:
        """See `BreachedPasswords.contains`."""
        return False

    async def close(self) -> None:
        """See `BreachedPasswords.close`."""


class BreachedPasswordsFile:
    """A file of sorted lines: SHA-1 in upper case, with or without ":count". Found by bisection, never
    loaded.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def contains(self, password: str) -> bool:
        """See `BreachedPasswords.contains`."""
        try:
            return await asyncio.to_thread(self._bisect, sha1_of(password).encode())
        except OSError as error:
            _log.warning("breached_passwords_unavailable", error=str(error))
            return False

    def _bisect(self, wanted: bytes) -> bool:
        """Halve the stretch [low, high) of offsets in which the line of `wanted` would begin."""
        with self._path.open("rb") as file:
            low, high = 0, file.seek(0, os.SEEK_END)
            while low < high:
                middle = (low + high) // 2
                file.seek(middle)
                if middle:
                    file.seek(middle - 1)
                    file.readline()  # to the first line that begins at or after the middle
                begins = file.tell()
                line = file.readline()
                if not line or begins >= high:
                    high = middle
                    continue
                found = line.strip().partition(b":")[0].upper()
                if found == wanted:
                    return True
                if found < wanted:
                    low = begins + len(line)
                else:
                    high = middle
        return False

    async def close(self) -> None:
        """See `BreachedPasswords.close`."""


class BreachedPasswordsRange:
    """A service that answers ranges: it is told five digits of the SHA-1 and never the rest (k-anonymity)."""

    def __init__(self, url: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._url = url
        self._client = httpx.AsyncClient(timeout=timeout_s)

    async def contains(self, password: str) -> bool:
        """See `BreachedPasswords.contains`."""
        digest = sha1_of(password)
        prefix, rest = digest[:PREFIX_DIGITS], digest[PREFIX_DIGITS:]
        try:
            # Padding: the length of the answer does not tell an observer which range was asked for.
            answer = await self._client.get(self._url + prefix, headers={"Add-Padding": "true"})
            answer.raise_for_status()
        except httpx.HTTPError as error:
            _log.warning("breached_passwords_unavailable", error=type(error).__name__)
            return False
        return any(_is_hit(line, rest) for line in answer.text.splitlines())

    async def close(self) -> None:
        """See `BreachedPasswords.close`."""
        await self._client.aclose()


def _is_hit(line: str, rest: str) -> bool:
    """Lines of padding have the count 0."""
    suffix, _, count = line.strip().partition(":")
    return suffix.upper() == rest and count.strip() != "0"
