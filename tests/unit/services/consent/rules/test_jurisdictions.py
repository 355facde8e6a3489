"""Whose rules hold where, and that each of them names its law."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pulsemesh.policy.v1.policy_pb2 import Purpose
from services.consent.rules.jurisdictions import (
    DEFAULT,
    Jurisdictions,
    Rules,
    age_of_consent,
    jurisdictions,
    purpose_rules,
)
from services.consent.rules.purposes import DATA_CATEGORIES

EU = tuple(code for code in jurisdictions().named("EU").countries if code not in {"IS", "LI", "NO"})


@pytest.mark.parametrize(
    ("country", "region", "name"),
    [
        ("DE", "", "EU"),
        ("NO", "", "EU"),
        ("GB", "", "UK"),
        ("US", "NY", "US"),
        ("US", "CA", "US-CA"),
        ("BR", "SP", "BR"),
        ("RU", "", "RU"),
        ("JP", "", DEFAULT),
        ("", "", DEFAULT),
    ],
)
def test_a_place_has_its_rules(country: str, region: str, name: str) -> None:
    assert jurisdictions().of(country, region).name == name


@pytest.mark.parametrize("country", EU)
def test_every_member_state_has_an_age_with_its_law(country: str) -> None:
    rules = jurisdictions().of(country)
    assert rules.name == "EU"
    assert 13 <= rules.countries[country].years <= 16
    assert rules.countries[country].source


def test_all_27_member_states_are_there() -> None:
    assert len(EU) == 27


def test_member_states_differ_in_the_age_of_consent() -> None:
    rules = jurisdictions().named("EU")
    assert (age_of_consent(rules, "DE"), age_of_consent(rules, "ES"), age_of_consent(rules, "SE")) == (
        16,
        14,
        13,
    )


@pytest.mark.parametrize("name", ["EU", "UK", "US", "US-CA", "BR", "RU", DEFAULT])
def test_health_data_is_opt_in_everywhere(name: str) -> None:
    terms = purpose_rules(jurisdictions().named(name), Purpose.PURPOSE_HEALTH_DATA)
    assert (terms.mode, terms.basis) == ("opt_in", "explicit_consent")
    assert terms.source


def test_nothing_is_assumed_of_whoever_has_not_said_where_they_live() -> None:
    rules = jurisdictions().named(DEFAULT)
    assert {purpose_rules(rules, purpose).mode for purpose in DATA_CATEGORIES} == {"opt_in"}
    assert rules.age_of_consent.years == max(
        jurisdictions().named(name).age_of_consent.years for name in jurisdictions().names
    )


def test_russia_keeps_data_in_the_country() -> None:
    assert jurisdictions().named("RU").residency.required


def test_marketing_as_such_is_offered_nowhere() -> None:
    rules = jurisdictions().named("US")
    assert not purpose_rules(rules, Purpose.PURPOSE_MARKETING).offered


def test_rules_that_name_an_unknown_purpose_are_refused() -> None:
    known = jurisdictions().named("EU").model_dump()
    known["purposes"] = {"world_domination": {"source": "none at all"}}
    with pytest.raises(ValidationError, match="world_domination"):
        Rules.model_validate(known)


def test_two_rules_for_one_place_are_refused() -> None:
    eu, default = jurisdictions().named("EU"), jurisdictions().named(DEFAULT)
    other = eu.model_copy(update={"name": "OTHER"})
    with pytest.raises(ValueError, match="both claim"):
        Jurisdictions([eu, other, default])


@given(st.text(max_size=4), st.text(max_size=4))
def test_any_place_has_some_rules(country: str, region: str) -> None:
    assert jurisdictions().of(country, region).name in jurisdictions().names
