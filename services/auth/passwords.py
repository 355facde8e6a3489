"""Passwords: which are fit to be chosen, and how they are kept."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, TypeVarTuple

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from services.auth.errors import PasswordWeak

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

MIN_CHARACTERS = 8
_FEWEST_DIFFERENT = 4


class Passwords:
    """Hashes and verifies, a few at a time, in threads of its own: argon2 needs tens of milliseconds and
    megabytes.

    Attributes:
        runs: hashes computed so far; a test counts by it that unknown addresses cost what known ones cost.
    """

    def __init__(self, *, memory_kib: int, passes: int, lanes: int, threads: int) -> None:
        self._hasher = PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=lanes, type=Type.ID
        )
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._nobodys = self._hasher.hash("the password of nobody")
        self.runs = 0

    async def hash(self, password: str) -> str:
        """What is kept of a password."""
        return await self._run(self._hasher.hash, prepared(password))

    async def verify(self, kept: str | None, password: str) -> bool:
        """Whether it is the password; without a kept one it costs the same and is never right."""
        right = await self._run(self._verify, kept or self._nobodys, prepared(password))
        return right and kept is not None

    def outdated(self, kept: str) -> bool:
        """Whether it was kept with other parameters than the settings' present ones."""
        return self._hasher.check_needs_rehash(kept)

    async def _run(self, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        self.runs += 1
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerificationError, InvalidHashError):
            return False

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def prepared(password: str) -> str:
    """The form in which a password is compared: NFC, whatever the keyboard made of it (RFC 8265)."""
    return unicodedata.normalize("NFC", password)


def require_fit(field: str, password: str, *, email: str) -> None:
    """
    Args:
        field: of the request, for the error.

    Raises:
        PasswordWeak: it is too short, or says nothing but the address.
    """
    text = prepared(password)
    if len(text) < MIN_CHARACTERS:
        raise PasswordWeak(field, f"must have at least {MIN_CHARACTERS} characters")
    if len(set(text)) < _FEWEST_DIFFERENT:
        raise PasswordWeak(field, "must have more than a few different characters")
    local, _, domain = email.partition("@")
    if text.casefold() in {email, local, domain, f"{local}{domain}", "pulsemesh"}:
        raise PasswordWeak(field, "must not be the address")
