"""What a process believes of tokens that may be void."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsemesh.policy.v1.policy_pb2 import Access
from services.chassis.auth import Principal, Revocation, RevocationList
from services.chassis.auth.revocation import SessionRevoked, TokenTooOld


class Clock:
    """Seconds that a test sets."""

    now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


def caller(session_id: str = "s1", user_id: str = "eu_1", issued_at_s: float = 1_000_000.0) -> Principal:
    return Principal(user_id, Access.ACCESS_USER, session_id=session_id, issued_at_s=issued_at_s)


def believed(revocations: RevocationList, principal: Principal) -> bool:
    try:
        revocations.require_current(principal)
    except (SessionRevoked, TokenTooOld):
        return False
    return True


def test_a_session_is_void_and_the_others_of_the_person_are_not() -> None:
    revocations = RevocationList()
    revocations.apply(Revocation(session_id="s1"))
    assert not believed(revocations, caller("s1"))
    assert believed(revocations, caller("s2"))


@pytest.mark.parametrize(("issued_at_s", "good"), [(99.0, False), (100.0, True)])
def test_a_persons_tokens_are_void_up_to_a_moment(issued_at_s: float, good: bool) -> None:
    revocations = RevocationList()
    revocations.apply(Revocation(user_id="eu_1", issued_before_s=100.0))
    revocations.apply(Revocation(user_id="eu_1", issued_before_s=50.0))  # an older entry takes nothing back
    assert believed(revocations, caller(issued_at_s=issued_at_s)) == good
    assert believed(revocations, caller(user_id="eu_2", issued_at_s=0.0))


def test_services_and_nobody_have_no_session_to_lose() -> None:
    revocations = RevocationList()
    revocations.apply(Revocation(session_id="s1"), Revocation(user_id="eu_1", issued_before_s=1e12))
    assert believed(revocations, Principal("", Access.ACCESS_SERVICE, client_id="service:workout"))
    assert believed(revocations, Principal("", Access.ACCESS_PUBLIC))


def test_streams_of_a_session_are_ended_once_and_no_others() -> None:
    revocations, ended = RevocationList(), []
    mine = revocations.enrol(caller("s1"), lambda: ended.append("s1"))
    revocations.enrol(caller("s2"), lambda: ended.append("s2"))
    gone = revocations.enrol(caller("s1"), lambda: ended.append("gone"))
    gone.leave()
    for _ in range(2):
        revocations.apply(Revocation(session_id="s1"))
    assert ended == ["s1"]
    assert mine.ended
    revocations.apply(Revocation(user_id="eu_1", issued_before_s=1e12))
    assert ended == ["s1", "s2"]


def test_what_concerns_nobody_any_more_is_forgotten() -> None:
    clock = Clock()
    revocations = RevocationList(clock_s=clock)
    revocations.apply(Revocation(session_id="s1", forget_at_s=clock.now_s + 10))
    clock.now_s += 11
    revocations.heard()
    assert len(revocations) == 0


def test_a_process_that_hears_nothing_believes_young_tokens_only() -> None:
    clock = Clock()
    revocations = RevocationList(stale_after_s=300, clock_s=clock)
    revocations.heard()
    clock.now_s += 301
    assert not believed(revocations, caller(issued_at_s=clock.now_s - 301))
    assert believed(revocations, caller(issued_at_s=clock.now_s - 299))
    revocations.heard()
    assert believed(revocations, caller(issued_at_s=clock.now_s - 301))


def test_a_list_that_nobody_feeds_believes_tokens_to_their_end() -> None:
    clock = Clock()
    revocations = RevocationList(stale_after_s=300, clock_s=clock)
    clock.now_s += 1e6
    assert believed(revocations, caller())


@given(st.lists(st.sampled_from(["s1", "s2", "s3", ""]), max_size=8), st.sampled_from(["s1", "s2", "s3"]))
def test_whatever_came_in_whatever_order_the_same_sessions_are_void(ended: list[str], asked: str) -> None:
    revocations = RevocationList()
    for session_id in ended:
        revocations.apply(Revocation(session_id=session_id, user_id="" if session_id else "eu_9"))
    assert believed(revocations, caller(asked)) == (asked not in ended)
