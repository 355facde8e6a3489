"""One method with a policy and a handler of the test's choice, and what an error says."""

from __future__ import annotations

import dataclasses
from typing import Any

import grpc
from google.rpc import error_details_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status

from pulsemesh.workout.v1 import (
    workout_service_pb2,
    workout_service_pb2_grpc,
)
from services.chassis.inprocess import InProcessChannel
from services.chassis.pipeline import PipelinePorts
from services.chassis.pipeline.guard import MethodGuard
from services.chassis.pipeline.shapes import wrap
from services.chassis.policy import MethodInfo, default_registry
from tests.fixtures.workout_servicers import (
    AUTHORISED,
    WORKOUT_ID,
    Servicers,
)

GET = "/pulsemesh.workout.v1.WorkoutService/GetWorkout"
DELETE = "/pulsemesh.workout.v1.WorkoutService/DeleteWorkout"


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


def reason_of(error: grpc.aio.AioRpcError) -> str:
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return str(info.reason)


def metadata_of(error: grpc.aio.AioRpcError) -> dict[str, str]:
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    assert status is not None
    info = error_details_pb2.ErrorInfo()
    status.details[0].Unpack(info)
    return dict(info.metadata)


class MethodUnderTest:
    """GetWorkout with a policy of the test's choice and a handler of its own, on an in-process channel."""

    def __init__(self, handler: Any, ports_: PipelinePorts, path: str = GET, **policy: Any) -> None:
        info = default_registry().method(path)
        assert info.policy is not None
        info = dataclasses.replace(info, policy=dataclasses.replace(info.policy, **policy))
        assert info.policy is not None
        raw = grpc.unary_unary_rpc_method_handler(
            handler,
            info.request_class.FromString,
            info.response_class.SerializeToString,
        )
        wrapped = wrap(MethodGuard(info, info.policy, ports_), raw)
        self._stub: Any = InProcessChannel({path: wrapped}).unary_unary(
            path, info.request_class.SerializeToString, info.response_class.FromString
        )
        self.info: MethodInfo = info

    def __call__(self, metadata: Any = AUTHORISED, request: Any = None, **options: Any) -> Any:
        message = request or self.info.request_class(workout_id=WORKOUT_ID)
        return self._stub(message, metadata=metadata, **options)


async def answer(_request: Any, _context: Any) -> Any:
    return workout_service_pb2.GetWorkoutResponse()


def stub_of(servicers: Servicers) -> Any:
    return workout_service_pb2_grpc.WorkoutServiceStub(InProcessChannel(servicers.collector.handlers))


def get(workout_id: str = WORKOUT_ID) -> Any:
    return workout_service_pb2.GetWorkoutRequest(workout_id=workout_id)


class Counting:
    """A handler that counts its calls and says who asked."""

    def __init__(self) -> None:
        self.calls = 0

    def handler(self) -> Any:
        async def count(request: Any, _context: Any) -> Any:
            self.calls += 1
            response = workout_service_pb2.GetWorkoutResponse()
            response.workout.title = f"{request.workout_id} {self.calls}"
            return response

        return count
