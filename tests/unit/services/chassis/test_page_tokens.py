"""Page tokens come back as they went, and nothing else passes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis import page_tokens
from services.chassis.errors import PageTokenInvalid

INT64 = st.integers(-(2**63), 2**63 - 1)


@given(INT64, INT64, st.lists(st.text(max_size=20), max_size=3))
def test_a_position_comes_back(first: int, second: int, scope: list[str]) -> None:
    assert page_tokens.read(page_tokens.write((first, second), *scope), *scope) == (first, second)


def test_no_token_is_the_beginning() -> None:
    assert page_tokens.read("", "workouts") is None


@given(st.text(min_size=1, max_size=60))
def test_no_made_up_token_passes(token: str) -> None:
    with pytest.raises(PageTokenInvalid):
        page_tokens.read(token, "workouts")


def test_a_token_of_another_list_is_refused() -> None:
    token = page_tokens.write((1, 2), "workouts", "eu_1")
    with pytest.raises(PageTokenInvalid):
        page_tokens.read(token, "workouts", "eu_2")


def test_parts_of_the_scope_do_not_run_together() -> None:
    with pytest.raises(PageTokenInvalid):
        page_tokens.read(page_tokens.write((1, 2), "ab", "c"), "a", "bc")


def test_a_token_of_other_integers_is_refused() -> None:
    with pytest.raises(PageTokenInvalid):
        page_tokens.read(page_tokens.write((1, 2, 3), "workouts"), "workouts")


@given(st.tuples(*[st.integers(-(2**63), 2**63 - 1)] * 3))
def test_a_position_of_three_is_read_as_it_was_written(position: tuple[int, int, int]) -> None:
    assert page_tokens.read(page_tokens.write(position, "values"), "values", integers=3) == position
