"""Bounds of the in-process cache, and the Redis cache without a server."""

from __future__ import annotations

import pytest

from services.chassis.cache import InProcessCache, open_cache
from services.chassis.cache.redis import RedisCache


async def test_the_least_recently_used_value_goes_first() -> None:
    cache = InProcessCache(max_bytes=3 * 300)
    for key in "abc":
        await cache.set(key, b"x" * 99, 60.0)
    await cache.get("a")
    await cache.set("d", b"x" * 99, 60.0)
    assert [key for key in "abcd" if await cache.get(key)] == ["a", "c", "d"]


async def test_memory_is_bounded_and_counted_back() -> None:
    cache = InProcessCache(max_bytes=10_000)
    for number in range(1000):
        await cache.set(str(number % 77), b"x" * (number % 500), 60.0)
        assert cache.size_bytes <= 10_000
    await cache.delete(*(str(number) for number in range(77)))
    assert cache.size_bytes == 0


async def test_an_expired_value_is_missing_and_frees_its_memory() -> None:
    now_s = 0.0
    cache = InProcessCache(clock=lambda: now_s)
    await cache.set("key", b"x", 10.0)
    now_s = 9.9
    assert await cache.get("key") == b"x"
    now_s = 10.0
    assert await cache.get("key") is None
    assert cache.size_bytes == 0


async def test_without_a_server_values_are_missing_and_nothing_raises() -> None:
    cache = RedisCache("redis://127.0.0.1:1/0")
    await cache.set("key", b"x", 60.0)
    assert await cache.get("key") is None
    await cache.delete("key")
    assert cache.failures == 3
    await cache.close()


def test_an_unknown_url_is_refused() -> None:
    with pytest.raises(ValueError, match="not a cache"):
        open_cache("memcached://localhost")
