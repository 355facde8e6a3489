"""What every `LiveChannel` promises; memory and Redis pub/sub both keep it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from services.chassis.live import MAX_MESSAGE_BYTES, InProcessLive, LiveChannel, LiveSubscription
from services.chassis.live.redis import RedisLive
from tests.fixtures.waiting import eventually


@pytest.fixture(params=["in-process", "redis"])
async def live(request: pytest.FixtureRequest) -> AsyncIterator[LiveChannel]:
    in_redis = request.param == "redis"
    opened: LiveChannel = RedisLive(request.getfixturevalue("redis_url")) if in_redis else InProcessLive()
    yield opened
    await opened.close()


async def take(subscription: LiveSubscription, count: int) -> list[bytes]:
    messages: list[bytes] = []
    async with asyncio.timeout(30):
        async for message in subscription:
            messages.append(message)
            if len(messages) == count:
                break
    return messages


async def test_a_watcher_sees_its_topic_in_order_from_the_moment_it_entered(live: LiveChannel) -> None:
    await live.publish("ride", b"before")
    async with live.subscribe("ride") as watcher:
        for number in range(20):
            await live.publish("other", b"no")
            await live.publish("ride", str(number).encode())
        received = await take(watcher, 20)
    # What was on its way when the watcher entered may arrive, what came after must.
    assert [message for message in received if message != b"before"][:19] == [b"%d" % n for n in range(19)]
    assert watcher.dropped == 0


async def test_each_watcher_of_a_topic_sees_each_message(live: LiveChannel) -> None:
    async with live.subscribe("ride") as first, live.subscribe("ride") as second:
        await live.publish("ride", b"x")
        assert await take(first, 1) == await take(second, 1) == [b"x"]


async def test_a_watcher_that_leaves_does_not_disturb_the_others(live: LiveChannel) -> None:
    async with live.subscribe("ride") as staying:
        async with live.subscribe("ride"):
            pass
        await live.publish("ride", b"x")
        assert await take(staying, 1) == [b"x"]


async def test_a_topic_can_be_watched_again_after_the_last_watcher_left(live: LiveChannel) -> None:
    for number in range(5):
        async with live.subscribe("ride") as watcher:
            await live.publish("ride", str(number).encode())
            assert await take(watcher, 1) == [str(number).encode()]


async def test_a_slow_watcher_loses_the_oldest_and_the_publisher_never_waits(live: LiveChannel) -> None:
    async with live.subscribe("ride") as slow:
        for number in range(500):
            await live.publish("ride", str(number).encode())
        await eventually(lambda: slow.dropped >= 500 - 64)
        assert (await take(slow, 64))[-1] == b"499"
        assert slow.dropped == 500 - 64


async def test_a_topic_with_a_watcher_is_watched(live: LiveChannel) -> None:
    async with live.subscribe("topic"):
        assert live.watched("topic")


async def test_too_long_a_message_is_refused(live: LiveChannel) -> None:
    with pytest.raises(ValueError, match="bytes"):
        await live.publish("ride", b"x" * (MAX_MESSAGE_BYTES + 1))


async def test_close_ends_the_watching(live: LiveChannel) -> None:
    async with live.subscribe("ride") as watcher:
        watching = asyncio.create_task(take(watcher, 1))
        await asyncio.sleep(0)
        await live.close()
        assert await watching == []
