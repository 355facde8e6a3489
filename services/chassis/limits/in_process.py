"""Buckets in memory, for one process."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from services.chassis.limits.port import Decision


class InProcessRateLimiter:
    """The `RateLimiter` of one process, in bounded memory.

    A bucket is one number, the time at which it will be full again (the generic cell rate algorithm of ITU-T
    I.371: a token bucket seen from the other side); a full bucket needs no memory at all.
    """

    def __init__(self, *, max_keys: int = 100_000, clock: Callable[[], float] = time.monotonic) -> None:
        """
        Args:
            max_keys: the most buckets kept; beyond it the one used longest ago is forgotten, hence full.
            clock: seconds, monotonic.
        """
        self._full_at_s: OrderedDict[str, float] = OrderedDict()
        self._max_keys = max_keys
        self._clock = clock

    async def take(self, key: str, rate: float, period: float, burst: int) -> Decision:
        """See `RateLimiter.take`."""
        now = self._clock()
        interval = period / rate
        full_at = max(self._full_at_s.pop(key, now), now)
        wait = full_at - now - interval * (burst - 1)
        # One part in 10⁹ of an interval: what the sum of many intervals may be off.
        allowed = wait <= interval * 1e-9
        self._keep(key, full_at + interval if allowed else full_at, now)
        return Decision(True) if allowed else Decision(False, wait)

    async def close(self) -> None:
        """See `RateLimiter.close`."""
        self._full_at_s.clear()

    def __len__(self) -> int:
        return len(self._full_at_s)

    def _keep(self, key: str, full_at: float, now: float) -> None:
        if full_at > now:
            self._full_at_s[key] = full_at
        for _ in range(2):  # two out for one in: idle buckets do not stay
            oldest = next(iter(self._full_at_s), None)
            if oldest is None or (self._full_at_s[oldest] > now and len(self._full_at_s) <= self._max_keys):
                return
            del self._full_at_s[oldest]
