"""The in-process limiter against a simple model, and its bound on memory."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.limits import InProcessRateLimiter, open_rate_limiter
from services.chassis.limits.redis import RedisRateLimiter


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@given(
    pauses=st.lists(st.integers(0, 40), max_size=60),
    rate=st.integers(1, 5),
    burst=st.integers(1, 8),
)
def test_it_is_a_token_bucket(pauses: list[int], rate: int, burst: int) -> None:
    """Against a bucket counted in whole parts of tokens; times are multiples of 1/8 s, exact in binary."""
    clock = Clock()
    limiter = InProcessRateLimiter(clock=clock)
    parts = burst * 8  # a token is 8 parts, and `rate` parts arrive each 1/8 s

    async def run() -> None:
        nonlocal parts
        for pause in pauses:
            clock.now_s += pause / 8
            parts = min(burst * 8, parts + pause * rate)
            decision = await limiter.take("key", rate, 1.0, burst)
            assert decision.allowed == (parts >= 8)
            if decision.allowed:
                parts -= 8
            else:
                assert decision.retry_after == pytest.approx((8 - parts) / rate / 8)

    asyncio.run(run())


async def test_idle_buckets_are_evicted() -> None:
    clock = Clock()
    limiter = InProcessRateLimiter(clock=clock)
    for number in range(1000):
        await limiter.take(f"key-{number}", 1, 1.0, 1)
    assert len(limiter) == 1000
    clock.now_s += 2.0
    for _ in range(600):
        await limiter.take("busy", 1, 1.0, 1)
    assert len(limiter) == 1


async def test_memory_is_bounded_when_every_bucket_is_in_use() -> None:
    limiter = InProcessRateLimiter(max_keys=100, clock=Clock())
    for number in range(5000):
        await limiter.take(f"key-{number}", 1, 3600.0, 1)
    assert len(limiter) <= 100
    assert not (await limiter.take("key-4999", 1, 3600.0, 1)).allowed


@pytest.mark.parametrize("fail_open", [True, False])
async def test_without_a_server_it_decides_as_it_was_told(fail_open: bool) -> None:
    limiter = RedisRateLimiter("redis://127.0.0.1:1/0", fail_open=fail_open)
    decision = await limiter.take("key", 1, 1.0, 1)
    assert decision.allowed is fail_open
    assert (decision.retry_after > 0) is not fail_open
    assert limiter.failures == 1
    await limiter.close()


def test_an_unknown_url_is_refused() -> None:
    with pytest.raises(ValueError, match="not a rate limiter"):
        open_rate_limiter("memcached://localhost")
