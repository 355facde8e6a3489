"""Values in Redis or Valkey, shared by all processes of a cell.

The server bounds the memory: give it ``maxmemory`` and ``maxmemory-policy allkeys-lru``, hence not the server
of the bus, which must not forget anything.
"""

from __future__ import annotations

import structlog
from redis.exceptions import ResponseError

from services.chassis.cache.port import MAX_VALUE_BYTES
from services.chassis.redis_client import DOWN, open_redis

_log = structlog.get_logger(__name__)

_FAILURES = (*DOWN, ResponseError)


class RedisCache:
    """The `Cache` shared by processes. `failures` counts the calls that a server's absence cut short."""

    def __init__(
        self, url: str, *, namespace: str = "pulsemesh", max_value_bytes: int = MAX_VALUE_BYTES
    ) -> None:
        self._client = open_redis(url)
        self._prefix = f"{namespace}:cache:"
        self._max_value_bytes = max_value_bytes
        self.failures = 0

    async def get(self, key: str) -> bytes | None:
        """See `Cache.get`."""
        try:
            value = await self._client.get(self._prefix + key)
        except _FAILURES as error:
            self._failed(error)
            return None
        return value if isinstance(value, bytes) else None

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        """See `Cache.set`."""
        if ttl <= 0 or len(value) > self._max_value_bytes:
            await self.delete(key)
            return
        try:
            await self._client.set(self._prefix + key, value, px=max(1, round(ttl * 1000)))
        except _FAILURES as error:
            self._failed(error)

    async def delete(self, *keys: str) -> None:
        """See `Cache.delete`."""
        if not keys:
            return
        try:
            await self._client.unlink(*(self._prefix + key for key in keys))
        except _FAILURES as error:
            self._failed(error)

    async def close(self) -> None:
        """See `Cache.close`."""
        await self._client.aclose()

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        _log.warning("cache_down", reason=str(error))
