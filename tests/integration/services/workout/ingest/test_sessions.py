"""Ingest sessions over the wire, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc
from sqlalchemy import func, select

from pulsemesh.samples import encode_batch
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import ingest_service_pb2 as wire
from pulsemesh.workout.v1 import recording_pb2, recording_service_pb2, workout_service_pb2
from services.workout.tables import journal, sources
from tests.integration.services.workout.conftest import (
    HEART_RATE,
    POWER,
    START_MS,
    Rig,
    collected,
    reason_of,
    violated_fields,
)


class Client:
    """One ingest stream, message by message."""

    def __init__(self, rig: Rig, recording_id: str, *source_ids: str, writer: str = "writer") -> None:
        self.rig = rig
        self.opening = wire.OpenRecording(recording_id=recording_id, writer_id=writer, start_time_ms=START_MS)
        for source_id in source_ids:
            self.opening.sources.add(source_id=source_id, channels=[HEART_RATE])  # type: ignore[list-item]
        self.call: Any = rig.ingest.StreamSamples(metadata=rig.who)

    async def open(self) -> wire.StreamSamplesResponse:
        await self.call.write(wire.StreamSamplesRequest(open=self.opening))
        return await self.read()

    async def read(self) -> wire.StreamSamplesResponse:
        response = await asyncio.wait_for(self.call.read(), 30)
        assert response is not grpc.aio.EOF
        return response  # type: ignore[no-any-return]

    async def send(self, first: int, count: int, source: int = 0, channel: int = HEART_RATE) -> None:
        numbers = range(first, first + count)
        batch = encode_batch(
            source, first, [START_MS + 1000 * number for number in numbers], {channel: list(numbers)}
        )
        await self.call.write(wire.StreamSamplesRequest(batch=batch))

    async def acked(self, source: int = 0) -> int:
        """Read until the next ack of `source`; return what is committed."""
        while True:
            response = await self.read()
            for ack in response.ack.sources:
                if ack.source == source:
                    return ack.next_sequence

    async def finish(self, *counts: int, close_others: bool = False) -> wire.StreamSamplesResponse:
        finish = wire.FinishRecording(sample_counts=counts, close_others=close_others)
        await self.call.write(wire.StreamSamplesRequest(finish=finish))
        while True:
            response = await self.read()
            if not response.HasField("ack"):
                return response

    async def failure(self) -> grpc.aio.AioRpcError:
        try:
            while True:
                await self.read()
        except grpc.aio.AioRpcError as error:
            return error


async def stored(rig: Rig) -> int:
    """Samples in the journal."""
    async with rig.database.read() as view:
        return await view.run(lambda conn: conn.execute(select(func.sum(journal.c.samples))).scalar() or 0)


async def heart_rates(rig: Rig, workout_id: str) -> dict[str, list[int]]:
    """The stored heart rates of each source, decoded from a workout's streams."""
    request = workout_service_pb2.ReadStreamsRequest(workout_id=workout_id)
    values: dict[str, list[int]] = {}
    for response in await collected(rig.workouts.ReadStreams(request, metadata=rig.who)):
        running = 0
        for delta in response.segment.columns[0].deltas:
            running += delta
            values.setdefault(response.segment.source_id, []).append(running)
    return values


async def test_what_is_acknowledged_is_in_the_journal(rig: Rig) -> None:
    client = Client(rig, new_ulid(), "strap")
    await client.open()
    await client.send(0, 7)
    assert await client.acked() == 7
    assert await stored(rig) == 7


async def test_opening_again_says_what_is_held(rig: Rig) -> None:
    recording_id = new_ulid()
    first = Client(rig, recording_id, "strap")
    await first.open()
    await first.send(0, 7)
    await first.acked()
    first.call.cancel()
    answer = (await Client(rig, recording_id, "strap").open()).opened
    assert (answer.resumed, list(answer.next_sequences)) == (True, [7])


async def test_a_recording_becomes_a_workout_with_exactly_the_samples_sent(rig: Rig) -> None:
    client = Client(rig, new_ulid(), "strap", "other")
    await client.open()
    await client.send(0, 5)
    await client.send(0, 3, source=1)
    await client.send(5, 4)
    closed = (await client.finish(9, 3)).closed
    assert not closed.already_closed
    assert await heart_rates(rig, closed.workout_id) == {"strap": [*range(9)], "other": [*range(3)]}


async def test_opening_a_closed_recording_names_its_workout(rig: Rig) -> None:
    recording_id = new_ulid()
    client = Client(rig, recording_id, "strap")
    await client.open()
    await client.send(0, 2)
    closed = (await client.finish(2)).closed
    again = (await Client(rig, recording_id, "strap").open()).closed
    assert (again.workout_id, again.already_closed) == (closed.workout_id, True)


async def test_a_finish_that_announces_more_than_is_held_is_answered_with_what_is_held(rig: Rig) -> None:
    client = Client(rig, new_ulid(), "strap")
    await client.open()
    await client.send(0, 2)
    assert list((await client.finish(5)).incomplete.next_sequences) == [2]
    await client.send(2, 3)
    assert (await client.finish(5)).closed.workout_id


async def test_a_newer_session_of_the_same_writer_fences_the_older_and_nothing_is_doubled(rig: Rig) -> None:
    recording_id = new_ulid()
    old = Client(rig, recording_id, "strap")
    await old.open()
    await old.send(0, 3)
    await old.acked()
    new = Client(rig, recording_id, "strap")
    await new.open()
    await old.send(3, 3)
    failure = await old.failure()
    assert (failure.code(), reason_of(failure)) == (grpc.StatusCode.ABORTED, "WRITER_FENCED")
    await new.send(3, 3)
    closed = (await new.finish(6)).closed
    assert await heart_rates(rig, closed.workout_id) == {"strap": [*range(6)]}


async def test_a_finish_of_a_fenced_session_is_refused(rig: Rig) -> None:
    recording_id = new_ulid()
    old = Client(rig, recording_id, "strap")
    await old.open()
    await Client(rig, recording_id, "strap").open()
    await old.call.write(wire.StreamSamplesRequest(finish=wire.FinishRecording(sample_counts=[0])))
    assert reason_of(await old.failure()) == "WRITER_FENCED"


async def test_two_writers_feed_one_recording_and_the_last_to_finish_closes_it(rig: Rig) -> None:
    recording_id = new_ulid()
    phone = Client(rig, recording_id, "strap", writer="phone")
    gateway = Client(rig, recording_id, "meter", writer="gateway")
    await phone.open()
    await gateway.open()
    await phone.send(0, 4)
    await gateway.send(0, 2)
    waiting = (await phone.finish(4)).closed
    assert (waiting.workout_id, list(waiting.waiting_for)) == ("", ["meter"])
    closed = (await gateway.finish(2)).closed
    assert await heart_rates(rig, closed.workout_id) == {"strap": [*range(4)], "meter": [*range(2)]}


async def test_a_writer_whose_recording_was_closed_by_another_is_told_so_instead_of_an_ack(rig: Rig) -> None:
    recording_id = new_ulid()
    phone = Client(rig, recording_id, "strap", writer="phone")
    gateway = Client(rig, recording_id, "meter", writer="gateway")
    await phone.open()
    await gateway.open()
    await gateway.send(0, 2)
    assert await gateway.acked() == 2
    await phone.send(0, 4)
    closed = (await phone.finish(4, close_others=True)).closed
    await gateway.send(2, 2)
    told = (await gateway.read()).closed
    assert (told.workout_id, told.already_closed) == (closed.workout_id, True)
    assert (await heart_rates(rig, closed.workout_id))["meter"] == [0, 1]


async def test_two_writers_that_add_the_same_new_source_at_once_are_both_answered_and_one_is_fenced(
    rig: Rig,
) -> None:
    recording_id = new_ulid()
    await Client(rig, recording_id, "first").open()
    rivals = [Client(rig, recording_id, "new", writer=f"rival{number}") for number in range(8)]
    answers = await asyncio.gather(*(rival.open() for rival in rivals))
    assert all(answer.HasField("opened") for answer in answers)
    for rival in rivals:
        await rival.send(0, 1)
    outcomes = await asyncio.gather(*(rival.acked() for rival in rivals), return_exceptions=True)
    assert outcomes.count(1) == 1
    assert sum(isinstance(outcome, grpc.aio.AioRpcError) for outcome in outcomes) == 7


async def test_a_bad_batch_is_set_aside_counted_and_the_samples_after_it_are_stored(rig: Rig) -> None:
    recording_id = new_ulid()
    client = Client(rig, recording_id, "strap")
    await client.open()
    await client.send(0, 3, channel=POWER)
    await client.send(3, 2)
    rejection = (await client.read()).rejection
    assert rejection.reason == wire.REJECTION_REASON_CHANNEL_NOT_ANNOUNCED
    assert rejection.remedy == wire.REJECTION_REMEDY_SET_ASIDE
    assert await client.acked() == 5
    request = recording_service_pb2.GetRecordingRequest(recording_id=recording_id)
    recording = (await rig.recordings.GetRecording(request, metadata=rig.who)).recording
    assert recording.sources[0].rejected_samples == 3
    closed = (await client.finish(5)).closed
    assert await heart_rates(rig, closed.workout_id) == {"strap": [3, 4]}


async def test_a_discarded_recording_ends_its_session(rig: Rig) -> None:
    recording_id = new_ulid()
    client = Client(rig, recording_id, "strap")
    await client.open()
    request = recording_service_pb2.DiscardRecordingRequest(recording_id=recording_id)
    await rig.recordings.DiscardRecording(request, metadata=rig.who)
    await client.send(0, 1)
    failure = await client.failure()
    assert (failure.code(), reason_of(failure)) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "RECORDING_CLOSED",
    )


async def test_the_same_recording_id_of_another_person_is_another_recording(rig: Rig) -> None:
    recording_id = new_ulid()
    mine = Client(rig, recording_id, "strap")
    await mine.open()
    await mine.send(0, 3)
    await mine.acked()
    stranger = Client(rig.as_user("eu_01J00000000000000000000009"), recording_id, "strap")
    answer = (await stranger.open()).opened
    assert (answer.resumed, list(answer.next_sequences)) == (False, [0])


async def test_a_malformed_recording_id_is_named_with_its_field(rig: Rig) -> None:
    client = Client(rig, "not-a-ulid", "strap")
    await client.call.write(wire.StreamSamplesRequest(open=client.opening))
    failure = await client.failure()
    assert failure.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert list(violated_fields(failure)) == ["recording_id"]


async def test_a_client_that_leaves_without_finishing_keeps_what_was_acknowledged(rig: Rig) -> None:
    recording_id = new_ulid()
    client = Client(rig, recording_id, "strap")
    await client.open()
    await client.send(0, 3)
    await client.call.done_writing()
    assert await client.acked() == 3
    assert await asyncio.wait_for(client.call.read(), 30) is grpc.aio.EOF


async def test_many_sessions_at_once_store_every_sample_once(rig: Rig) -> None:
    async def one(number: int) -> dict[str, list[int]]:
        client = Client(rig, new_ulid(), f"strap{number}")
        await client.open()
        for first in range(0, 40, 4):
            await client.send(first, 4)
        return await heart_rates(rig, (await client.finish(40)).closed.workout_id)

    results = await asyncio.gather(*(one(number) for number in range(50)))
    assert results == [{f"strap{number}": [*range(40)]} for number in range(50)]


def append_request(recording_id: str, parts: Sequence[tuple[int, int]], finish: int | None = None) -> Any:
    request = wire.AppendSamplesRequest()
    request.open.recording_id = recording_id
    request.open.writer_id = "browser"
    request.open.start_time_ms = START_MS
    request.open.sources.add(source_id="strap", channels=[HEART_RATE])  # type: ignore[list-item]
    for first, count in parts:
        numbers = range(first, first + count)
        times = [START_MS + 1000 * number for number in numbers]
        request.batches.append(encode_batch(0, first, times, {HEART_RATE: list(numbers)}))
    if finish is not None:
        request.finish.sample_counts.append(finish)
    return request


async def test_appending_in_single_calls_stores_each_sample_once_although_calls_repeat(rig: Rig) -> None:
    recording_id = new_ulid()
    for parts in ([(0, 5)], [(0, 5)], [(3, 5), (8, 2)]):
        answer = await rig.ingest.AppendSamples(append_request(recording_id, parts), metadata=rig.who)
        assert not answer.rejections
    assert list(answer.next_sequences) == [10]
    answer = await rig.ingest.AppendSamples(append_request(recording_id, [], finish=10), metadata=rig.who)
    assert await heart_rates(rig, answer.closed.workout_id) == {"strap": [*range(10)]}


async def test_appending_beyond_a_gap_is_rejected_with_the_sequence_to_go_back_to(rig: Rig) -> None:
    answer = await rig.ingest.AppendSamples(append_request(new_ulid(), [(4, 2)]), metadata=rig.who)
    assert answer.rejections[0].remedy == wire.REJECTION_REMEDY_RESEND
    assert list(answer.next_sequences) == [0]


async def test_appending_to_a_closed_recording_names_its_workout(rig: Rig) -> None:
    recording_id = new_ulid()
    first = await rig.ingest.AppendSamples(append_request(recording_id, [(0, 2)], finish=2), metadata=rig.who)
    again = await rig.ingest.AppendSamples(append_request(recording_id, [(0, 2)], finish=2), metadata=rig.who)
    assert again.closed.workout_id == first.closed.workout_id
    assert again.closed.already_closed


async def test_a_recording_is_announced_once_however_often_it_is_opened(rig: Rig) -> None:
    recording_id = new_ulid()
    for _ in range(3):
        await Client(rig, recording_id, "strap").open()
    assert await rig.event_types() == ["RecordingStarted"]


async def test_every_session_raises_the_epoch_of_its_sources(rig: Rig) -> None:
    recording_id = new_ulid()
    for _ in range(3):
        await Client(rig, recording_id, "strap").open()
    async with rig.database.read() as view:
        assert await view.run(lambda conn: conn.execute(select(sources.c.epoch)).scalar_one()) == 3


def test_the_rejection_reasons_fit_the_column_they_are_kept_in() -> None:
    assert max(wire.RejectionReason.values()) < 2**15
    assert recording_pb2.RECORDING_STATE_UNSPECIFIED == 0
