from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsemesh.policy.v1.policy_pb2 import Access
from services.chassis.auth import Principal, Revocation
from services.host import gateway_denials
from services.host.gateway_denials import RevokedAtTheDoor


def session(name: str, *, ahead_s: float = 60) -> Revocation:
    return Revocation(session_id=name, forget_at_s=time.time() + ahead_s)


def person(name: str, before_s: float = 1_000.0, *, ahead_s: float = 60) -> Revocation:
    return Revocation(user_id=name, issued_before_s=before_s, forget_at_s=time.time() + ahead_s)


def test_an_ended_session_is_told_to_the_gateway_once() -> None:
    denied = RevokedAtTheDoor()
    ended = session("s-1")
    denied.apply(ended)
    assert denied.settle().sessions == ("s-1",)
    assert denied.changed.is_set()
    denied.changed.clear()
    denied.apply(ended)
    assert not denied.changed.is_set()


def test_what_ends_all_tokens_of_a_person_is_told_with_its_moment() -> None:
    denied = RevokedAtTheDoor()
    denied.apply(person("eu_a", 1_000.0))
    assert denied.changed.is_set()
    assert denied.settle().people == {"eu_a": 1_000}


def test_a_later_moment_of_the_same_person_replaces_the_earlier_one() -> None:
    denied = RevokedAtTheDoor()
    denied.apply(person("eu_a", 1_000.0))
    denied.changed.clear()
    denied.apply(person("eu_a", 1_010.0))
    assert denied.changed.is_set()
    denied.apply(person("eu_a", 1_005.0))
    assert denied.settle().people == {"eu_a": 1_010}


def test_what_concerns_no_token_any_more_is_forgotten() -> None:
    denied = RevokedAtTheDoor()
    denied.apply(session("s-1", ahead_s=-1), person("eu_a", ahead_s=-1), person("eu_b"))
    assert denied.settle() == gateway_denials.Denials((), {"eu_b": 1_000})
    assert denied.told == denied.settle()


def test_beyond_the_bound_the_latest_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_denials, "MOST_PEOPLE", 3)
    monkeypatch.setattr(gateway_denials, "MOST_SESSIONS", 2)
    denied = RevokedAtTheDoor()
    denied.apply(*(person(f"eu_{number}", 100.0 + number) for number in (4, 0, 3, 1, 2)))
    denied.apply(*(session(f"s-{number}") for number in range(4)))
    told = denied.settle()
    assert told.people == {"eu_2": 102, "eu_3": 103, "eu_4": 104}
    assert told.sessions == ("s-2", "s-3")
    assert len(denied) == 9


def test_beyond_as_many_moments_as_calls_are_held_against_the_latest_are_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gateway_denials, "MOST_MOMENTS", 2)
    denied = RevokedAtTheDoor()
    denied.apply(*(person(f"eu_{number}", 100.0 + number // 2) for number in range(6)))
    assert denied.settle().people == {"eu_2": 101, "eu_3": 101, "eu_4": 102, "eu_5": 102}


@given(st.integers(0, 2**33), st.floats(1, 2**33))
def test_the_gateway_refuses_the_same_tokens_as_the_services(issued_at_s: int, before_s: float) -> None:
    denied = RevokedAtTheDoor()
    entry = Revocation(user_id="eu_a", issued_before_s=before_s)
    denied.apply(entry)
    caller = Principal("eu_a", Access.ACCESS_USER, issued_at_s=float(issued_at_s))
    at_the_door = 0 <= issued_at_s < denied.settle().people["eu_a"]
    assert at_the_door == entry.concerns(caller) == (issued_at_s < math.ceil(before_s))
