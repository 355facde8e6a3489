"""Recordings become workouts, once, with everything in them."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from sqlalchemy import Connection, select, update

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import (
    events_pb2,
    recording_pb2,
    recording_service_pb2,
    workout_service_pb2,
)
from services.workout import tables
from services.workout.closing import close_now, close_recording, close_when_complete
from services.workout.errors import RecordingDiscarded, RecordingIncomplete
from services.workout.store import recordings
from services.workout.tables import chunks, journal
from tests.integration.services.workout.conftest import (
    HEART_RATE,
    MARKER,
    PERSON,
    POWER,
    START_MS,
    Rig,
    Sent,
    collected,
    reason_of,
    ride,
)

HOUR_MS = 3_600_000


async def key_of(rig: Rig, recording_id: str) -> int:
    async with rig.database.read() as view:
        row = await view.run(recordings.find, PERSON, recording_id)
    assert row is not None
    return int(row.recording.recording_pk)


async def test_a_finished_recording_becomes_a_workout_with_its_numbers(rig: Rig) -> None:
    workout = await rig.get(await rig.workout(61))
    assert workout.summary.elapsed_s == 60
    assert workout.summary.distance_m == pytest.approx(480)
    assert workout.summary.work_kj == pytest.approx(9)
    assert workout.title == "Cycling, 15 June 2025"
    assert workout.sport == sport_pb2.SPORT_CYCLING
    assert workout.start_time.ToMilliseconds() == START_MS
    assert workout.end_time.ToMilliseconds() == START_MS + 60_000
    assert [source.source_id for source in workout.sources] == ["meter"]
    assert workout.etag


async def test_the_journal_is_gone_and_each_source_has_a_chunk_an_hour(rig: Rig) -> None:
    times = [START_MS + minute * 60_000 for minute in range(0, 150)]
    await rig.append([Sent("strap", times, {HEART_RATE: [120] * len(times)}), ride(30)])
    assert await rig.rows(journal, chunks) == {"journal": 0, "chunks": 4}


async def test_an_event_tells_of_the_workout_once(rig: Rig) -> None:
    workout_id = await rig.workout(30)
    recorded = [
        events_pb2.WorkoutRecorded.FromString(envelope.payload)
        for envelope in await rig.events()
        if envelope.type.endswith("WorkoutRecorded")
    ]
    assert [event.workout_id for event in recorded] == [workout_id]
    assert recorded[0].summary.elapsed_s == 29
    assert {envelope.subject for envelope in await rig.events()} == {PERSON}
    assert {envelope.cell for envelope in await rig.events()} == {"eu"}


async def test_closing_twice_gives_the_same_workout(rig: Rig) -> None:
    recording_id, response = await rig.append([ride()])
    key = await key_of(rig, recording_id)
    again = await close_when_complete(rig.database, key, rig.clock())
    async with rig.database.write() as transaction:
        once_more = await transaction.run(close_recording, key, rig.clock())
    assert again.already_closed
    assert {again.workout_id, once_more.workout_id} == {response.closed.workout_id}
    assert (await rig.event_types()).count("WorkoutRecorded") == 1


async def test_many_closers_at_once_make_one_workout(rig: Rig) -> None:
    recording_id, _ = await rig.append([ride()], finish=False)
    key = await key_of(rig, recording_id)
    closed = await asyncio.gather(*(close_now(rig.database, key, rig.clock()) for _ in range(6)))
    assert len({each.workout_id for each in closed}) == 1
    assert sum(not each.already_closed for each in closed) == 1


async def test_the_synchronous_core_closes_inside_a_callers_transaction(rig: Rig) -> None:
    recording_id, _ = await rig.append([ride(61)], finish=False)
    key = await key_of(rig, recording_id)
    async with rig.database.write() as transaction:
        closed = await transaction.run(close_recording, key, rig.clock())
    assert (await rig.get(closed.workout_id)).summary.distance_m == pytest.approx(480)


async def test_an_incomplete_recording_is_not_closed_by_its_writers(rig: Rig) -> None:
    recording_id, _ = await rig.append([ride()], finish=False)
    with pytest.raises(RecordingIncomplete):
        await close_when_complete(rig.database, await key_of(rig, recording_id), rig.clock())


async def test_the_owner_closes_what_the_writers_left(rig: Rig) -> None:
    recording_id, _ = await rig.append([ride()], finish=False)
    request = recording_service_pb2.CloseRecordingRequest(recording_id=recording_id)
    first = await rig.recordings.CloseRecording(request, metadata=rig.who)
    again = await rig.recordings.CloseRecording(request, metadata=rig.who)
    assert first.workout_id == again.workout_id
    assert (await rig.get(first.workout_id)).summary.elapsed_s == 59


async def test_samples_that_come_after_the_owner_closed_are_refused(rig: Rig) -> None:
    recording_id, _ = await rig.append([ride(10)], finish=False)
    request = recording_service_pb2.CloseRecordingRequest(recording_id=recording_id)
    closed = await rig.recordings.CloseRecording(request, metadata=rig.who)
    _, response = await rig.append([ride(20)], recording_id=recording_id)
    assert response.closed.workout_id == closed.workout_id
    assert (await rig.get(closed.workout_id)).sources[0].next_sequence == 10


async def test_a_sample_that_slips_in_while_closing_is_in_the_workout(rig: Rig) -> None:
    recording_id, _ = await rig.append([ride(10)], finish=False)
    key = await key_of(rig, recording_id)
    closing = asyncio.create_task(close_now(rig.database, key, rig.clock()))
    appending = asyncio.create_task(rig.append([ride(20)], recording_id=recording_id, finish=False))
    closed, _ = await asyncio.gather(closing, appending, return_exceptions=True)
    assert not isinstance(closed, BaseException)
    workout = await rig.get(closed.workout_id)
    request = workout_service_pb2.ReadStreamsRequest(workout_id=closed.workout_id)
    segments = await collected(rig.workouts.ReadStreams(request, metadata=rig.who))
    stored = sum(len(each.segment.time_deltas_ms) + 1 for each in segments)
    assert stored == workout.sources[0].next_sequence
    assert (await rig.rows(journal))["journal"] == 0


async def test_a_recording_without_samples_closes_without_numbers(rig: Rig) -> None:
    _, response = await rig.append([Sent("strap", [], {HEART_RATE: []})])
    workout = await rig.get(response.closed.workout_id)
    assert not workout.summary.HasField("elapsed_s")
    assert workout.start_time.ToMilliseconds() == START_MS


async def test_a_pool_swim_without_samples_has_its_lengths(rig: Rig) -> None:
    lengths = [
        recording_pb2.PoolLength(
            start_time_ms=START_MS + index * 30_000,
            end_time_ms=START_MS + (index + 1) * 30_000,
            active=index != 2,
            strokes=10,
        )
        for index in range(5)
    ]
    part = recording_pb2.SessionPart(
        sport=sport_pb2.SPORT_SWIMMING,
        start_time_ms=START_MS,
        end_time_ms=START_MS + 150_000,
        pool_length_m=25,
    )
    details = recording_pb2.RecordingDetails(title="Evening lengths", sessions=[part], lengths=lengths)
    _, response = await rig.append(
        [Sent("watch", [], {HEART_RATE: []})], details=details, sport=sport_pb2.SPORT_SWIMMING
    )
    workout = await rig.get(response.closed.workout_id)
    assert workout.title == "Evening lengths"
    assert workout.summary.distance_m == 100
    assert (workout.summary.lengths, workout.summary.strokes) == (4, 40)
    assert len(workout.lengths) == 5


async def test_lap_markers_make_laps(rig: Rig) -> None:
    marks = Sent("buttons", [START_MS + 20_000], {MARKER: [channel_pb2.MARKER_KIND_LAP]})
    _, response = await rig.append([ride(61), marks])
    workout = await rig.get(response.closed.workout_id)
    assert [lap.summary.elapsed_s for lap in workout.laps] == [20, 40]
    assert [lap.summary.distance_m for lap in workout.laps] == pytest.approx([160, 320])


async def test_sessions_of_several_sports_make_a_multisport_workout(rig: Rig) -> None:
    parts = [
        recording_pb2.SessionPart(
            sport=sport, start_time_ms=START_MS + first * 1000, end_time_ms=START_MS + last * 1000
        )
        for sport, first, last in ((sport_pb2.SPORT_CYCLING, 0, 30), (sport_pb2.SPORT_RUNNING, 30, 60))
    ]
    _, response = await rig.append(
        [ride(61)], details=recording_pb2.RecordingDetails(sessions=parts), sport=sport_pb2.SPORT_UNSPECIFIED
    )
    workout = await rig.get(response.closed.workout_id)
    assert workout.sport == sport_pb2.SPORT_MULTISPORT
    assert [session.summary.distance_m for session in workout.sessions] == pytest.approx([240, 240])


async def test_a_live_writer_whose_clock_was_wrong_is_set_right(rig: Rig) -> None:
    _, response = await rig.append([ride()], client_time_ms=rig.clock() - 60_000)
    workout = await rig.get(response.closed.workout_id)
    assert abs(workout.start_time.ToMilliseconds() - START_MS - 60_000) < 2_000


async def test_a_clock_off_by_a_few_seconds_is_left_alone(rig: Rig) -> None:
    _, response = await rig.append([ride()], client_time_ms=rig.clock() - 3_000)
    assert (await rig.get(response.closed.workout_id)).start_time.ToMilliseconds() == START_MS


async def test_a_file_keeps_its_times_whatever_the_clock_of_who_sends_it(rig: Rig) -> None:
    details = recording_pb2.RecordingDetails(file_sha256="a" * 64)
    _, response = await rig.append([ride()], details=details, client_time_ms=rig.clock() - 3_600_000)
    assert (await rig.get(response.closed.workout_id)).start_time.ToMilliseconds() == START_MS


async def test_samples_out_of_order_are_stored_in_order(rig: Rig) -> None:
    times = [START_MS + offset for offset in (3000, 1000, 2000, 0)]
    _, response = await rig.append([Sent("meter", times, {POWER: [3, 1, 2, 0]})])
    request = workout_service_pb2.ReadStreamsRequest(workout_id=response.closed.workout_id)
    (answer,) = await collected(rig.workouts.ReadStreams(request, metadata=rig.who))
    assert list(answer.segment.time_deltas_ms) == [1000, 1000, 1000]
    assert list(answer.segment.columns[0].deltas) == [0, 1, 1, 1]


async def test_a_discarded_recording_cannot_be_closed(rig: Rig) -> None:
    recording_id, _ = await rig.append([ride()], finish=False)
    discard = recording_service_pb2.DiscardRecordingRequest(recording_id=recording_id)
    await rig.recordings.DiscardRecording(discard, metadata=rig.who)
    with pytest.raises(RecordingDiscarded):
        await close_now(rig.database, await key_of(rig, recording_id), rig.clock())
    close = recording_service_pb2.CloseRecordingRequest(recording_id=recording_id)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await rig.recordings.CloseRecording(close, metadata=rig.who)
    assert reason_of(caught.value) == "RECORDING_CLOSED"


async def test_an_abandoned_recording_is_closed_after_a_day(rig: Rig) -> None:
    recording_id, _ = await rig.append([ride()], finish=False)
    housekeeping, *_ = rig.background
    assert await housekeeping.tidy() == 0
    rig.clock.ahead_ms = 25 * HOUR_MS
    assert await housekeeping.tidy() == 1
    request = recording_service_pb2.GetRecordingRequest(recording_id=recording_id)
    recording = (await rig.recordings.GetRecording(request, metadata=rig.who)).recording
    assert recording.state == recording_pb2.RECORDING_STATE_CLOSED
    assert (await rig.get(recording.workout_id)).summary.elapsed_s == 59


async def test_a_complete_recording_whose_server_died_before_closing_is_closed(rig: Rig) -> None:
    recording_id, _ = await rig.append([ride()], finish=False)
    key = await key_of(rig, recording_id)

    def finish(conn: Connection) -> None:
        conn.execute(update(tables.sources).values(complete=True))
        conn.execute(
            update(tables.recordings).values(
                state=recording_pb2.RECORDING_STATE_FINISHING, updated_ms=rig.clock()
            )
        )

    async with rig.database.write() as transaction:
        await transaction.run(finish)
    assert await rig.background[0].tidy() == 0
    rig.clock.ahead_ms = 2 * 60_000
    assert await rig.background[0].tidy() == 1
    closed = await close_when_complete(rig.database, key, rig.clock())
    assert closed.already_closed


async def test_a_recording_that_cannot_be_closed_does_not_keep_others_from_it(rig: Rig) -> None:
    damaged, _ = await rig.append([ride()], finish=False)
    whole, _ = await rig.append([ride()], finish=False)
    key = await key_of(rig, damaged)

    def damage(conn: Connection) -> None:
        of_recording = select(tables.sources.c.source_pk).where(tables.sources.c.recording_pk == key)
        conn.execute(update(journal).where(journal.c.source_pk.in_(of_recording)).values(payload=b"\xff\xff"))

    async with rig.database.write() as transaction:
        await transaction.run(damage)
    rig.clock.ahead_ms = 25 * HOUR_MS
    await rig.background[0].tidy()
    listed = recording_service_pb2.ListRecordingsRequest()
    assert len((await rig.recordings.ListRecordings(listed, metadata=rig.who)).recordings) == 2
    assert (await close_now(rig.database, await key_of(rig, whole), rig.clock())).already_closed
    assert (await rig.rows(journal))["journal"] == 1


async def test_an_abandoned_recording_without_anything_is_discarded(rig: Rig) -> None:
    recording_id, _ = await rig.append([Sent("strap", [], {HEART_RATE: []})], finish=False)
    rig.clock.ahead_ms = 25 * HOUR_MS
    await rig.background[0].tidy()
    request = recording_service_pb2.GetRecordingRequest(recording_id=recording_id)
    recording = (await rig.recordings.GetRecording(request, metadata=rig.who)).recording
    assert recording.state == recording_pb2.RECORDING_STATE_DISCARDED
    assert "RecordingDiscarded" in await rig.event_types()
