"""Following a recording live, and giving one up."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from pulsemesh.samples import encode_batch
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import ingest_service_pb2, recording_pb2, recording_service_pb2
from services.workout.closing import close_now
from services.workout.store import recordings
from services.workout.tables import journal
from services.workout.watching import Watching
from tests.integration.services.workout.conftest import (
    HEART_RATE,
    PERSON,
    START_MS,
    STRANGER,
    Rig,
    Sent,
    collected,
    reason_of,
    ride,
)

PATIENCE_S = 30.0


def watch(rig: Rig, recording_id: str) -> Any:
    request = recording_service_pb2.WatchRecordingRequest(recording_id=recording_id)
    return rig.recordings.WatchRecording(request, metadata=rig.who)


async def get(rig: Rig, recording_id: str) -> Any:
    request = recording_service_pb2.GetRecordingRequest(recording_id=recording_id)
    return (await rig.recordings.GetRecording(request, metadata=rig.who)).recording


async def close(rig: Rig, recording_id: str) -> str:
    request = recording_service_pb2.CloseRecordingRequest(recording_id=recording_id)
    return str((await rig.recordings.CloseRecording(request, metadata=rig.who)).workout_id)


async def discard(rig: Rig, recording_id: str) -> Any:
    request = recording_service_pb2.DiscardRecordingRequest(recording_id=recording_id)
    return (await rig.recordings.DiscardRecording(request, metadata=rig.who)).recording


async def test_a_watcher_begins_with_the_newest_values_and_ends_with_the_workout(rig: Rig) -> None:
    strap = Sent("strap", [START_MS, START_MS + 1000], {HEART_RATE: [140, 151]})
    recording_id, _ = await rig.append([strap], finish=False)
    async with asyncio.timeout(PATIENCE_S):
        watching = aiter(watch(rig, recording_id))
        first = await anext(watching)
        workout_id = await close(rig, recording_id)
        rest = await collected(watching)
    assert first.state == recording_pb2.RECORDING_STATE_OPEN
    assert [(value.source_id, value.channel, value.value) for value in first.values] == [
        ("strap", HEART_RATE, 151.0)
    ]
    assert first.samples == 2
    assert rest[-1].state == recording_pb2.RECORDING_STATE_CLOSED
    assert rest[-1].workout_id == workout_id


async def test_a_watcher_sees_what_is_committed_while_it_watches(rig: Rig) -> None:
    recording_id, _ = await rig.append([ride(5)], finish=False)
    requests: asyncio.Queue[Any] = asyncio.Queue()

    async def sent() -> Any:
        while (request := await requests.get()) is not None:
            yield request

    opening = ingest_service_pb2.OpenRecording(
        recording_id=recording_id,
        writer_id="writer",
        start_time_ms=START_MS,
        sources=[ride().description()],
        client_time_ms=rig.clock(),
    )
    batch = encode_batch(0, 5, [START_MS + 5000], {HEART_RATE: [177]})
    async with asyncio.timeout(PATIENCE_S):
        watching = watch(rig, recording_id)
        await watching.read()
        stream = rig.ingest.StreamSamples(sent(), metadata=rig.who)
        await requests.put(ingest_service_pb2.StreamSamplesRequest(open=opening))
        await requests.put(ingest_service_pb2.StreamSamplesRequest(batch=batch))
        update = await watching.read()
        await requests.put(None)
        await collected(stream)
        watching.cancel()
    assert 177.0 in [value.value for value in update.values]


async def test_watching_a_closed_recording_tells_its_workout_and_ends(rig: Rig) -> None:
    recording_id, response = await rig.append([ride(5)])
    (only,) = await collected(watch(rig, recording_id))
    assert only.state == recording_pb2.RECORDING_STATE_CLOSED
    assert only.workout_id == response.closed.workout_id


async def test_the_last_word_arrives_although_its_message_was_lost(rig: Rig) -> None:
    recording_id, _ = await rig.append([ride(5)], finish=False)
    patient = Watching(rig.database, rig.live, rig.clock, look_again_s=0.05)
    async with rig.database.read() as view:
        row = await view.run(recordings.find, PERSON, recording_id)
    assert row is not None
    following = patient.follow(PERSON, recording_id, asyncio.Event())
    async with asyncio.timeout(PATIENCE_S):
        await anext(following)
        closed = await close_now(rig.database, row.recording.recording_pk, rig.clock(), live=None)
        *_, last = [message async for message in following]
    assert last.workout_id == closed.workout_id


async def test_a_watcher_is_told_to_come_back_when_the_server_drains(rig: Rig) -> None:
    from services.chassis.errors import ShuttingDown

    recording_id, _ = await rig.append([ride(5)], finish=False)
    draining = asyncio.Event()
    following = Watching(rig.database, rig.live, rig.clock).follow(PERSON, recording_id, draining)
    async with asyncio.timeout(PATIENCE_S):
        await anext(following)
        draining.set()
        with pytest.raises(ShuttingDown):
            await anext(following)


async def test_watchers_of_a_discarded_recording_are_told(rig: Rig) -> None:
    recording_id, _ = await rig.append([ride(5)], finish=False)
    async with asyncio.timeout(PATIENCE_S):
        watching = aiter(watch(rig, recording_id))
        await anext(watching)
        await discard(rig, recording_id)
        *_, last = await collected(watching)
    assert last.state == recording_pb2.RECORDING_STATE_DISCARDED


async def test_a_discarded_recording_keeps_no_sample(rig: Rig) -> None:
    recording_id, _ = await rig.append([ride(5)], finish=False)
    first = await discard(rig, recording_id)
    again = await discard(rig, recording_id)
    assert first.state == again.state == recording_pb2.RECORDING_STATE_DISCARDED
    assert (await rig.rows(journal))["journal"] == 0
    assert (await rig.event_types()).count("RecordingDiscarded") == 1


async def test_a_closed_recording_cannot_be_discarded(rig: Rig) -> None:
    recording_id, response = await rig.append([ride(5)])
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await discard(rig, recording_id)
    assert reason_of(caught.value) == "RECORDING_CLOSED"
    assert await rig.get(response.closed.workout_id)


async def test_a_recording_tells_how_much_is_held(rig: Rig) -> None:
    recording_id, _ = await rig.append([ride(5)], finish=False)
    recording = await get(rig, recording_id)
    (source,) = recording.sources
    assert (source.source_id, source.next_sequence, source.complete) == ("meter", 5, False)
    assert source.device.name == "Meter"
    assert recording.last_sample_at.ToMilliseconds() == START_MS + 4000


async def test_a_closed_recording_still_tells_its_last_sample(rig: Rig) -> None:
    recording_id, _ = await rig.append([ride(5)])
    assert (await get(rig, recording_id)).last_sample_at.ToMilliseconds() == START_MS + 4000


async def test_recordings_are_listed_newest_first_in_pages(rig: Rig) -> None:
    ids = [(await rig.append([ride(3)], finish=number % 2 == 0))[0] for number in range(4)]
    found, token = [], ""
    for _ in range(2):
        request = recording_service_pb2.ListRecordingsRequest(page_size=2, page_token=token)
        page = await rig.recordings.ListRecordings(request, metadata=rig.who)
        found += [recording.recording_id for recording in page.recordings]
        token = page.next_page_token
    assert found == ids[::-1]
    assert not token
    request = recording_service_pb2.ListRecordingsRequest(states=[recording_pb2.RECORDING_STATE_OPEN])
    page = await rig.recordings.ListRecordings(request, metadata=rig.who)
    assert [recording.recording_id for recording in page.recordings] == [ids[3], ids[1]]


async def test_nobody_sees_or_touches_the_recording_of_another(rig: Rig) -> None:
    recording_id, _ = await rig.append([ride(5)], finish=False)
    stranger = rig.as_user(STRANGER)
    for act in (get, close, discard):
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await act(stranger, recording_id)
        assert reason_of(caught.value) == "NOT_FOUND"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await collected(watch(stranger, recording_id))
    assert reason_of(caught.value) == "NOT_FOUND"


async def test_an_unknown_recording_is_not_found(rig: Rig) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await get(rig, new_ulid())
    assert reason_of(caught.value) == "NOT_FOUND"
