"""Calls that wait for a platform that is busy or away for a moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from pulsemesh.errors import (
    Aborted,
    DeadlineExceeded,
    PermissionDenied,
    PulsemeshError,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)

T = TypeVar("T")

_PAUSE_S = 0.5
_PASSING = (Aborted, DeadlineExceeded, ResourceExhausted, Unavailable)


class NotNow(Exception):
    """It cannot be done now: the platform is away, or does not allow it to this caller."""


async def patiently(call: Callable[[], Awaitable[T]], patience_s: float) -> T:
    """The result of `call`, which is repeated while what hinders it may pass.

    Raises:
        NotNow: it did not pass, or the caller may not do this.
        PulsemeshError: any other answer.
    """
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return await call()
        except (Unauthenticated, PermissionDenied) as refused:
            raise NotNow(f"the platform does not allow it to this caller: {refused}") from refused
        except (*_PASSING, OSError) as trouble:
            asked = trouble.retry_after_s if isinstance(trouble, PulsemeshError) else None
            # Being asked to wait is no silence: whoever asks answers.
            if asked is None and time.monotonic() > deadline:
                raise NotNow(f"the platform cannot do it now: {trouble}") from trouble
            await asyncio.sleep(asked or _PAUSE_S)
