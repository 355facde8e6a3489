from __future__ import annotations

import asyncio

import grpc
import pytest

from pulsemesh import Client, connect, errors
from pulsemesh.parts.memory_feed import MemoryFeed
from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import ingest_service_pb2
from tests.unit.pulsemesh.peers import Failure, Platform

HEART_RATE, POWER = channel_pb2.CHANNEL_HEART_RATE, channel_pb2.CHANNEL_POWER
START_MS = 1_780_000_000_000


async def test_a_recording_arrives_sample_by_sample(platform: Platform, client: Client) -> None:
    async with client.ingest.record("cycling", ["heart_rate", "power"], title="Laps", start=START_MS) as live:
        for second in range(20):
            await live.add(
                START_MS + 1000 * second, heart_rate=120 + second, power=None if second % 2 else 200
            )
    assert live.workout_id == f"{77:026d}"
    assert live.unacknowledged == 0
    stored = platform.ingest.samples
    assert [time_ms for time_ms, _ in stored] == [START_MS + 1000 * n for n in range(20)]
    assert [values[HEART_RATE] for _, values in stored] == list(range(120, 140))
    assert [values.get(POWER) for _, values in stored] == [200, None] * 10


async def test_a_recording_says_what_it_is(platform: Platform, client: Client) -> None:
    async with client.ingest.record("cycling", ["power"], title="Laps", sub_sport="indoor_cycling") as live:
        await live.add(power=210)
    opened = platform.ingest.opened[0]
    assert opened.recording_id == live.recording_id
    assert opened.sport == sport_pb2.SPORT_CYCLING
    assert opened.sub_sport == sport_pb2.SUB_SPORT_INDOOR_CYCLING
    assert list(opened.sources[0].channels) == [POWER]
    assert platform.ingest.finished.details.title == "Laps"
    assert list(platform.ingest.finished.sample_counts) == [1]


async def test_a_break_loses_and_doubles_nothing(platform: Platform, client: Client) -> None:
    platform.ingest.break_after_batches.extend([1, 2])
    async with client.ingest.record("running", ["heart_rate"], start=START_MS) as live:
        for n in range(50):
            await live.add(START_MS + n, heart_rate=n)
    assert [values[HEART_RATE] for _, values in platform.ingest.samples] == list(range(50))
    assert len(platform.ingest.opened) == 3


async def test_a_refused_token_is_replaced_and_the_session_goes_on(platform: Platform) -> None:
    platform.script.good_tokens = {"new"}
    tokens = iter(["old", "new"])
    async with (
        connect(platform.target, lambda: next(tokens)) as client,
        client.ingest.record("running", ["heart_rate"]) as live,
    ):
        await live.add(heart_rate=99)
    assert live.workout_id


async def test_a_session_that_may_not_be_fails_with_its_meaning(platform: Platform, client: Client) -> None:
    platform.script.fail("StreamSamples", Failure(grpc.StatusCode.PERMISSION_DENIED, "CONSENT_MISSING"))
    recording = client.ingest.record("running", ["heart_rate"])
    with pytest.raises(errors.ConsentMissing):
        async with recording as live:
            await live.add(heart_rate=99)


async def test_a_flush_returns_when_everything_is_committed(platform: Platform, client: Client) -> None:
    async with client.ingest.record("running", ["heart_rate"]) as live:
        for n in range(30):
            await live.add(START_MS + n, heart_rate=n)
        await live.flush()
        assert live.unacknowledged == 0
        assert len(platform.ingest.samples) == 30


async def test_a_flush_of_a_session_that_failed_fails(platform: Platform, client: Client) -> None:
    platform.script.fail("StreamSamples", Failure(grpc.StatusCode.PERMISSION_DENIED, "ACCESS_DENIED"))

    async def record() -> None:
        async with client.ingest.record("running", ["heart_rate"]) as live:
            await live.add(heart_rate=1)
            await live.flush()
            raise AssertionError

    with pytest.raises(errors.PermissionDenied):
        await record()


async def test_an_exception_inside_leaves_the_recording_open(platform: Platform, client: Client) -> None:
    with pytest.raises(ZeroDivisionError):
        async with client.ingest.record("running", ["heart_rate"]) as live:
            await live.add(heart_rate=1 / 0)
    assert live.workout_id == ""
    assert platform.ingest.finished is None


async def test_a_recording_may_be_resumed_by_its_id(platform: Platform, client: Client) -> None:
    async with client.ingest.record("running", ["heart_rate"], recording_id="0" * 26) as live:
        await live.add(heart_rate=99)
    assert platform.ingest.opened[0].recording_id == "0" * 26


async def test_an_unknown_channel_is_refused(client: Client) -> None:
    with pytest.raises(ValueError, match="no such channel"):
        client.ingest.record("running", ["mana"])


async def test_a_value_that_does_not_fit_is_refused(client: Client) -> None:
    recording = client.ingest.record("running", ["heart_rate"], max_attempts=1)
    with pytest.raises(OverflowError):
        async with recording as live:
            await live.add(heart_rate=1e12)


async def test_samples_are_refused_before_the_recording_is_open(client: Client) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await client.ingest.record("running", ["heart_rate"]).add(heart_rate=1)


async def test_a_full_feed_makes_its_producer_wait_until_samples_are_acknowledged() -> None:
    feed = MemoryFeed(1, capacity=3)
    for n in range(3):
        feed.add(0, n, {HEART_RATE: n})
    with pytest.raises(OverflowError):
        feed.add(0, 3, {HEART_RATE: 3})
    waiting = asyncio.ensure_future(feed.room())
    await asyncio.sleep(0.01)
    assert not waiting.done()
    await feed.acknowledged(0, 2)
    await asyncio.wait_for(waiting, 10)
    assert feed.unacknowledged == 1


async def test_a_producer_faster_than_the_platform_is_held_back(platform: Platform, client: Client) -> None:
    recording = client.ingest.record("running", ["heart_rate"], capacity=50)
    async with recording as live:
        for n in range(400):
            await live.add(START_MS + n, heart_rate=n % 200)
            assert live.unacknowledged <= 50
    assert len(platform.ingest.samples) == 400


async def test_a_recording_closed_from_elsewhere_takes_no_more(platform: Platform, client: Client) -> None:
    platform.ingest.close_after_batches = 1

    async def record_for_ever() -> None:
        async with client.ingest.record("running", ["heart_rate"]) as live:
            while True:
                await live.add(heart_rate=99)
                await asyncio.sleep(0.001)

    with pytest.raises(errors.FailedPrecondition, match="closed from elsewhere"):
        await record_for_ever()


async def test_a_feed_gives_any_unacknowledged_sample_again() -> None:
    feed = MemoryFeed(1)
    for n in range(6):
        feed.add(0, n, {HEART_RATE: n})
    await feed.acknowledged(0, 2)
    for _ in range(2):
        batch = await feed.next_batch(0, 3, 2)
        assert batch is not None
        assert (batch.first_sequence, batch.start_time_ms, len(batch.time_deltas_ms)) == (3, 3, 1)
    with pytest.raises(LookupError):
        await feed.next_batch(0, 1, 2)


async def test_samples_may_be_appended_in_a_single_call(platform: Platform, client: Client) -> None:
    live = client.ingest.record("running", ["heart_rate"])
    request = ingest_service_pb2.AppendSamplesRequest(open=live._opening)
    assert list((await client.ingest.append(request)).next_sequences) == [0]
