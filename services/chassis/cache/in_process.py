"""Values in memory, for one process."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from services.chassis.cache.port import MAX_VALUE_BYTES

OVERHEAD_BYTES = 200
"""What an entry costs beside key and value, about."""


class InProcessCache:
    """The `Cache` of one process: the least recently used value goes first when memory is full."""

    def __init__(
        self,
        *,
        max_bytes: int = 64 * 1024 * 1024,
        max_value_bytes: int = MAX_VALUE_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._entries: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._max_bytes = max_bytes
        self._max_value_bytes = max_value_bytes
        self._clock = clock
        self._bytes = 0

    @property
    def size_bytes(self) -> int:
        """What keys and values take now, about."""
        return self._bytes

    async def get(self, key: str) -> bytes | None:
        """See `Cache.get`."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        value, expires_s = entry
        if self._clock() >= expires_s:
            self._forget(key)
            return None
        self._entries.move_to_end(key)
        return value

    async def set(self, key: str, value: bytes, ttl: float) -> None:
        """See `Cache.set`."""
        self._forget(key)
        if ttl <= 0 or len(value) > self._max_value_bytes:
            return
        self._entries[key] = (value, self._clock() + ttl)
        self._bytes += _cost(key, value)
        while self._bytes > self._max_bytes:
            self._forget(next(iter(self._entries)))

    async def delete(self, *keys: str) -> None:
        """See `Cache.delete`."""
        for key in keys:
            self._forget(key)

    async def close(self) -> None:
        """See `Cache.close`."""
        self._entries.clear()
        self._bytes = 0

    def _forget(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= _cost(key, entry[0])


def _cost(key: str, value: bytes) -> int:
    return len(key) + len(value) + OVERHEAD_BYTES
