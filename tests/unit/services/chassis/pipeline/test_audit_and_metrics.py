"""What is recorded of a call."""

from __future__ import annotations

from services.chassis.audit import AuditRecord
from services.chassis.telemetry import Telemetry
from tests.fixtures.workout_servicers import (
    AUTHORISED,
    MISSING_ID,
    USER_ID,
    Servicers,
    error_of,
    ports,
)
from tests.unit.services.chassis.pipeline.under_test import (
    MethodUnderTest,
    answer,
    get,
    stub_of,
)


class ListAudit:
    """Audit records in a list."""

    def __init__(self) -> None:
        self.records: list[AuditRecord] = []

    def record(self, record: AuditRecord) -> None:
        self.records.append(record)


async def test_an_audited_call_is_recorded_with_its_outcome() -> None:
    audit = ListAudit()
    await MethodUnderTest(answer, ports(audit=audit), audit_action="workout.look")()
    (record,) = audit.records
    assert (record.action, record.user_id, record.outcome) == ("workout.look", USER_ID, "OK")
    assert (record.caller_kind, record.client_id, record.peer) == ("user", "app", "inprocess:")


async def test_a_refused_call_is_recorded_too() -> None:
    audit = ListAudit()
    await error_of(MethodUnderTest(answer, ports(audit=audit), audit_action="workout.look")(metadata=()))
    assert [(record.outcome, record.reason) for record in audit.records] == [
        ("UNAUTHENTICATED", "CREDENTIALS_MISSING")
    ]


async def test_a_call_without_an_audit_policy_is_not_recorded() -> None:
    audit = ListAudit()
    await MethodUnderTest(answer, ports(audit=audit))()
    assert audit.records == []


async def test_every_call_is_counted_by_its_code() -> None:
    telemetry = Telemetry()
    servicers = Servicers(telemetry=telemetry)
    stub = stub_of(servicers)
    await stub.GetWorkout(get(), metadata=AUTHORISED)
    await error_of(stub.GetWorkout(get(MISSING_ID), metadata=AUTHORISED))
    labels = {"service": "pulsemesh.workout.v1.WorkoutService", "method": "GetWorkout"}
    registry = telemetry.metrics.registry
    name = "pulsemesh_rpc_duration_seconds_count"
    assert registry.get_sample_value(name, labels | {"code": "OK"}) == 1
    assert registry.get_sample_value(name, labels | {"code": "NOT_FOUND"}) == 1
