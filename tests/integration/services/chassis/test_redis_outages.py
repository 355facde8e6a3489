"""Limits, cache and live messages over the death and return of their server: nothing raises, all recover."""

from __future__ import annotations

import asyncio

from services.chassis.cache.redis import RedisCache
from services.chassis.limits.redis import RedisRateLimiter
from services.chassis.live.redis import RedisLive
from tests.fixtures.valkey import ValkeyServer
from tests.fixtures.waiting import eventually


async def test_the_limiter_fails_open_and_limits_again(own_valkey: ValkeyServer) -> None:
    limiter = RedisRateLimiter(own_valkey.url)
    assert (await limiter.take("key", 1, 3600.0, 1)).allowed
    await asyncio.to_thread(own_valkey.kill)
    assert (await limiter.take("key", 1, 3600.0, 1)).allowed
    assert limiter.failures == 1
    await asyncio.to_thread(own_valkey.restart)
    assert not (await limiter.take("key", 1, 3600.0, 1)).allowed
    await limiter.close()


async def test_the_cache_misses_and_hits_again(own_valkey: ValkeyServer) -> None:
    cache = RedisCache(own_valkey.url)
    await cache.set("key", b"value", 3600.0)
    await asyncio.to_thread(own_valkey.kill)
    assert await cache.get("key") is None
    await asyncio.to_thread(own_valkey.restart)
    assert await cache.get("key") == b"value"
    await cache.close()


async def test_watchers_see_messages_again_after_the_server_is_back(own_valkey: ValkeyServer) -> None:
    live = RedisLive(own_valkey.url)
    received: list[bytes] = []

    async def watch() -> None:
        async with live.subscribe("ride") as watcher:
            async for message in watcher:
                received.append(message)

    async def seen(message: bytes) -> bool:
        await live.publish("ride", message)
        return message in received

    watching = asyncio.create_task(watch())
    await eventually(lambda: seen(b"before"))
    await asyncio.to_thread(own_valkey.kill)
    for _ in range(100):
        await live.publish("ride", b"meanwhile")  # never waits, never raises
    await asyncio.to_thread(own_valkey.restart)
    await eventually(lambda: seen(b"after"))
    watching.cancel()
    await live.close()
