from __future__ import annotations

import time

from services.chassis.auth import Revocation
from services.host.gateway_denials import DeniedSessions


def test_an_ended_session_is_told_to_the_gateway_once() -> None:
    denied = DeniedSessions()
    ended = Revocation(session_id="s-1", forget_at_s=time.time() + 60)
    denied.apply(ended)
    assert denied.sessions() == ("s-1",)
    assert denied.changed.is_set()
    denied.changed.clear()
    denied.apply(ended)
    assert not denied.changed.is_set()


def test_a_session_whose_tokens_have_expired_is_forgotten() -> None:
    denied = DeniedSessions()
    denied.apply(Revocation(session_id="s-1", forget_at_s=time.time() - 1))
    assert denied.sessions() == ()


def test_what_ends_all_tokens_of_a_person_is_left_to_the_services() -> None:
    denied = DeniedSessions()
    denied.apply(Revocation(user_id="eu_a", issued_before_s=time.time(), forget_at_s=time.time() + 60))
    assert denied.sessions() == ()
    assert not denied.changed.is_set()
