"""What the in-process channel does beyond the contract that it shares with connections."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import grpc
import pytest

from pulsemesh.workout.v1 import workout_service_pb2, workout_service_pb2_grpc
from services.chassis.call import bind_call, current_call, find_call
from services.chassis.inprocess import InProcessChannel
from services.chassis.inprocess.context import pairs
from tests.fixtures.workout_servicers import AUTHORISED, SLOW_ID, WORKOUT_ID, Servicers


async def test_a_stream_that_is_forgotten_is_cancelled() -> None:
    servicers = Servicers()
    async with InProcessChannel(servicers.collector.handlers) as channel:
        stub: Any = workout_service_pb2_grpc.WorkoutServiceStub(channel)
        call = stub.ReadStreams(
            workout_service_pb2.ReadStreamsRequest(workout_id=SLOW_ID), metadata=AUTHORISED
        )
        await call.read()
        del call
        gc.collect()
        await asyncio.wait_for(servicers.workouts.cancelled.wait(), 20)


async def test_a_handler_does_not_see_the_call_of_its_caller() -> None:
    seen: list[Any] = []

    async def handler(_request: bytes, _context: Any) -> bytes:
        seen.append(find_call())
        return b""

    servicers = Servicers()
    outer_calls: list[Any] = []

    async def outer(_request: bytes, _context: Any) -> bytes:
        outer_calls.append(current_call())
        await inner_channel.unary_unary("/x/Inner")(b"")
        return b""

    inner_channel = InProcessChannel({"/x/Inner": grpc.unary_unary_rpc_method_handler(handler)})
    channel = InProcessChannel({"/x/Outer": grpc.unary_unary_rpc_method_handler(outer)})
    from services.chassis.call import Call

    method = servicers.collector.methods[0]
    with bind_call(Call(method)):
        await inner_channel.unary_unary("/x/Inner")(b"")
        with pytest.raises(grpc.aio.AioRpcError):  # outer finds no call of its own
            await channel.unary_unary("/x/Outer")(b"")
    assert seen == [None]
    assert outer_calls == []


async def test_a_handler_without_a_pipeline_that_raises_answers_unknown() -> None:
    async def handler(_request: bytes, _context: Any) -> bytes:
        raise ValueError("oops")

    channel = InProcessChannel({"/x/Y": grpc.unary_unary_rpc_method_handler(handler)})
    call = channel.unary_unary("/x/Y")(b"")
    assert await call.code() is grpc.StatusCode.UNKNOWN


async def test_a_handler_may_be_an_async_generator() -> None:
    async def handler(_request: bytes, _context: Any) -> Any:
        yield b"1"
        yield b"2"

    channel = InProcessChannel({"/x/Y": grpc.unary_stream_rpc_method_handler(handler)})
    assert [message async for message in channel.unary_stream("/x/Y")(b"")] == [b"1", b"2"]


async def test_a_status_set_by_the_handler_is_the_status_of_the_call() -> None:
    async def handler(_request: bytes, context: Any) -> bytes:
        context.set_code(grpc.StatusCode.DATA_LOSS)
        context.set_details("some")
        return b""

    channel = InProcessChannel({"/x/Y": grpc.unary_unary_rpc_method_handler(handler)})
    call = channel.unary_unary("/x/Y")(b"")
    assert (await call.code(), await call.details()) == (grpc.StatusCode.DATA_LOSS, "some")


async def test_the_context_says_where_the_call_comes_from_and_how_long_it_may_take() -> None:
    seen: dict[str, Any] = {}

    async def handler(_request: bytes, context: Any) -> bytes:
        seen.update(peer=context.peer(), remaining=context.time_remaining(), auth=context.auth_context())
        return b""

    channel = InProcessChannel({"/x/Y": grpc.unary_unary_rpc_method_handler(handler)})
    await channel.unary_unary("/x/Y")(b"", timeout=30.0)
    assert seen["peer"] == "inprocess:"
    assert 0 < seen["remaining"] <= 30.0
    assert seen["auth"] == {}


@pytest.mark.parametrize(
    "metadata", [(("Upper-Case", "x"),), (("x", 1),), (("x-bin", "text"),)], ids=["key", "value", "binary"]
)
def test_metadata_that_grpc_refuses_are_refused(metadata: Any) -> None:
    with pytest.raises(TypeError):
        pairs(metadata)


async def test_calls_leave_nothing_behind() -> None:
    servicers = Servicers()
    async with InProcessChannel(servicers.collector.handlers) as channel:
        stub: Any = workout_service_pb2_grpc.WorkoutServiceStub(channel)
        for _ in range(20):
            await stub.GetWorkout(
                workout_service_pb2.GetWorkoutRequest(workout_id=WORKOUT_ID), metadata=AUTHORISED
            )
        await asyncio.sleep(0)
        assert not channel._calls
        assert servicers.collector.ports.draining.in_flight == 0
