from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, field_mask_pb2, wrappers_pb2

from pulsemesh import Client, RetrySettings, StaticToken, TokenFile, TokenProvider, connect, errors
from pulsemesh.calls import PolicyChannel
from pulsemesh.policy.v1 import policy_pb2
from pulsemesh.target import open_channel
from pulsemesh.workout.v1 import recording_pb2, recording_service_pb2, workout_service_pb2
from pulsemesh.workout.v1 import workout_service_pb2_grpc as workout_grpc
from tests.unit.pulsemesh.peers import UNAVAILABLE, Failure, Pauses, Platform, workout

INTERNAL = Failure(grpc.StatusCode.INTERNAL)
LIMITED = Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED", retry_after_s=1.5)
ID = f"{1:026d}"


def declare_never_repeated() -> None:
    """Add a contract of one method that may never be repeated; the shipped ones have none yet."""
    file = descriptor_pb2.FileDescriptorProto(
        name="pulsemesh/test/once.proto", package="pulsemesh.test", syntax="proto3"
    )
    file.dependency.extend(["google/protobuf/wrappers.proto", "pulsemesh/policy/v1/policy.proto"])
    text = ".google.protobuf.StringValue"
    act = file.service.add(name="Once").method.add(name="Act", input_type=text, output_type=text)
    act.options.Extensions[policy_pb2.method].retry = policy_pb2.RETRY_NEVER
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())


@asynccontextmanager
async def serve_never_repeated(seen: list[bytes]) -> AsyncIterator[str]:
    declare_never_repeated()

    async def act(request: bytes, context: Any) -> bytes:
        seen.append(request)
        await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        return b""

    server = grpc.aio.server()
    handlers: dict[str, Any] = {"Act": grpc.unary_unary_rpc_method_handler(act)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("pulsemesh.test.Once", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@pytest.fixture(autouse=True)
def one_workout(platform: Platform) -> None:
    platform.workouts.workouts = {ID: workout(1, title="Morning ride", etag="e1")}


async def test_a_safe_call_is_repeated_until_the_platform_is_back(platform: Platform, client: Client) -> None:
    platform.script.fail("GetWorkout", UNAVAILABLE, UNAVAILABLE, UNAVAILABLE)
    assert (await client.workouts.get(ID)).title == "Morning ride"
    assert len(platform.script.seen("GetWorkout")) == 4


async def test_a_safe_call_is_given_up_after_five_attempts(
    platform: Platform, client: Client, pauses: Pauses
) -> None:
    platform.script.fail("GetWorkout", *[UNAVAILABLE] * 9)
    with pytest.raises(errors.Unavailable):
        await client.workouts.get(ID)
    assert len(platform.script.seen("GetWorkout")) == 5
    assert len(pauses.taken) == 4


async def test_pauses_grow_and_are_jittered(platform: Platform, client: Client, pauses: Pauses) -> None:
    platform.script.fail("GetWorkout", *[UNAVAILABLE] * 4)
    await client.workouts.get(ID)
    for pause, ceiling in zip(pauses.taken, [0.2, 0.4, 0.8, 1.6], strict=True):
        assert ceiling / 2 <= pause <= ceiling


async def test_a_call_whose_contract_forbids_it_is_never_repeated(pauses: Pauses) -> None:
    seen: list[bytes] = []
    async with serve_never_repeated(seen) as target:
        channel = PolicyChannel(open_channel(target), StaticToken("t"), retry=pauses.settings())
        call = channel.unary_unary(
            "/pulsemesh.test.Once/Act",
            wrappers_pb2.StringValue.SerializeToString,
            wrappers_pb2.StringValue.FromString,
        )
        with pytest.raises(errors.Unavailable):
            await call(wrappers_pb2.StringValue(value="once"))
    assert len(seen) == 1


async def test_a_request_id_is_made_and_stays_the_same_over_repeats(
    platform: Platform, client: Client
) -> None:
    platform.script.fail("UpdateWorkout", UNAVAILABLE, UNAVAILABLE)
    await client.workouts.update(ID, title="Evening ride")
    ids = [call.request.request_id for call in platform.script.seen("UpdateWorkout")]  # type: ignore[attr-defined]
    assert len(ids) == 3
    assert len(set(ids)) == 1
    assert len(ids[0]) == 32


async def test_two_creates_have_two_request_ids(platform: Platform, client: Client) -> None:
    await client.workouts.update(ID, title="one")
    await client.workouts.update(ID, title="two")
    first, second = (call.request.request_id for call in platform.script.seen("UpdateWorkout"))  # type: ignore[attr-defined]
    assert first != second


async def test_a_request_id_of_the_callers_own_is_kept(platform: Platform, client: Client) -> None:
    await client.workouts.update(ID, title="one", request_id="mine")
    assert platform.script.seen("UpdateWorkout")[0].request.request_id == "mine"  # type: ignore[attr-defined]


async def test_the_callers_own_request_message_is_not_changed(platform: Platform, client: Client) -> None:
    stub = client.stub(workout_grpc.WorkoutServiceStub)
    request = workout_service_pb2.UpdateWorkoutRequest(
        workout=workout(1, title="x"), update_mask=field_mask_pb2.FieldMask(paths=["title"])
    )
    await stub.UpdateWorkout(request)
    assert request.request_id == ""


async def test_the_platforms_wish_to_wait_is_honoured(
    platform: Platform, client: Client, pauses: Pauses
) -> None:
    platform.script.fail("GetWorkout", LIMITED)
    await client.workouts.get(ID)
    assert len(pauses.taken) == 1
    assert 1.5 <= pauses.taken[0] <= 1.7


async def test_a_wish_to_wait_beyond_the_deadline_is_an_error_at_once(
    platform: Platform, client: Client, pauses: Pauses
) -> None:
    late = Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "RATE_LIMITED", retry_after_s=60)
    platform.script.fail("GetWorkout", late)
    with pytest.raises(errors.ResourceExhausted) as caught:
        await client.workouts.get(ID)
    assert caught.value.retry_after_s == 60
    assert pauses.taken == []


async def test_exhaustion_without_a_time_to_come_back_is_not_repeated(
    platform: Platform, client: Client
) -> None:
    platform.script.fail("GetWorkout", Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "TOO_LARGE"))
    with pytest.raises(errors.ResourceExhausted):
        await client.workouts.get(ID)
    assert len(platform.script.seen("GetWorkout")) == 1


async def test_internal_is_not_repeated_on_a_unary_call(platform: Platform, client: Client) -> None:
    platform.script.fail("GetWorkout", INTERNAL)
    with pytest.raises(errors.Internal):
        await client.workouts.get(ID)
    assert len(platform.script.seen("GetWorkout")) == 1


async def test_internal_is_repeated_when_a_stream_is_opened(platform: Platform, client: Client) -> None:
    platform.recordings.watches.append([recording_service_pb2.WatchRecordingResponse(samples=7)])
    platform.script.fail("WatchRecording", INTERNAL, INTERNAL)
    updates = [update async for update in client.recordings.watch(ID)]
    assert [update.samples for update in updates] == [7]
    assert len(platform.script.seen("WatchRecording")) == 3


async def test_internal_that_the_platform_explained_is_not_repeated(
    platform: Platform, client: Client
) -> None:
    platform.script.fail("WatchRecording", Failure(grpc.StatusCode.INTERNAL, "INTERNAL"))
    with pytest.raises(errors.Internal):
        await anext(aiter(client.recordings.watch(ID)))
    assert len(platform.script.seen("WatchRecording")) == 1


async def test_the_contracts_deadline_travels_with_the_call(platform: Platform, client: Client) -> None:
    await client.workouts.get(ID)
    remaining = platform.script.seen("GetWorkout")[0].time_remaining_s
    assert remaining is not None
    assert 2.5 < remaining <= 5.5


async def test_a_stream_without_a_deadline_has_none(platform: Platform, client: Client) -> None:
    platform.recordings.watches.append([])
    assert [update async for update in client.recordings.watch(ID)] == []
    remaining = platform.script.seen("WatchRecording")[0].time_remaining_s
    assert remaining is None or remaining > 86_400


async def test_a_shorter_timeout_of_the_caller_counts(platform: Platform, client: Client) -> None:
    stub = client.stub(workout_grpc.WorkoutServiceStub)
    await stub.GetWorkout(workout_service_pb2.GetWorkoutRequest(workout_id=ID), timeout=2)
    remaining = platform.script.seen("GetWorkout")[0].time_remaining_s
    assert remaining is not None
    assert remaining <= 2.5


async def test_credentials_and_a_request_id_travel_with_the_call(platform: Platform, client: Client) -> None:
    await client.workouts.get(ID)
    metadata = platform.script.seen("GetWorkout")[0].metadata
    assert metadata["authorization"] == "Bearer a-token"
    assert len(metadata["x-request-id"]) == 32


async def test_an_error_names_the_request_to_quote(platform: Platform, client: Client) -> None:
    with pytest.raises(errors.NotFound) as caught:
        await client.workouts.get("0" * 26)
    assert caught.value.request_id == platform.script.seen("GetWorkout")[0].metadata["x-request-id"]
    assert caught.value.method == "pulsemesh.workout.v1.WorkoutService.GetWorkout"


async def test_a_refused_token_is_replaced_once(platform: Platform, pauses: Pauses) -> None:
    platform.script.good_tokens = {"new"}
    tokens = iter(["old", "new"])

    async def get_token() -> str:
        return next(tokens)

    async with connect(platform.target, get_token, retry=pauses.settings()) as client:
        await client.workouts.get(ID)
        await client.workouts.get(ID)
    sent = [call.metadata["authorization"] for call in platform.script.calls]
    assert sent == ["Bearer old", "Bearer new", "Bearer new"]
    assert pauses.taken == []


async def test_a_token_refused_twice_is_an_error(platform: Platform) -> None:
    platform.script.good_tokens = set()
    asked = []

    def get_token() -> str:
        asked.append(1)
        return f"token {len(asked)}"

    async with connect(platform.target, get_token) as client:
        with pytest.raises(errors.Unauthenticated):
            await client.workouts.get(ID)
    assert len(platform.script.calls) == 2


async def test_a_static_token_that_is_refused_is_an_error_at_once(platform: Platform) -> None:
    platform.script.good_tokens = set()
    async with connect(platform.target, "bad") as client:
        with pytest.raises(errors.Unauthenticated) as caught:
            await client.workouts.get(ID)
    assert caught.value.reason_name == "CREDENTIALS_EXPIRED"
    assert len(platform.script.calls) == 1


async def test_calls_refused_together_share_one_new_token(platform: Platform) -> None:
    platform.script.good_tokens = {"token 2"}
    asked = []

    def get_token() -> str:
        asked.append(1)
        return f"token {len(asked)}"

    async with connect(platform.target, TokenProvider(get_token)) as client:
        await asyncio.gather(*[client.workouts.get(ID) for _ in range(8)])
    assert len(asked) == 2


async def test_a_token_file_is_read_again_when_its_token_is_refused(
    platform: Platform, tmp_path: Path
) -> None:
    path = tmp_path / "token"
    path.write_text("old\n")
    credentials = TokenFile(path)
    platform.script.good_tokens = {"old"}
    async with connect(platform.target, credentials) as client:
        await client.workouts.get(ID)
        platform.script.good_tokens = {"new"}
        path.write_text("new\n")
        await client.workouts.get(ID)
    assert platform.script.calls[-1].metadata["authorization"] == "Bearer new"


async def test_a_bad_request_does_not_travel(platform: Platform, client: Client) -> None:
    with pytest.raises(errors.InvalidArgument) as caught:
        await client.workouts.get("short")
    assert [violation.field for violation in caught.value.violations] == ["workout_id"]
    assert platform.script.calls == []


async def test_a_bad_request_travels_when_validation_is_off(platform: Platform) -> None:
    async with connect(platform.target, validate=False) as client:
        with pytest.raises(errors.NotFound):
            await client.workouts.get("short")
    assert len(platform.script.calls) == 1


async def test_a_violation_names_the_place_in_a_list(platform: Platform, client: Client) -> None:
    states = [recording_pb2.RECORDING_STATE_OPEN, recording_pb2.RecordingState.ValueType(99)]
    with pytest.raises(errors.InvalidArgument) as caught:
        _ = [recording async for recording in client.recordings.list(states=states)]
    assert caught.value.violations[0].field == "states[1]"


async def test_a_platform_that_is_not_there_is_unavailable() -> None:
    async with connect("127.0.0.1:1", retry=RetrySettings(max_attempts=2, first_pause_s=0.01)) as client:
        with pytest.raises(errors.Unavailable):
            await client.workouts.get(ID)


async def test_a_stub_of_ones_own_keeps_the_policy(platform: Platform, client: Client) -> None:
    platform.script.fail("GetWorkout", UNAVAILABLE)
    stub = client.stub(workout_grpc.WorkoutServiceStub)
    answer = await stub.GetWorkout(workout_service_pb2.GetWorkoutRequest(workout_id=ID))
    assert answer.workout.title == "Morning ride"


async def test_leaving_a_stream_early_cancels_it(platform: Platform, client: Client) -> None:
    platform.recordings.watches.append(
        [recording_service_pb2.WatchRecordingResponse(samples=n) for n in range(10_000)]
    )
    async with aclosing(client.recordings.watch(ID)) as updates:
        async for update in updates:
            assert update.samples == 0
            break
    assert len(platform.script.seen("WatchRecording")) == 1
