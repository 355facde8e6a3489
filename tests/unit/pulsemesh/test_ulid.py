from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsemesh.ulid import new_ulid

MOMENTS = st.integers(min_value=0, max_value=(1 << 48) - 1)


@given(MOMENTS)
def test_it_has_the_form_that_the_contracts_ask_for(time_ms: int) -> None:
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{26}", new_ulid(time_ms))


@given(MOMENTS, MOMENTS)
def test_it_sorts_by_time(first_ms: int, second_ms: int) -> None:
    if first_ms != second_ms:
        assert (new_ulid(first_ms) < new_ulid(second_ms)) == (first_ms < second_ms)


def test_a_known_time_has_its_known_beginning() -> None:
    assert new_ulid(1_469_918_176_385).startswith("01ARYZ6S41")


def test_two_of_one_millisecond_differ() -> None:
    assert len({new_ulid(0) for _ in range(1000)}) == 1000


def test_a_time_beyond_its_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        new_ulid(1 << 48)
