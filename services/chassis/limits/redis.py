"""Buckets in Redis or Valkey, for all processes of a cell."""

from __future__ import annotations

from typing import Final

import structlog
from redis.exceptions import ResponseError

from services.chassis.limits.port import Decision
from services.chassis.redis_client import DOWN, open_redis

_log = structlog.get_logger(__name__)

TAKE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = tonumber(redis.call('GET', KEYS[1]) or now)
if full_at < now then full_at = now end
local wait = full_at - now - interval * (burst - 1)
if wait > 0 then return wait end
full_at = full_at + interval
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
return 0
"""
"""The generic cell rate algorithm, in µs of the server's clock.

ARGV: µs per token, burst. Returns the µs to wait, 0 when a token was taken.
"""


class RedisRateLimiter:
    """The `RateLimiter` shared by processes; one script, so that takers never race."""

    def __init__(self, url: str, *, namespace: str = "pulsemesh", fail_open: bool = True) -> None:
        """
        Args:
            fail_open: what to decide while the server is down: True lets calls through, False refuses them.
        """
        self._client = open_redis(url)
        self._take = self._client.register_script(TAKE)
        self._prefix = f"{namespace}:limit:"
        self._fail_open = fail_open
        self.failures = 0

    async def take(self, key: str, rate: float, period: float, burst: int) -> Decision:
        """See `RateLimiter.take`."""
        interval_us = max(1, round(period / rate * 1_000_000))
        try:
            wait_us = int(await self._take(keys=[self._prefix + key], args=[interval_us, burst]))
        except (*DOWN, ResponseError) as error:
            self.failures += 1
            _log.warning("rate_limiter_down", reason=str(error), fail_open=self._fail_open)
            return Decision(True) if self._fail_open else Decision(False, 1.0)
        return Decision(wait_us <= 0, max(wait_us, 0) / 1_000_000)

    async def close(self) -> None:
        """See `RateLimiter.close`."""
        await self._client.aclose()
