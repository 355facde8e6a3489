"""Consumers that need consents: events of who does not allow their use are settled without effect."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.policy.v1.policy_pb2 import Purpose
from pulsemesh.ulid import new_ulid
from services.chassis.consent import ClosedConsentGate, consent_missing
from services.chassis.consumer import Consumer
from services.chassis.database import Database, Transaction, open_database
from services.chassis.errors import Unavailable
from services.chassis.migrations import chassis_metadata

RESEARCH = frozenset({Purpose.PURPOSE_RESEARCH})


class Allowing:
    """A gate that knows who allows."""

    def __init__(self, *people: str) -> None:
        self.people = set(people)

    async def check(self, user_id: str, purposes: frozenset[Purpose.ValueType]) -> None:
        if refused := await self.refused(user_id, purposes):
            raise consent_missing(refused)

    async def refused(
        self, user_id: str, purposes: frozenset[Purpose.ValueType]
    ) -> frozenset[Purpose.ValueType]:
        return frozenset() if user_id in self.people else purposes

    def forget(self, user_id: str) -> None:
        pass


class Effects:
    def __init__(self) -> None:
        self.subjects: list[str] = []
        self.fails = False

    async def __call__(self, transaction: Transaction, envelope: Envelope) -> None:
        if self.fails:
            raise ValueError("cannot be handled")
        self.subjects.append(envelope.subject)


def event(subject: str) -> Envelope:
    return Envelope(event_id=new_ulid(), type="test.Event", producer="test", cell="eu", subject=subject)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path}", schema="test")
    await opened.change_schema(chassis_metadata.create_all)
    yield opened
    await opened.close()


async def test_events_of_who_does_not_allow_are_passed_over_and_counted(database: Database) -> None:
    effects = Effects()
    consumer = Consumer(
        "test.one", {"test.Event"}, effects, database, consents=RESEARCH, gate=Allowing("eu_a")
    )
    await consumer.handle([event("eu_a"), event("eu_b"), event("eu_a")])
    assert (effects.subjects, consumer.passed_over) == (["eu_a", "eu_a"], 1)


async def test_an_event_that_was_passed_over_does_not_come_back_with_the_consent(database: Database) -> None:
    effects, gate, told = Effects(), Allowing(), event("eu_a")
    consumer = Consumer("test.one", {"test.Event"}, effects, database, consents=RESEARCH, gate=gate)
    await consumer.handle([told])
    gate.people.add("eu_a")
    await consumer.handle([told])
    assert effects.subjects == []


async def test_while_nobody_can_tell_events_wait(database: Database) -> None:
    effects, told = Effects(), event("eu_a")
    closed = Consumer(
        "test.one", {"test.Event"}, effects, database, consents=RESEARCH, gate=ClosedConsentGate()
    )
    with pytest.raises(Unavailable):
        await closed.handle([told])
    opened = Consumer("test.one", {"test.Event"}, effects, database, consents=RESEARCH, gate=Allowing("eu_a"))
    await opened.handle([told])
    assert effects.subjects == ["eu_a"]


async def test_a_dead_letter_is_not_handled_again_after_a_withdrawal(database: Database) -> None:
    effects, gate = Effects(), Allowing("eu_a")
    consumer = Consumer("test.one", {"test.Event"}, effects, database, consents=RESEARCH, gate=gate)
    await consumer.park(event("eu_a"), "test", 1)
    gate.people.clear()
    assert await consumer.retry_parked() == 1
    assert (effects.subjects, await consumer.parked()) == ([], [])


def test_consents_without_somebody_to_ask_are_refused(database: Database) -> None:
    with pytest.raises(ValueError, match="nobody to ask"):
        Consumer("test.one", {"test.Event"}, Effects(), database, consents=RESEARCH)
