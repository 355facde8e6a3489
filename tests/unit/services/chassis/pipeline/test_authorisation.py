"""Who may: kinds of caller, scopes, cells, services acting for people."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from pulsemesh.policy.v1.policy_pb2 import Access
from pulsemesh.workout.v1 import (
    workout_service_pb2,
)
from services.chassis.call import current_call
from tests.fixtures.workout_servicers import (
    AUTHORISED,
    USER_ID,
    WORKOUT_ID,
    Servicers,
    error_of,
    ports,
)
from tests.unit.services.chassis.pipeline.under_test import (
    MethodUnderTest,
    answer,
    bearer,
    get,
    metadata_of,
    reason_of,
    stub_of,
)


async def test_a_device_may_read_where_the_policy_lets_it() -> None:
    await stub_of(Servicers()).GetWorkout(get(), metadata=bearer("device"))


async def test_a_device_may_not_delete() -> None:
    request = workout_service_pb2.DeleteWorkoutRequest(workout_id=WORKOUT_ID)
    error = await error_of(stub_of(Servicers()).DeleteWorkout(request, metadata=bearer("device")))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.PERMISSION_DENIED, "ACCESS_DENIED")


async def test_a_service_is_refused_where_only_people_may() -> None:
    error = await error_of(stub_of(Servicers()).GetWorkout(get(), metadata=bearer("service")))
    assert reason_of(error) == "ACCESS_DENIED"


async def test_a_missing_scope_is_named() -> None:
    request = workout_service_pb2.DeleteWorkoutRequest(workout_id=WORKOUT_ID)
    error = await error_of(stub_of(Servicers()).DeleteWorkout(request, metadata=bearer("reader")))
    assert reason_of(error) == "SCOPE_MISSING"
    assert metadata_of(error)["scopes"] == "workout.write"


async def test_a_person_of_another_cell_is_sent_there() -> None:
    error = await error_of(stub_of(Servicers()).GetWorkout(get(), metadata=bearer("stranger")))
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.FAILED_PRECONDITION, "WRONG_CELL")
    assert metadata_of(error) == {"cell": "us", "here": "eu"}


async def test_a_service_acts_for_the_person_it_names() -> None:
    seen: list[str] = []

    async def who(_request: Any, _context: Any) -> Any:
        seen.append(current_call().principal.user_id)
        return workout_service_pb2.GetWorkoutResponse()

    method = MethodUnderTest(who, ports(), access=frozenset({Access.ACCESS_SERVICE}))
    await method(metadata=(*bearer("service"), ("pulsemesh-on-behalf-of", USER_ID)))
    assert seen == [USER_ID]


async def test_a_person_cannot_act_for_another() -> None:
    seen: list[str] = []

    async def who(_request: Any, _context: Any) -> Any:
        seen.append(current_call().principal.user_id)
        return workout_service_pb2.GetWorkoutResponse()

    method = MethodUnderTest(who, ports())
    await method(metadata=(*AUTHORISED, ("pulsemesh-on-behalf-of", "eu_SOMEBODYELSE")))
    assert seen == [USER_ID]


async def test_a_service_acting_for_a_person_of_another_cell_is_sent_there() -> None:
    method = MethodUnderTest(answer, ports(), access=frozenset({Access.ACCESS_SERVICE}))
    error = await error_of(method(metadata=(*bearer("service"), ("pulsemesh-on-behalf-of", "us_1"))))
    assert reason_of(error) == "WRONG_CELL"


@pytest.mark.parametrize(("role", "passes"), [("support", True), ("finance", False)])
async def test_staff_need_one_of_the_roles(role: str, passes: bool) -> None:
    method = MethodUnderTest(
        answer, ports(), access=frozenset({Access.ACCESS_STAFF}), staff_roles=frozenset({role})
    )
    code = await method(metadata=bearer("staff")).code()
    assert code is (grpc.StatusCode.OK if passes else grpc.StatusCode.PERMISSION_DENIED)
