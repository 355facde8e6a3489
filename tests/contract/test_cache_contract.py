"""What every `Cache` promises; memory and Redis both keep it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from services.chassis.cache import Cache, InProcessCache
from services.chassis.cache.redis import RedisCache
from tests.fixtures.waiting import eventually


@pytest.fixture(params=["in-process", "redis"])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[Cache]:
    opened: Cache
    if request.param == "redis":
        opened = RedisCache(request.getfixturevalue("redis_url"), max_value_bytes=1000)
    else:
        opened = InProcessCache(max_value_bytes=1000)
    yield opened
    await opened.close()


async def test_a_value_comes_back_as_it_was(cache: Cache) -> None:
    await cache.set("key", b"\x00\xffvalue", 60.0)
    assert await cache.get("key") == b"\x00\xffvalue"


async def test_an_empty_value_is_not_a_missing_one(cache: Cache) -> None:
    await cache.set("key", b"", 60.0)
    assert await cache.get("key") == b""
    assert await cache.get("other") is None


async def test_a_later_value_replaces_an_earlier_one(cache: Cache) -> None:
    await cache.set("key", b"1", 60.0)
    await cache.set("key", b"2", 60.0)
    assert await cache.get("key") == b"2"


async def test_deleted_keys_are_missing(cache: Cache) -> None:
    for key in ("a", "b", "c"):
        await cache.set(key, b"x", 60.0)
    await cache.delete("a", "b", "never there")
    await cache.delete()
    assert [await cache.get(key) for key in ("a", "b", "c")] == [None, None, b"x"]


async def test_a_value_is_gone_after_its_time(cache: Cache) -> None:
    await cache.set("key", b"x", 0.05)

    async def gone() -> bool:
        return await cache.get("key") is None

    await eventually(gone)


async def test_what_cannot_be_kept_also_replaces_what_was_there(cache: Cache) -> None:
    await cache.set("large", b"old", 60.0)
    await cache.set("large", b"x" * 1001, 60.0)
    assert await cache.get("large") is None
    await cache.set("timeless", b"old", 60.0)
    await cache.set("timeless", b"new", 0.0)
    assert await cache.get("timeless") is None
