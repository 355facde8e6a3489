"""What every `RateLimiter` promises; memory and Redis both keep it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.chassis.limits import InProcessRateLimiter, RateLimiter
from services.chassis.limits.redis import RedisRateLimiter


@pytest.fixture(params=["in-process", "redis"])
async def limiter(request: pytest.FixtureRequest) -> AsyncIterator[RateLimiter]:
    opened: RateLimiter
    if request.param == "redis":
        opened = RedisRateLimiter(request.getfixturevalue("redis_url"))
    else:
        opened = InProcessRateLimiter()
    yield opened
    await opened.close()


async def test_a_burst_is_allowed_and_the_next_call_is_told_when_to_come(limiter: RateLimiter) -> None:
    decisions = [await limiter.take("key", rate=1, period=3600.0, burst=5) for _ in range(6)]
    assert [decision.allowed for decision in decisions] == [True] * 5 + [False]
    assert all(decision.retry_after == 0.0 for decision in decisions[:5])
    assert 3000.0 < decisions[5].retry_after <= 3600.0


async def test_keys_do_not_touch_each_other(limiter: RateLimiter) -> None:
    assert (await limiter.take("first", 1, 3600.0, 1)).allowed
    assert not (await limiter.take("first", 1, 3600.0, 1)).allowed
    assert (await limiter.take("second", 1, 3600.0, 1)).allowed


async def test_a_refused_call_takes_no_token(limiter: RateLimiter) -> None:
    assert (await limiter.take("key", 1, 3600.0, 1)).allowed
    waits = [(await limiter.take("key", 1, 3600.0, 1)).retry_after for _ in range(20)]
    assert max(waits) <= 3600.0


async def test_after_the_announced_pause_the_call_is_allowed(limiter: RateLimiter) -> None:
    for _ in range(3):
        await limiter.take("key", 10, 1.0, 3)
    refused = await limiter.take("key", 10, 1.0, 3)
    if not refused.allowed:  # a very slow machine may have earned a token already
        await asyncio.sleep(refused.retry_after + 0.005)
        assert (await limiter.take("key", 10, 1.0, 3)).allowed


async def test_concurrent_takers_share_exactly_the_burst(limiter: RateLimiter) -> None:
    decisions = await asyncio.gather(*(limiter.take("key", 1, 3600.0, 25) for _ in range(100)))
    assert sum(decision.allowed for decision in decisions) == 25
