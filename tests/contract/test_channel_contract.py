"""What a stub may expect of its channel, in-process or over TCP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status

from pulsemesh.workout.v1 import (
    file_service_pb2,
    file_service_pb2_grpc,
    ingest_service_pb2,
    ingest_service_pb2_grpc,
    workout_service_pb2,
    workout_service_pb2_grpc,
)
from services.chassis.inprocess import InProcessChannel
from tests.fixtures.workout_servicers import (
    AUTHORISED,
    BROKEN_ID,
    MISSING_ID,
    SHA256,
    SLOW_ID,
    WORKOUT_ID,
    Servicers,
    error_of,
)

PATIENCE_S = 20.0


class Rig:
    """A channel, the servicers behind it and stubs over it."""

    def __init__(self, servicers: Servicers, channel: grpc.aio.Channel) -> None:
        self.servicers = servicers
        self.channel = channel
        self.workouts: Any = workout_service_pb2_grpc.WorkoutServiceStub(channel)
        self.files: Any = file_service_pb2_grpc.FileServiceStub(channel)
        self.ingest: Any = ingest_service_pb2_grpc.IngestServiceStub(channel)


@pytest.fixture(params=["in-process", "tcp"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    servicers = Servicers()
    if request.param == "in-process":
        async with InProcessChannel(servicers.collector.handlers) as channel:
            yield Rig(servicers, channel)
        return
    server = grpc.aio.server()
    servicers.collector.add_to(server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as remote:
        yield Rig(servicers, remote)
    await server.stop(None)


def get(workout_id: str = WORKOUT_ID) -> Any:
    return workout_service_pb2.GetWorkoutRequest(workout_id=workout_id)


def read(workout_id: str = WORKOUT_ID, count: int = 3) -> Any:
    return workout_service_pb2.ReadStreamsRequest(workout_id=workout_id, max_samples=count)


def upload(name: str = "ride.fit", chunks: int = 2, size: int = 10) -> list[Any]:
    header = file_service_pb2.FileHeader(name=name, size_bytes=chunks * size, sha256=SHA256)
    parts = [file_service_pb2.UploadFileRequest(chunk=bytes(size)) for _ in range(chunks)]
    return [file_service_pb2.UploadFileRequest(header=header), *parts]


def beat(number: int) -> Any:
    return ingest_service_pb2.StreamSamplesRequest(
        heartbeat=ingest_service_pb2.Heartbeat(client_time_ms=number)
    )


def finish() -> Any:
    return ingest_service_pb2.StreamSamplesRequest(finish=ingest_service_pb2.FinishRecording())


async def in_turn(messages: list[Any]) -> AsyncIterator[Any]:
    for message in messages:
        yield message


def details_of(error: grpc.aio.AioRpcError) -> dict[str, Any]:
    """The google.rpc details by the name of their type."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None
    found: dict[str, Any] = {}
    for detail in status.details:
        name = detail.type_url.rpartition(".")[2]
        message = getattr(error_details_pb2, name)()
        detail.Unpack(message)
        found[name] = message
    return found


# One request, one response


async def test_unary_call_returns_the_response(rig: Rig) -> None:
    response = await rig.workouts.GetWorkout(get(), metadata=AUTHORISED)
    assert response.workout.workout_id == WORKOUT_ID


async def test_a_response_can_be_awaited_twice(rig: Rig) -> None:
    call = rig.workouts.GetWorkout(get(), metadata=AUTHORISED)
    assert await call == await call


async def test_metadata_travel_both_ways(rig: Rig) -> None:
    call = rig.workouts.GetWorkout(get(), metadata=(*AUTHORISED, ("x-title", "Ride")))
    response = await call
    initial, trailing = await call.initial_metadata(), await call.trailing_metadata()
    assert response.workout.title == "Ride"
    assert initial["x-cell"] == "eu"
    assert (trailing["x-cost"], trailing["x-raw-bin"]) == ("1", b"\x00\x01")


async def test_metadata_may_be_a_metadata_object(rig: Rig) -> None:
    metadata = grpc.aio.Metadata(*AUTHORISED, ("x-title", "Ride"))
    assert (await rig.workouts.GetWorkout(get(), metadata=metadata)).workout.title == "Ride"


async def test_a_good_call_ends_with_ok(rig: Rig) -> None:
    call = rig.workouts.GetWorkout(get(), metadata=AUTHORISED)
    await call
    assert await call.code() is grpc.StatusCode.OK
    assert call.done()
    assert not call.cancelled()
    assert not call.cancel()


async def test_status_can_be_asked_without_awaiting_the_response(rig: Rig) -> None:
    call = rig.workouts.GetWorkout(get(MISSING_ID), metadata=AUTHORISED)
    assert await call.code() is grpc.StatusCode.NOT_FOUND
    assert MISSING_ID in await call.details()


async def test_a_call_that_nobody_awaits_is_made(rig: Rig) -> None:
    call = rig.workouts.GetWorkout(get(), metadata=AUTHORISED)
    await asyncio.wait_for(rig.servicers.workouts.entered.wait(), PATIENCE_S)
    assert await call.code() is grpc.StatusCode.OK


async def test_an_error_carries_code_text_and_details(rig: Rig) -> None:
    error = await error_of(rig.workouts.GetWorkout(get(MISSING_ID), metadata=AUTHORISED))
    info = details_of(error)["ErrorInfo"]
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert error.details() == f"there is no workout {MISSING_ID}"
    assert (info.reason, info.domain, info.metadata["id"]) == ("NOT_FOUND", "pulsemesh", MISSING_ID)


async def test_an_invalid_request_names_its_fields(rig: Rig) -> None:
    error = await error_of(rig.workouts.GetWorkout(get("short"), metadata=AUTHORISED))
    violations = details_of(error)["BadRequest"].field_violations
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [violation.field for violation in violations] == ["workout_id"]


async def test_an_unforeseen_error_shows_a_reference_and_no_secret(rig: Rig) -> None:
    error = await error_of(rig.workouts.GetWorkout(get(BROKEN_ID), metadata=AUTHORISED))
    reference = details_of(error)["ErrorInfo"].metadata["reference"]
    assert error.code() is grpc.StatusCode.INTERNAL
    assert error.details() == f"internal error, reference {reference}"


async def test_a_call_without_credentials_is_refused(rig: Rig) -> None:
    error = await error_of(rig.workouts.GetWorkout(get()))
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    assert details_of(error)["ErrorInfo"].reason == "CREDENTIALS_MISSING"


async def test_a_method_that_the_servicer_lacks_is_unimplemented(rig: Rig) -> None:
    request = workout_service_pb2.ListWorkoutsRequest()
    error = await error_of(rig.workouts.ListWorkouts(request, metadata=AUTHORISED))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_method_that_nobody_serves_is_unimplemented(rig: Rig) -> None:
    call: Any = rig.channel.unary_unary("/pulsemesh.none.v1.NoService/None")
    error = await error_of(call(b""))
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_the_callers_deadline_ends_the_call_and_the_handler(rig: Rig) -> None:
    error = await error_of(rig.workouts.GetWorkout(get(SLOW_ID), metadata=AUTHORISED, timeout=0.3))
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await asyncio.wait_for(rig.servicers.workouts.cancelled.wait(), PATIENCE_S)


async def test_cancelling_a_call_cancels_its_handler(rig: Rig) -> None:
    call = rig.workouts.GetWorkout(get(SLOW_ID), metadata=AUTHORISED)
    await asyncio.wait_for(rig.servicers.workouts.entered.wait(), PATIENCE_S)
    assert call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert call.cancelled()
    assert await call.code() is grpc.StatusCode.CANCELLED
    await asyncio.wait_for(rig.servicers.workouts.cancelled.wait(), PATIENCE_S)


async def test_cancelling_the_task_that_awaits_cancels_the_handler(rig: Rig) -> None:
    async def ask() -> None:
        await rig.workouts.GetWorkout(get(SLOW_ID), metadata=AUTHORISED)

    task = asyncio.create_task(ask())
    await asyncio.wait_for(rig.servicers.workouts.entered.wait(), PATIENCE_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(rig.servicers.workouts.cancelled.wait(), PATIENCE_S)


async def test_a_done_callback_is_called_with_the_call(rig: Rig) -> None:
    seen: list[Any] = []
    call = rig.workouts.GetWorkout(get(), metadata=AUTHORISED)
    call.add_done_callback(seen.append)
    await call
    await asyncio.sleep(0.05)
    assert seen == [call]


async def test_messages_are_copied_at_the_border(rig: Rig) -> None:
    request = get()
    await rig.workouts.GetWorkout(request, metadata=AUTHORISED)
    request.workout_id = "changed afterwards"
    assert [seen.workout_id for seen in rig.servicers.workouts.seen] == [WORKOUT_ID]


async def test_many_calls_at_once_get_their_own_answers(rig: Rig) -> None:
    titles = [f"ride {number}" for number in range(50)]
    calls = [rig.workouts.GetWorkout(get(), metadata=(*AUTHORISED, ("x-title", title))) for title in titles]
    assert [(await call).workout.title for call in calls] == titles


# One request, many responses


async def test_responses_are_iterated_in_order(rig: Rig) -> None:
    call = rig.workouts.ReadStreams(read(count=5), metadata=AUTHORISED)
    assert [response.segment.source_id async for response in call] == [f"source {n}" for n in range(5)]
    assert await call.code() is grpc.StatusCode.OK


async def test_responses_are_read_one_by_one_until_eof(rig: Rig) -> None:
    call = rig.workouts.ReadStreams(read(count=2), metadata=AUTHORISED)
    assert (await call.read()).segment.source_id == "source 0"
    assert (await call.read()).segment.source_id == "source 1"
    assert await call.read() is grpc.aio.EOF


async def test_reading_and_iterating_do_not_mix(rig: Rig) -> None:
    call = rig.workouts.ReadStreams(read(), metadata=AUTHORISED)
    await call.read()
    with pytest.raises(grpc.aio.UsageError):
        aiter(call)
    call.cancel()


async def test_responses_before_an_error_arrive_then_the_error(rig: Rig) -> None:
    call = rig.workouts.ReadStreams(read(MISSING_ID, count=2), metadata=AUTHORISED)
    seen: list[str] = []

    async def collect() -> None:
        async for response in call:
            seen.append(response.segment.source_id)

    error = await error_of(collect())
    assert seen == ["source 0", "source 1"]
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert details_of(error)["ErrorInfo"].reason == "NOT_FOUND"


async def test_a_response_stream_is_validated_before_it_begins(rig: Rig) -> None:
    call = rig.workouts.ReadStreams(read("short"), metadata=AUTHORISED)
    error = await error_of(call.read())
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_cancelling_a_response_stream_closes_the_generator(rig: Rig) -> None:
    call = rig.workouts.ReadStreams(read(SLOW_ID), metadata=AUTHORISED)
    await call.read()
    call.cancel()
    assert await call.code() is grpc.StatusCode.CANCELLED
    await asyncio.wait_for(rig.servicers.workouts.cancelled.wait(), PATIENCE_S)


async def test_the_callers_deadline_ends_a_response_stream(rig: Rig) -> None:
    call = rig.workouts.ReadStreams(read(SLOW_ID, count=1), metadata=AUTHORISED, timeout=0.3)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in call:
            pass
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await asyncio.wait_for(rig.servicers.workouts.cancelled.wait(), PATIENCE_S)


async def test_a_long_stream_to_a_slow_reader_arrives_whole(rig: Rig) -> None:
    call = rig.workouts.ReadStreams(read(count=5_000), metadata=AUTHORISED)
    await call.read()
    await asyncio.sleep(0.05)
    count = 1
    while await call.read() is not grpc.aio.EOF:
        count += 1
    assert count == 5_000


# Many requests, one response


async def test_requests_from_an_async_iterator(rig: Rig) -> None:
    response = await rig.files.UploadFile(in_turn(upload()), metadata=AUTHORISED)
    assert (response.file.name, response.file.size_bytes) == ("ride.fit", 20)


async def test_requests_from_a_plain_iterable(rig: Rig) -> None:
    assert (await rig.files.UploadFile(upload(), metadata=AUTHORISED)).file.size_bytes == 20


async def test_requests_written_one_by_one(rig: Rig) -> None:
    call = rig.files.UploadFile(metadata=AUTHORISED)
    for part in upload(chunks=3):
        await call.write(part)
    await call.done_writing()
    await call.done_writing()
    assert (await call).file.size_bytes == 30


async def test_more_than_a_window_of_requests_arrives(rig: Rig) -> None:
    parts = upload(chunks=40, size=32_768)
    assert (await rig.files.UploadFile(in_turn(parts), metadata=AUTHORISED)).file.size_bytes == 40 * 32_768


async def test_a_bad_message_in_a_request_stream_ends_the_call(rig: Rig) -> None:
    parts = [*upload(), file_service_pb2.UploadFileRequest()]
    error = await error_of(rig.files.UploadFile(in_turn(parts), metadata=AUTHORISED))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_an_error_before_the_requests_end_reaches_the_writer(rig: Rig) -> None:
    call = rig.files.UploadFile(metadata=AUTHORISED)
    await call.write(upload(name="refused")[0])
    error = await error_of(call)
    assert error.code() is grpc.StatusCode.NOT_FOUND
    with pytest.raises(asyncio.InvalidStateError):
        await call.write(upload()[1])


async def test_writing_after_done_writing_is_refused(rig: Rig) -> None:
    call = rig.ingest.StreamSamples(metadata=AUTHORISED)
    await call.write(beat(1))
    await call.read()
    await call.done_writing()
    with pytest.raises(asyncio.InvalidStateError):
        await call.write(beat(2))


async def test_writing_beside_an_iterator_is_refused(rig: Rig) -> None:
    call = rig.files.UploadFile(in_turn(upload()), metadata=AUTHORISED)
    with pytest.raises(grpc.aio.UsageError):
        await call.write(upload()[0])
    await call


async def test_an_iterator_that_raises_cancels_the_call(rig: Rig) -> None:
    async def breaking() -> AsyncIterator[Any]:
        yield upload()[0]
        raise RuntimeError("the disk is gone")

    call = rig.files.UploadFile(breaking(), metadata=AUTHORISED)
    assert await call.code() is grpc.StatusCode.CANCELLED


# Many requests, many responses


async def test_a_dialogue_by_write_and_read(rig: Rig) -> None:
    call = rig.ingest.StreamSamples(metadata=AUTHORISED)
    for number in (1, 2, 3):
        await call.write(beat(number))
        assert (await call.read()).heartbeat.client_time_ms == number
    await call.write(finish())
    assert (await call.read()).closed.workout_id == WORKOUT_ID
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_a_dialogue_by_iterators(rig: Rig) -> None:
    call = rig.ingest.StreamSamples(in_turn([beat(1), beat(2)]), metadata=AUTHORISED)
    assert [response.heartbeat.client_time_ms async for response in call] == [1, 2]


async def test_the_server_may_end_a_dialogue_first(rig: Rig) -> None:
    call = rig.ingest.StreamSamples(metadata=AUTHORISED)
    await call.write(finish())
    assert (await call.read()).HasField("closed")
    assert await call.read() is grpc.aio.EOF
    assert await call.code() is grpc.StatusCode.OK


async def test_cancelling_a_dialogue_cancels_the_handler(rig: Rig) -> None:
    call = rig.ingest.StreamSamples(metadata=AUTHORISED)
    await call.write(beat(1))
    await call.read()
    call.cancel()
    assert await call.code() is grpc.StatusCode.CANCELLED
    await asyncio.wait_for(rig.servicers.ingest.cancelled.wait(), PATIENCE_S)


async def test_a_dialogue_without_credentials_is_refused(rig: Rig) -> None:
    call = rig.ingest.StreamSamples()
    error = await error_of(call.read())
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_many_requests_may_wait_before_the_first_response_is_read(rig: Rig) -> None:
    call = rig.ingest.StreamSamples(metadata=AUTHORISED)
    for number in range(100):
        await call.write(beat(number))
    await call.done_writing()
    assert [(await call.read()).heartbeat.client_time_ms for _ in range(100)] == list(range(100))


# The channel


async def test_a_closed_channel_takes_no_calls(rig: Rig) -> None:
    await rig.channel.close()
    with pytest.raises(grpc.aio.UsageError):
        await rig.workouts.GetWorkout(get(), metadata=AUTHORISED)


async def test_closing_the_channel_ends_open_streams(rig: Rig) -> None:
    call = rig.workouts.ReadStreams(read(SLOW_ID), metadata=AUTHORISED)
    await call.read()
    await rig.channel.close()
    assert await call.code() is grpc.StatusCode.CANCELLED
    await asyncio.wait_for(rig.servicers.workouts.cancelled.wait(), PATIENCE_S)


async def test_a_channel_becomes_ready(rig: Rig) -> None:
    await asyncio.wait_for(rig.channel.channel_ready(), PATIENCE_S)
    assert rig.channel.get_state() is grpc.ChannelConnectivity.READY
