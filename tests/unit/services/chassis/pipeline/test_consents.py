"""What a person must have allowed."""

from __future__ import annotations

from typing import Any

import grpc

from pulsemesh.policy.v1.policy_pb2 import Access, Purpose
from services.chassis.consent import ClosedConsentGate, consent_missing
from tests.fixtures.workout_servicers import (
    error_of,
    ports,
)
from tests.unit.services.chassis.pipeline.under_test import (
    MethodUnderTest,
    answer,
    bearer,
    metadata_of,
    reason_of,
)


async def test_a_gate_that_cannot_answer_refuses() -> None:
    method = MethodUnderTest(
        answer, ports(consent=ClosedConsentGate()), consents=frozenset({Purpose.PURPOSE_HEALTH_DATA})
    )
    error = await error_of(method())
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNAVAILABLE, "CONSENT_UNAVAILABLE")


async def test_a_missing_consent_is_named() -> None:
    class Refusing:
        async def check(self, user_id: str, purposes: Any) -> None:
            raise consent_missing(purposes)

    method = MethodUnderTest(
        answer, ports(consent=Refusing()), consents=frozenset({Purpose.PURPOSE_HEALTH_DATA})
    )
    error = await error_of(method())
    assert reason_of(error) == "CONSENT_MISSING"
    assert metadata_of(error) == {"purposes": "health_data"}


async def test_a_gate_that_breaks_lets_nobody_in() -> None:
    class Broken:
        async def check(self, user_id: str, purposes: Any) -> None:
            raise RuntimeError("no connection")

    called: list[int] = []

    async def handler(_request: Any, _context: Any) -> Any:
        called.append(1)

    method = MethodUnderTest(
        handler, ports(consent=Broken()), consents=frozenset({Purpose.PURPOSE_HEALTH_DATA})
    )
    error = await error_of(method())
    assert (error.code(), reason_of(error)) == (grpc.StatusCode.UNAVAILABLE, "CONSENT_UNAVAILABLE")
    assert called == []


async def test_a_service_that_names_no_person_cannot_use_a_persons_data() -> None:
    method = MethodUnderTest(
        answer,
        ports(),
        access=frozenset({Access.ACCESS_SERVICE}),
        consents=frozenset({Purpose.PURPOSE_HEALTH_DATA}),
    )
    error = await error_of(method(metadata=bearer("service")))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
