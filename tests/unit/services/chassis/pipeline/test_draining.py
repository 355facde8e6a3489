"""How calls end when the server goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from pulsemesh.workout.v1 import (
    ingest_service_pb2,
    ingest_service_pb2_grpc,
    workout_service_pb2,
)
from services.chassis.call import current_call
from services.chassis.inprocess import InProcessChannel
from services.chassis.pipeline import ServiceCollector
from tests.fixtures.workout_servicers import (
    AUTHORISED,
    SLOW_ID,
    Servicers,
    error_of,
    ports,
)
from tests.unit.services.chassis.pipeline.under_test import (
    get,
    reason_of,
    stub_of,
)


async def test_draining_ends_streams_with_shutting_down() -> None:
    servicers = Servicers()
    stub = stub_of(servicers)
    call = stub.ReadStreams(
        workout_service_pb2.ReadStreamsRequest(workout_id=SLOW_ID, max_samples=1), metadata=AUTHORISED
    )
    await call.read()
    assert await servicers.collector.ports.draining.end_streams(0.0) == 1
    error = await error_of(call.read())
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")


async def test_a_stream_that_heeds_the_notice_is_not_cut_off() -> None:
    class Heeding(ingest_service_pb2_grpc.IngestServiceServicer):
        async def StreamSamples(self, request_iterator: Any, context: Any) -> AsyncIterator[Any]:
            yield ingest_service_pb2.StreamSamplesResponse()
            await current_call().draining.wait()

    servicer: Any = Heeding
    collector: Any = ServiceCollector(ports())
    ingest_service_pb2_grpc.add_IngestServiceServicer_to_server(servicer(), collector)
    stub: Any = ingest_service_pb2_grpc.IngestServiceStub(InProcessChannel(collector.handlers))
    call = stub.StreamSamples(metadata=AUTHORISED)
    await call.read()
    assert await collector.ports.draining.end_streams(20.0) == 0
    assert await call.code() is grpc.StatusCode.OK


async def test_waiting_for_idle_ends_with_the_last_call() -> None:
    servicers = Servicers()
    stub = stub_of(servicers)
    draining = servicers.collector.ports.draining
    call = stub.GetWorkout(get(SLOW_ID), metadata=AUTHORISED)
    await asyncio.wait_for(servicers.workouts.entered.wait(), 20)
    assert not await draining.wait_idle(0.01)
    waiting = asyncio.ensure_future(draining.wait_idle(20))
    await asyncio.sleep(0)
    call.cancel()
    assert await waiting
