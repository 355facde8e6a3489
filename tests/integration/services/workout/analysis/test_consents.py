"""Consents of analyses: jobs of who does not allow them; events that come again, late and out of order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from pulsemesh.consent.v1 import events_pb2
from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.policy.v1.policy_pb2 import Purpose
from pulsemesh.ulid import new_ulid
from services.chassis.consent import consent_unavailable
from services.workout.analysis import queue
from services.workout.analysis.analyst import Analyst
from services.workout.consents.withdrawal import GRANTED, WITHDRAWN, ConsentFollower
from services.workout.tables import analyses, analysis_jobs, loads

ANALYSIS = Purpose.PURPOSE_TRAINING_ANALYSIS


class Gate:
    """Says what it is told to say."""

    def __init__(self) -> None:
        self.allowed = True
        self.away = False

    async def check(self, user_id: str, purposes: frozenset[Purpose.ValueType]) -> None:
        await self.refused(user_id, purposes)

    async def refused(
        self, user_id: str, purposes: frozenset[Purpose.ValueType]
    ) -> frozenset[Purpose.ValueType]:
        if self.away:
            raise consent_unavailable()
        return frozenset() if self.allowed else purposes

    def forget(self, user_id: str) -> None:
        """Keeps nothing."""


class Subject:
    """Somebody with a workout, an analyst that asks the gate, and the follower of events."""

    def __init__(self, rig: Any) -> None:
        self.rig = rig
        self.gate = Gate()
        self.analyst = Analyst(rig.database, rig.clock, consent=self.gate)
        self.follow = ConsentFollower(self.gate, rig.clock)

    async def hear(self, kind: str, cause: int = events_pb2.WITHDRAWAL_CAUSE_PERSON) -> None:
        event: Any = (
            events_pb2.ConsentGranted(purposes=[ANALYSIS])
            if kind == GRANTED
            else events_pb2.ConsentWithdrawn(purposes=[ANALYSIS], cause=cause)  # type: ignore[arg-type]
        )
        envelope = Envelope(
            event_id=new_ulid(), type=kind, subject=self.rig.user_id, payload=event.SerializeToString()
        )
        async with self.rig.database.write() as transaction:
            await self.follow(transaction, envelope)

    async def count(self, table: Any) -> int:
        async with self.rig.database.read() as view:
            return await view.run(
                lambda conn: conn.execute(select(func.count()).select_from(table)).scalar_one()
            )

    async def state(self) -> tuple[int, int, int]:
        return await self.count(analyses), await self.count(loads), await self.count(analysis_jobs)


@pytest.fixture
def database_url(tmp_path: Any) -> str:
    """SQLite alone: the statements are those of the queue, which both databases are tested with."""
    return f"sqlite:///{tmp_path}"


@pytest.fixture
async def subject(rig: Any) -> Subject:
    await rig.workout(60)
    return Subject(rig)


async def test_a_job_that_is_not_allowed_is_dropped(subject: Subject) -> None:
    subject.gate.allowed = False
    await subject.analyst.work()
    assert await subject.state() == (0, 0, 0)


async def test_while_nobody_can_tell_a_job_waits(subject: Subject) -> None:
    subject.gate.away = True
    await subject.analyst.work()
    assert await subject.state() == (0, 0, 1)
    subject.gate.away = False
    subject.rig.clock.ahead_ms += 2 * queue.PUT_OFF_MS
    await subject.analyst.work()
    assert await subject.state() == (1, 1, 0)


async def test_an_edit_does_not_undo_an_erasure_that_waits(subject: Subject) -> None:
    await subject.analyst.work()
    subject.gate.allowed = False
    await subject.hear(WITHDRAWN)
    async with subject.rig.database.write() as transaction:
        await transaction.run(queue.enqueue, subject.rig.user_id, 1, queue.SPORT_CHANGED, subject.rig.clock())
    await subject.analyst.work()
    assert await subject.state() == (0, 0, 0)


async def test_a_move_stops_the_work_and_erases_nothing(subject: Subject) -> None:
    await subject.analyst.work()
    subject.gate.allowed = False
    await subject.hear(WITHDRAWN, events_pb2.WITHDRAWAL_CAUSE_JURISDICTION)
    await subject.analyst.work()
    assert await subject.state() == (1, 1, 0)


SEQUENCES = st.lists(
    st.tuples(st.booleans(), st.lists(st.integers(0, 5), max_size=3)), min_size=1, max_size=5
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SEQUENCES)
async def test_events_in_any_order_end_where_the_consents_end(
    subject: Subject, sequence: list[tuple[bool, list[int]]]
) -> None:
    """Each change is told, late and again: an event may arrive when what holds is something else already."""
    told: list[str] = []
    for allowed, again in sequence:
        subject.gate.allowed = allowed
        told.append(GRANTED if allowed else WITHDRAWN)
        for number in again:
            await subject.hear(told[number % len(told)])
    for kind in reversed(told):
        await subject.hear(kind)
    await subject.analyst.work()
    expected = (1, 1, 0) if subject.gate.allowed else (0, 0, 0)
    assert await subject.state() == expected
