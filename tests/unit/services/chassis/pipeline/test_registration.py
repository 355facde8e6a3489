"""What a servicer must be like to be served."""

from __future__ import annotations

from typing import Any

import pytest

from pulsemesh.workout.v1 import (
    workout_service_pb2_grpc,
)
from services.chassis.pipeline import ServiceCollector
from tests.fixtures.workout_servicers import (
    Servicers,
    ports,
)


def test_a_servicer_that_is_not_async_is_refused_at_registration() -> None:
    class Sync(workout_service_pb2_grpc.WorkoutServiceServicer):
        def GetWorkout(self, request: Any, context: Any) -> Any:
            return None

    servicer: Any = Sync  # abstract in the stubs, whole at run time
    collector: Any = ServiceCollector(ports())
    with pytest.raises(TypeError, match="must be a coroutine function"):
        workout_service_pb2_grpc.add_WorkoutServiceServicer_to_server(servicer(), collector)


def test_a_stream_that_is_not_a_generator_is_refused_at_registration() -> None:
    class Wrong(workout_service_pb2_grpc.WorkoutServiceServicer):
        async def ReadStreams(self, request: Any, context: Any) -> Any:  # type: ignore[override]
            return None

    servicer: Any = Wrong
    collector: Any = ServiceCollector(ports())
    with pytest.raises(TypeError, match="must be an async generator"):
        workout_service_pb2_grpc.add_WorkoutServiceServicer_to_server(servicer(), collector)


def test_a_service_is_added_once() -> None:
    servicers = Servicers()
    collector: Any = servicers.collector
    with pytest.raises(ValueError, match="added twice"):
        workout_service_pb2_grpc.add_WorkoutServiceServicer_to_server(servicers.workouts, collector)
