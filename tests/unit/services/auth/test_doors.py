"""Who may sign up where, from which age, and from where a call came."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.auth.errors import ServedElsewhere, TooYoung
from services.auth.jurisdictions import age_on, require_age, require_home
from services.auth.places import network_of, place_of


@pytest.mark.parametrize("country", ["DE", "GB", "JP", "US"])
def test_a_cell_that_is_alone_serves_everybody_whom_the_law_lets(country: str) -> None:
    require_home(country, "eu", {})


def test_a_country_whose_law_wants_its_data_at_home_is_served_there_or_not_at_all() -> None:
    with pytest.raises(ServedElsewhere) as caught:
        require_home("RU", "eu", {})
    assert "address" not in caught.value.metadata
    require_home("RU", "ru", {})


def test_people_of_another_cell_learn_its_address() -> None:
    with pytest.raises(ServedElsewhere) as caught:
        require_home("US", "eu", {"us": "https://us.example"})
    assert caught.value.metadata["address"] == "https://us.example"


@pytest.mark.parametrize(("country", "minimum"), [("DE", 16), ("FR", 15), ("AT", 14), ("US", 13), ("JP", 16)])
def test_the_age_is_the_countrys(country: str, minimum: int) -> None:
    require_age(country, minimum)
    with pytest.raises(TooYoung):
        require_age(country, minimum - 1)


@given(st.dates(date(1900, 1, 1), date(2020, 12, 31)))
def test_a_person_is_a_year_older_on_their_birthday(birth: date) -> None:
    if (birth.month, birth.day) == (2, 29):
        assert age_on(birth, date(birth.year + 9, 2, 28)) == 8
        return
    birthday = birth.replace(year=birth.year + 9)
    assert age_on(birth, birthday) == 9
    assert age_on(birth, date.fromordinal(birthday.toordinal() - 1)) == 8


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("ipv4:203.0.113.77:50051", "203.0.113.0/24"),
        ("ipv6:%5B2001:db8:1:2::3%5D:50051", "2001:db8:1::/48"),
        ("ipv6:[::ffff:203.0.113.77]:9", "203.0.113.0/24"),
        ("unix:", "unix"),
        ("inprocess:", "inprocess"),
        ("ipv4:nonsense", "ipv4"),
    ],
)
def test_a_place_is_a_network_and_never_an_address(peer: str, network: str) -> None:
    assert network_of(peer) == network


def test_a_place_is_a_country_where_somebody_can_tell() -> None:
    assert place_of("ipv4:203.0.113.77:1", lambda address: "DE" if address == "203.0.113.77" else "") == "DE"
    assert place_of("ipv4:203.0.113.77:1", lambda address: "") == "203.0.113.0/24"


@given(st.text(max_size=60))
def test_no_peer_is_too_odd(peer: str) -> None:
    assert isinstance(network_of(peer), str)
