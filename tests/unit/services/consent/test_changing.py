"""Granting, withdrawing and moving: receipts, refusals, repeats, and one final state whatever is repeated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, select
from sqlalchemy.pool import StaticPool

from pulsemesh.consent.v1 import consent_pb2, events_pb2
from pulsemesh.consent.v1 import consent_service_pb2 as wire
from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.chassis.errors import InvalidField, PlatformError, RequestIdReused
from services.chassis.migrations import chassis_metadata
from services.chassis.outbox import outbox
from services.consent import granting, moving, withdrawing
from services.consent.checking import check
from services.consent.errors import (
    AgeUnknown,
    BirthMonthFixed,
    ParentalConsentNeeded,
    PurposeNotOffered,
    TextOutdated,
)
from services.consent.receipts.verifying import findings
from services.consent.registrar import Origin, Registrar
from services.consent.store import people, receipts
from services.consent.tables import metadata

USER = "eu_01J0000000000000000000TEST"
ORIGIN = Origin(USER, "test", "tests")
NOW_MS = 1_795_000_000_000
HEALTH, RESEARCH = Purpose.PURPOSE_HEALTH_DATA, Purpose.PURPOSE_RESEARCH
EMAIL, SMS = Purpose.PURPOSE_MARKETING_EMAIL, Purpose.PURPOSE_MARKETING_SMS


class Person:
    """Somebody who says things, one after the other."""

    def __init__(self, conn: Connection, registrar: Registrar) -> None:
        self._conn = conn
        self._registrar = registrar
        self.now_ms = NOW_MS

    def move(self, country: str, born: str = "1990-07", request_id: str = "") -> wire.SetJurisdictionResponse:
        request = wire.SetJurisdictionRequest(country=country, birth_month=born, request_id=request_id)
        return moving.set_jurisdiction(self._conn, self._registrar, ORIGIN, request, self._tick())

    def grant(
        self, *purposes: Purpose.ValueType, version: str = "EU/1.1", request_id: str = ""
    ) -> wire.GrantConsentsResponse:
        texts = [wire.ShownText(purpose=each, version=version, language="en") for each in purposes]
        request = wire.GrantConsentsRequest(texts=texts, request_id=request_id)
        return granting.grant(self._conn, self._registrar, ORIGIN, request, self._tick())

    def withdraw(self, *purposes: Purpose.ValueType, request_id: str = "") -> wire.WithdrawConsentsResponse:
        request = wire.WithdrawConsentsRequest(purposes=purposes, request_id=request_id)
        return withdrawing.withdraw(self._conn, self._registrar, ORIGIN, request, self._tick())

    def allows(self) -> set[int]:
        request = wire.CheckRequest(user_id=USER)
        decided = check(self._conn, self._registrar.decider, request, self.now_ms)
        return {each.purpose for each in decided.decisions if each.granted}

    def told(self) -> list[tuple[str, set[int]]]:
        """Every event that was published, as its name and the purposes."""
        found: list[tuple[str, set[int]]] = []
        for blob in self._conn.execute(select(outbox.c.envelope).order_by(outbox.c.id)).scalars():
            envelope = Envelope.FromString(blob)
            name = envelope.type.rpartition(".")[2]
            event = getattr(events_pb2, name).FromString(envelope.payload)
            found.append((name, set(event.purposes)))
        return found

    def findings(self) -> list[str]:
        known = people.find(self._conn, USER)
        return findings(
            receipts.chain(self._conn, USER),
            self._registrar.keys.published,
            user_id=USER,
            version=known.person.version,
            head_sha256=known.head_sha256,
        )

    def _tick(self) -> int:
        self.now_ms += 1_000
        return self.now_ms


@pytest.fixture
def person(connection: Connection, registrar: Registrar) -> Iterator[Person]:
    somebody = Person(connection, registrar)
    yield somebody
    assert somebody.findings() == []


def test_a_grant_is_allowed_at_once_and_told(person: Person) -> None:
    person.move("DE")
    answer = person.grant(HEALTH)
    assert person.allows() == {HEALTH}
    assert person.told() == [("ConsentGranted", {HEALTH})]
    assert (answer.receipt.kind, answer.receipt.sequence) == (consent_pb2.RECEIPT_KIND_GRANTED, 2)


def test_a_withdrawal_is_refused_at_once_and_told(person: Person) -> None:
    person.move("DE")
    person.grant(HEALTH, RESEARCH)
    person.withdraw(HEALTH)
    assert person.allows() == {RESEARCH}
    assert person.told()[-1] == ("ConsentWithdrawn", {HEALTH})


def test_withdrawing_what_was_never_granted_is_kept_and_told_to_nobody(person: Person) -> None:
    answer = person.withdraw(HEALTH)
    assert answer.receipt.purposes == [HEALTH]
    assert person.told() == []


def test_an_objection_to_what_needs_no_consent_is_told(person: Person) -> None:
    person.move("US")
    assert EMAIL in person.allows()
    person.withdraw(EMAIL)
    assert EMAIL not in person.allows()
    assert person.told()[-1] == ("ConsentWithdrawn", {EMAIL})


def test_withdrawing_marketing_withdraws_every_channel(person: Person) -> None:
    person.move("DE")
    person.grant(EMAIL, SMS)
    person.withdraw(Purpose.PURPOSE_MARKETING)
    assert person.allows() == set()


def test_an_outdated_text_is_refused_with_the_current_one(person: Person) -> None:
    person.move("DE")
    with pytest.raises(TextOutdated) as refused:
        person.grant(HEALTH, version="EU/0.1")
    assert refused.value.metadata == {"purpose": "health_data", "shown": "EU/0.1", "current": "EU/1.1"}


def test_of_two_texts_one_of_which_is_outdated_none_is_granted(
    person: Person, connection: Connection, registrar: Registrar
) -> None:
    person.move("DE")
    request = wire.GrantConsentsRequest(
        texts=[
            wire.ShownText(purpose=HEALTH, version="EU/1.1", language="en"),
            wire.ShownText(purpose=RESEARCH, version="EU/0.0", language="en"),
        ]
    )
    with pytest.raises(TextOutdated):
        granting.grant(connection, registrar, ORIGIN, request, NOW_MS)
    assert person.allows() == set()


def test_a_child_needs_a_parent(person: Person) -> None:
    person.move("DE", "2014-01")
    with pytest.raises(ParentalConsentNeeded, match="16 years"):
        person.grant(HEALTH)


def test_nobody_grants_before_their_age_is_known(person: Person) -> None:
    with pytest.raises(AgeUnknown):
        person.grant(HEALTH, version="DEFAULT/1.1")


def test_a_child_may_withdraw(person: Person) -> None:
    person.move("DE", "2014-01")
    assert person.withdraw(HEALTH).receipt.receipt_id


def test_marketing_as_such_cannot_be_granted(person: Person) -> None:
    person.move("DE")
    with pytest.raises(PurposeNotOffered):
        person.grant(Purpose.PURPOSE_MARKETING)


def test_an_unknown_language_was_not_shown(
    person: Person, connection: Connection, registrar: Registrar
) -> None:
    person.move("DE")
    text = wire.ShownText(purpose=HEALTH, version="EU/1.1", language="tlh")
    with pytest.raises(InvalidField):
        granting.grant(connection, registrar, ORIGIN, wire.GrantConsentsRequest(texts=[text]), NOW_MS)


def test_a_move_to_other_rules_asks_again(person: Person) -> None:
    person.move("DE")
    person.grant(HEALTH)
    moved = person.move("BR")
    assert list(moved.lapsed) == [HEALTH]
    assert person.allows() == set()
    assert person.told()[-1] == ("ConsentWithdrawn", {HEALTH})


def test_a_move_back_brings_back_what_was_granted(person: Person) -> None:
    person.move("DE")
    person.grant(HEALTH)
    person.move("BR")
    person.move("FR")
    assert person.allows() == {HEALTH}


def test_a_move_within_one_law_changes_nothing(person: Person) -> None:
    person.move("DE")
    person.grant(HEALTH)
    assert not person.move("ES").lapsed
    assert person.allows() == {HEALTH}


def test_a_month_of_birth_stays(person: Person) -> None:
    person.move("DE", "2014-01")
    with pytest.raises(BirthMonthFixed):
        person.move("DE", "1990-01")


def test_nobody_is_born_in_the_future(person: Person) -> None:
    with pytest.raises(InvalidField):
        person.move("DE", "2999-01")


def test_a_withdrawal_of_what_had_lapsed_is_told_too(person: Person) -> None:
    person.move("DE")
    person.grant(HEALTH)
    person.move("BR")
    person.withdraw(HEALTH)
    assert person.told()[-1] == ("ConsentWithdrawn", {HEALTH})


def test_a_repeat_is_given_the_first_answer(person: Person) -> None:
    person.move("DE")
    first = person.grant(HEALTH, request_id="a")
    person.withdraw(HEALTH)
    assert person.grant(HEALTH, request_id="a") == first
    assert person.allows() == set()


def test_one_id_for_two_requests_is_refused(person: Person) -> None:
    person.move("DE")
    person.grant(HEALTH, request_id="a")
    with pytest.raises(RequestIdReused):
        person.withdraw(HEALTH, request_id="a")


STEPS = st.lists(
    st.tuples(st.sampled_from(["grant", "withdraw", "move"]), st.sampled_from([HEALTH, RESEARCH, EMAIL])),
    max_size=8,
)


@settings(max_examples=40, deadline=None)
@given(STEPS, st.data())
def test_repeats_in_any_order_of_delivery_change_nothing(
    registrar: Registrar, steps: list[tuple[str, Purpose.ValueType]], data: st.DataObject
) -> None:
    expected: set[int] = set()
    country = "DE"
    with engine() as conn:
        person = Person(conn, registrar)
        person.move("DE")
        done: list[int] = []
        for number, (kind, purpose) in enumerate(steps):
            if _say(person, number, kind, purpose):
                done.append(number)
            if kind == "grant" and country == "DE":
                expected.add(purpose)
            elif kind == "withdraw":
                expected.discard(purpose)
            elif kind == "move":
                country = "BR" if number % 2 else "DE"
            # Anything that was accepted before comes again, now; what was refused may be accepted later.
            for again in data.draw(st.lists(st.sampled_from(done), max_size=3)) if done else ():
                _say(person, again, *steps[again])
        assert person.allows() == (expected if country == "DE" else set())
        assert person.findings() == []
        assert people.find(conn, USER).person.version == len(receipts.chain(conn, USER))


def _say(person: Person, number: int, kind: str, purpose: Purpose.ValueType) -> bool:
    request_id = f"request-{number}"
    try:
        match kind:
            case "grant":
                person.grant(purpose, request_id=request_id)
            case "withdraw":
                person.withdraw(purpose, request_id=request_id)
            case _:
                person.move("BR" if number % 2 else "DE", request_id=request_id)
    except PlatformError:
        return False  # a text of the EU, shown in Brazil
    return True


class engine:  # noqa: N801 - reads as a function where it is used
    """A database of one example's own."""

    def __enter__(self) -> Connection:
        self._engine = create_engine("sqlite://", poolclass=StaticPool)
        metadata.create_all(self._engine)
        chassis_metadata.create_all(self._engine)
        self._conn = self._engine.connect()
        return self._conn

    def __exit__(self, *_: object) -> None:
        self._conn.close()
        self._engine.dispose()
