"""Which handles there can be, and which look alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.profile.handles import LONGEST, SHORTEST, likeness, reserved, written


@pytest.mark.parametrize(
    ("text", "handle"),
    [("ann", "ann"), ("@Ann_1", "ann_1"), ("ＡＮＮ", "ann"), ("𝓪𝓷𝓷", "ann"), ("a" * 30, "a" * 30)],
)
def test_a_handle_is_kept_in_one_form(text: str, handle: str) -> None:
    assert written(text) == handle


@pytest.mark.parametrize(
    "text", ["", "an", "a" * 31, "аnn", "a nn", "ann!", "ann\n", "ann\u200b", "___", "ánn", "a.b.c"]
)
def test_what_is_no_handle_is_refused(text: str) -> None:
    assert written(text) is None


@given(st.text(max_size=40))
def test_whatever_is_kept_is_plain_and_kept_as_it_is(text: str) -> None:
    handle = written(text)
    if handle is not None:
        assert handle.isascii()
        assert SHORTEST <= len(handle) <= LONGEST
        assert written(handle) == handle
        assert len(likeness(handle)) <= LONGEST


@pytest.mark.parametrize(
    ("one", "other"),
    [("b0b", "bob"), ("pau1", "paul"), ("bernie", "bemie"), ("_bob_", "bob"), ("a__b", "a_b")],
)
def test_what_could_be_taken_for_another_is_of_one_likeness(one: str, other: str) -> None:
    assert likeness(one) == likeness(other)


@pytest.mark.parametrize("handle", ["admin", "supp0rt", "_root_", "pulsemesh"])
def test_the_platforms_own_names_are_nobodys(handle: str) -> None:
    assert reserved(handle)
    assert not reserved("ann_rides")
