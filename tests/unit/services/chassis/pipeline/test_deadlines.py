"""How long a call may take."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc

from pulsemesh.workout.v1 import (
    workout_service_pb2,
)
from services.chassis.call import current_call
from tests.fixtures.workout_servicers import (
    error_of,
    ports,
)
from tests.unit.services.chassis.pipeline.under_test import (
    MethodUnderTest,
    answer,
    reason_of,
)


async def test_the_policys_deadline_ends_the_handler_with_a_clear_status() -> None:
    async def dawdle(_request: Any, _context: Any) -> Any:
        await asyncio.sleep(60)

    error = await error_of(MethodUnderTest(dawdle, ports(), deadline_s=0.05)())
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.DEADLINE_EXCEEDED, "DEADLINE_PASSED")
    assert error.details() == "the call was not done within 0.05 s"


async def test_a_handler_knows_the_time_it_has_left() -> None:
    seen: list[float | None] = []

    async def look(_request: Any, _context: Any) -> Any:
        seen.append(current_call().deadline_s())
        return workout_service_pb2.GetWorkoutResponse()

    await MethodUnderTest(look, ports(), deadline_s=5.0)()
    await MethodUnderTest(look, ports(), deadline_s=5.0)(timeout=2.0)
    assert seen[0] is not None
    assert seen[1] is not None
    assert 4.0 < seen[0] <= 5.0
    assert 1.0 < seen[1] <= 2.0


async def test_a_deadline_that_was_met_leaves_no_timer() -> None:
    method = MethodUnderTest(answer, ports(), deadline_s=0.05)
    await method()
    await asyncio.sleep(0.1)
    assert await method().code() is grpc.StatusCode.OK
