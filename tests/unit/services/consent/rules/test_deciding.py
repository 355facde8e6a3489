"""Whether a purpose is allowed: opt-in and opt-out, age, moves, expiry."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pulsemesh.consent.v1 import consent_pb2 as wire
from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.consent.rules.deciding import DAY_MS, Decider, Person, Word, of_age_ms
from services.consent.rules.jurisdictions import jurisdictions
from services.consent.rules.texts import texts

NOW_MS = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp() * 1000)
ADULT = "1990-07"
EMAIL, HEALTH = Purpose.PURPOSE_MARKETING_EMAIL, Purpose.PURPOSE_HEALTH_DATA

decider = Decider(jurisdictions(), texts())


def reason(person: Person, purpose: Purpose.ValueType, word: Word | None, now_ms: int = NOW_MS) -> str:
    decision = decider.decide(person, purpose, word, now_ms)
    name = wire.DecisionReason.Name(decision.reason).removeprefix("DECISION_REASON_").lower()
    return f"{'yes' if decision.granted else 'no'}: {name}"


def agreed(version: str = "EU/1.1", at_ms: int = NOW_MS) -> Word:
    return Word(True, version, at_ms)


def test_silence_is_no_consent_where_the_law_wants_a_yes() -> None:
    assert reason(Person("DE", "", ADULT), EMAIL, None) == "no: never_granted"


def test_silence_is_no_objection_where_the_law_wants_a_no() -> None:
    assert reason(Person("US", "TX", ADULT), EMAIL, None) == "yes: not_objected"


def test_silence_of_a_child_is_nothing() -> None:
    assert reason(Person("US", "TX", "2016-01"), EMAIL, None) == "no: minor"


def test_silence_of_somebody_of_unknown_age_is_nothing() -> None:
    assert reason(Person("US", "TX"), EMAIL, None) == "no: age_unknown"


def test_an_objection_holds() -> None:
    assert reason(Person("US", "TX", ADULT), EMAIL, Word(False, "", NOW_MS)) == "no: withdrawn"


def test_a_grant_holds() -> None:
    assert reason(Person("DE", "", ADULT), HEALTH, agreed()) == "yes: granted"


def test_a_grant_of_another_country_has_to_be_given_again() -> None:
    assert reason(Person("BR", "", ADULT), HEALTH, agreed("EU/1.1")) == "no: jurisdiction_changed"


def test_a_grant_moves_along_within_one_law() -> None:
    assert reason(Person("FR", "", ADULT), HEALTH, agreed("EU/1.1")) == "yes: granted"


def test_a_text_that_does_not_exist_was_never_agreed_to() -> None:
    assert reason(Person("DE", "", ADULT), HEALTH, agreed("EU/9.1")) == "no: text_changed"


def test_a_grant_expires() -> None:
    person, word = Person("DE", "", ADULT), agreed(at_ms=NOW_MS)
    assert reason(person, EMAIL, word, NOW_MS + 730 * DAY_MS - 1) == "yes: granted"
    assert reason(person, EMAIL, word, NOW_MS + 730 * DAY_MS) == "no: expired"


def test_a_decision_says_until_when_it_holds() -> None:
    decision = decider.decide(Person("DE", "", ADULT), EMAIL, agreed(), NOW_MS)
    assert decision.until_ms == NOW_MS + 730 * DAY_MS


def test_the_same_age_is_enough_in_one_member_state_and_not_in_another() -> None:
    fifteen = "2011-01"
    assert reason(Person("SE", "", fifteen), HEALTH, agreed()) == "yes: granted"
    assert reason(Person("DE", "", fifteen), HEALTH, agreed()) == "no: minor"


def test_marketing_as_such_is_offered_to_nobody() -> None:
    assert reason(Person("US", "", ADULT), Purpose.PURPOSE_MARKETING, agreed("US/1.1")) == "no: not_offered"


@pytest.mark.parametrize(
    ("birth_month", "years", "day"),
    [
        ("1990-07", 16, datetime(2006, 8, 1, tzinfo=UTC)),
        ("1990-12", 18, datetime(2009, 1, 1, tzinfo=UTC)),
        ("1990-11", 18, datetime(2008, 12, 1, tzinfo=UTC)),
    ],
)
def test_somebody_is_of_age_when_the_month_is_over(birth_month: str, years: int, day: datetime) -> None:
    assert of_age_ms(birth_month, years) == day.timestamp() * 1000
