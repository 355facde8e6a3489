"""The clock that stamps samples."""

from __future__ import annotations

import time
from collections.abc import Callable


class SampleClock:
    """Unix milliseconds that only move forward: the wall clock read once, then carried on by the monotonic
    clock.

    A step of the wall clock (NTP, a person, a gateway without a battery-backed clock that gets its time late)
    never reorders the samples of a run.

    Args:
        wall: seconds since the Unix epoch.
        monotonic: seconds of a clock that never steps.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._monotonic = monotonic
        self._offset_s = wall() - monotonic()

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return int((self._monotonic() + self._offset_s) * 1000)
