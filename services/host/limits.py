"""The limiters of a process: for methods that open while the counters are away, and for those that close."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.chassis.limits import Decision, InProcessRateLimiter, RateLimiter, open_rate_limiter

if TYPE_CHECKING:  # a start without Redis does without its client's import
    from services.chassis.limits.redis import RedisRateLimiter


class LimiterDown(Exception):
    """The store of the counters did not answer."""


class StrictLimiter:
    """Raises where the limiter inside would have to guess: the caller learns that it is not to blame."""

    def __init__(self, inner: RedisRateLimiter) -> None:
        self._inner = inner

    async def take(self, key: str, rate: float, period: float, burst: int) -> Decision:
        """See `RateLimiter.take`.

        Raises:
            LimiterDown: the store did not answer.
        """
        failures = self._inner.failures
        decision = await self._inner.take(key, rate, period, burst)
        if not decision.allowed and self._inner.failures != failures:
            raise LimiterDown
        return decision

    async def close(self) -> None:
        """See `RateLimiter.close`."""
        await self._inner.close()


def open_limiters(url: str, namespace: str) -> tuple[RateLimiter, RateLimiter]:
    """The limiter that lets calls through while its store is away, and the one that raises.

    Raises:
        ValueError: the URL names no limiter.
    """
    lenient = open_rate_limiter(url, namespace=namespace, fail_open=True)
    if isinstance(lenient, InProcessRateLimiter):
        return lenient, lenient
    from services.chassis.limits.redis import RedisRateLimiter  # noqa: PLC0415

    return lenient, StrictLimiter(RedisRateLimiter(url, namespace=namespace, fail_open=False))
