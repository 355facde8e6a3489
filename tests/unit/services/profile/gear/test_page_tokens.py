from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.chassis.errors import PageTokenInvalid
from services.profile.gear import page_tokens

INT64 = st.integers(-(2**63), 2**63 - 1)


@given(position=st.tuples(INT64, INT64), scope=st.lists(st.text()))
def test_a_token_gives_its_position_back(position: tuple[int, int], scope: list[str]) -> None:
    assert page_tokens.read(page_tokens.write(position, *scope), *scope) == position


@given(token=st.text(min_size=1, max_size=60))
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(PageTokenInvalid):
        page_tokens.read(token, "gear")


def test_a_token_of_another_list_is_refused() -> None:
    with pytest.raises(PageTokenInvalid):
        page_tokens.read(page_tokens.write((1, 2), "gear", "ada"), "gear", "bob")
