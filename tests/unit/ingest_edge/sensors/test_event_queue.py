"""The bounded queue: order, bound, exact counters, end."""

from __future__ import annotations

import asyncio

import pytest

from ingest_edge.sensors import ConnectionLost, EventQueue, Reading


def reading(number: int) -> Reading:
    return Reading("ble:a", "heart_rate", number, {"heart_rate": 60.0})


async def test_events_come_out_in_order() -> None:
    queue = EventQueue()
    for number in range(5):
        assert queue.offer(reading(number))
    assert await queue.get_batch(3) == [reading(0), reading(1), reading(2)]
    assert await queue.get_batch(3) == [reading(3), reading(4)]


async def test_readings_beyond_the_capacity_are_refused_and_counted() -> None:
    queue = EventQueue(capacity=3)
    taken = [queue.offer(reading(number)) for number in range(5)]
    assert taken == [True, True, True, False, False]
    assert (queue.emitted, queue.dropped, len(queue)) == (3, 2, 3)


async def test_an_overflow_is_logged_once_until_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    queue = EventQueue(capacity=1)
    for number in range(4):
        queue.offer(reading(number))
    assert len(caplog.records) == 1
    queue.take()
    for number in range(2):
        queue.offer(reading(number))
    assert len(caplog.records) == 2


async def test_news_of_a_connection_enters_a_full_queue() -> None:
    queue = EventQueue(capacity=1)
    queue.offer(reading(0))
    assert queue.offer(ConnectionLost("ble:a", 1, "disconnected"))
    assert not queue.offer(reading(2))
    assert len(queue.take()) == 2
    assert queue.offer(reading(3))


async def test_a_waiting_consumer_wakes_up() -> None:
    queue = EventQueue()
    consumer = asyncio.create_task(queue.get_batch())
    await asyncio.sleep(0)
    queue.offer(reading(1))
    assert await consumer == [reading(1)]


async def test_closing_ends_the_iteration_after_what_is_queued() -> None:
    queue = EventQueue()
    queue.offer(reading(1))
    queue.close()
    assert not queue.offer(reading(2))
    assert [event async for event in queue] == [reading(1)]
    assert await queue.get_batch() == []


async def test_closing_wakes_a_waiting_consumer() -> None:
    queue = EventQueue()
    consumer = asyncio.create_task(queue.get_batch())
    await asyncio.sleep(0)
    queue.close()
    assert await consumer == []


def test_a_capacity_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        EventQueue(0)
