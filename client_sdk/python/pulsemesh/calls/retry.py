"""When a failed call is made again, and after how long."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import grpc

from pulsemesh.calls.policy import CallPolicy
from pulsemesh.credentials import Credentials
from pulsemesh.errors import PulsemeshError

__all__ = ["Attempts", "RetrySettings"]


@dataclass(frozen=True, slots=True)
class RetrySettings:
    """How patiently calls are repeated where their contract allows it."""

    max_attempts: int = 5
    """Attempts of one call in all; 1 means that nothing is repeated."""
    first_pause_s: float = 0.2
    longest_pause_s: float = 10.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def pause_s(self, failures: int) -> float:
        """Return a pause after `failures` failures in a row: exponential, with jitter.

        Between a half and the whole of the ceiling, so that many clients that failed
        together do not come back together, and none comes back at once.
        """
        ceiling = min(self.longest_pause_s, self.first_pause_s * 2 ** min(failures - 1, 30))
        return random.uniform(ceiling / 2, ceiling)


class Attempts:
    """The attempts of one call: how much time is left, and whether another one is due."""

    def __init__(
        self,
        policy: CallPolicy,
        settings: RetrySettings,
        credentials: Credentials,
        *,
        timeout_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._settings = settings
        self._credentials = credentials
        self._clock = clock
        self._failures = 0
        self._refreshed = False
        self._token = ""
        limits = [limit for limit in (timeout_s, policy.deadline_s) if limit is not None]
        self._ends = clock() + min(limits) if limits else None

    def remaining_s(self) -> float | None:
        """Return what is left of the time for the whole call, None where it is not limited."""
        return None if self._ends is None else max(0.0, self._ends - self._clock())

    async def token(self) -> str:
        """Return the token for the attempt that begins."""
        self._token = await self._credentials.token()
        return self._token

    def progressed(self) -> None:
        """Take note that the call brought something: failures before it no longer count."""
        self._failures = 0
        self._refreshed = False

    async def recover(self, error: PulsemeshError, *, opening: bool) -> None:
        """Wait until the next attempt is due, or raise `error` where there is none.

        `opening` says that a stream failed before it brought anything.
        """
        if await self._refresh(error):
            return
        self._failures += 1
        pause = self._pause_s(error, opening=opening)
        remaining = self.remaining_s()
        if pause is None or self._failures >= self._settings.max_attempts:
            raise error
        if remaining is not None and pause >= remaining:
            raise error
        await self._settings.sleep(pause)

    async def _refresh(self, error: PulsemeshError) -> bool:
        """Try another token, once. The refused call had no effect, so this needs no permission."""
        if error.code is not grpc.StatusCode.UNAUTHENTICATED or self._refreshed:
            return False
        self._refreshed = True
        return await self._credentials.refresh(self._token)

    def _pause_s(self, error: PulsemeshError, *, opening: bool) -> float | None:
        """Return how long to wait before the next attempt, None where there is none to be."""
        if not self._policy.may_repeat or not _passing(error, opening=opening):
            return None
        asked = error.retry_after_s
        if asked is None:
            return self._settings.pause_s(self._failures)
        # Never earlier than asked; a little later, so that not everyone comes at that moment.
        return asked + random.uniform(0, min(asked, self._settings.first_pause_s))


def _passing(error: PulsemeshError, *, opening: bool) -> bool:
    """Say whether the failure may be gone the next time."""
    match error.code:
        case grpc.StatusCode.UNAVAILABLE:
            return True
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            # Only where the platform itself says when to come back.
            return error.retry_after_s is not None
        case grpc.StatusCode.INTERNAL:
            # A server that sheds calls in a storm of reconnects refuses streams so. A failure
            # that the platform explained is a real one.
            return opening and not error.from_platform
        case _:
            return False
