from __future__ import annotations

import pytest
from google.protobuf.descriptor import MethodDescriptor

from pulsemesh.auth.v1 import development_issuer_service_pb2
from pulsemesh.calls import call_policy
from pulsemesh.policy.v1 import policy_pb2
from pulsemesh.workout.v1 import (
    file_service_pb2,
    ingest_service_pb2,
    recording_service_pb2,
    workout_service_pb2,
)

METHODS: list[MethodDescriptor] = [
    method
    for module in (
        development_issuer_service_pb2,
        file_service_pb2,
        ingest_service_pb2,
        recording_service_pb2,
        workout_service_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
    for method in service.methods
]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.full_name)
def test_every_method_of_every_contract_has_a_policy_for_callers(method: MethodDescriptor) -> None:
    policy = call_policy(f"/{method.containing_service.full_name}/{method.name}")
    assert policy.method == method.full_name
    assert policy.retry != policy_pb2.RETRY_UNSPECIFIED
    streaming = method.client_streaming or method.server_streaming
    assert streaming or policy.deadline_s is not None


def test_an_update_is_repeated_by_its_request_id() -> None:
    policy = call_policy("/pulsemesh.workout.v1.WorkoutService/UpdateWorkout")
    assert policy.may_repeat
    assert policy.fills_request_id


def test_a_read_is_repeated_without_one() -> None:
    policy = call_policy("/pulsemesh.workout.v1.WorkoutService/GetWorkout")
    assert policy.may_repeat
    assert not policy.fills_request_id


def test_an_unknown_method_has_no_policy() -> None:
    with pytest.raises(LookupError, match="no such method"):
        call_policy("/pulsemesh.workout.v1.WorkoutService/Guess")


def test_a_method_without_a_policy_is_refused() -> None:
    from grpc_health.v1 import health_pb2

    assert health_pb2.DESCRIPTOR
    with pytest.raises(LookupError, match="declares no policy"):
        call_policy("/grpc.health.v1.Health/Check")
