from __future__ import annotations

from dataclasses import replace

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsemesh import RetrySettings, StaticToken, errors
from pulsemesh.calls import call_policy
from pulsemesh.calls.retry import Attempts
from tests.unit.pulsemesh.peers import Pauses

GET = call_policy("/pulsemesh.workout.v1.WorkoutService/GetWorkout")
WATCH = call_policy("/pulsemesh.workout.v1.RecordingService/WatchRecording")


@given(st.integers(min_value=1, max_value=10_000), st.floats(0.001, 10), st.floats(10, 100))
def test_a_pause_is_never_nothing_and_never_above_the_longest(
    failures: int, first_s: float, longest_s: float
) -> None:
    settings = RetrySettings(first_pause_s=first_s, longest_pause_s=longest_s)
    assert first_s / 2 <= settings.pause_s(failures) <= longest_s


@given(st.integers(min_value=1, max_value=20))
async def test_there_are_exactly_as_many_attempts_as_allowed(allowed: int) -> None:
    pauses = Pauses()
    attempts = Attempts(WATCH, pauses.settings(max_attempts=allowed), StaticToken(""))
    for _ in range(allowed - 1):
        await attempts.recover(errors.Unavailable("gone"), opening=True)
    with pytest.raises(errors.Unavailable):
        await attempts.recover(errors.Unavailable("gone"), opening=True)
    assert len(pauses.taken) == allowed - 1


async def test_no_attempt_begins_after_the_deadline() -> None:
    now = 0.0
    pauses = Pauses()

    async def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        await pauses.sleep(seconds)

    settings = RetrySettings(max_attempts=1000, first_pause_s=1, sleep=sleep)
    attempts = Attempts(GET, settings, StaticToken(""), clock=lambda: now)

    async def fail_for_ever() -> None:
        nonlocal now
        while True:
            now += 0.1
            await attempts.recover(errors.Unavailable("gone"), opening=False)

    with pytest.raises(errors.Unavailable):
        await fail_for_ever()
    assert GET.deadline_s == 5
    assert now < 5
    assert 2 <= len(pauses.taken) <= 5


async def test_progress_forgives_earlier_failures() -> None:
    pauses = Pauses()
    attempts = Attempts(WATCH, pauses.settings(max_attempts=2), StaticToken(""))
    for _ in range(10):
        await attempts.recover(errors.Unavailable("gone"), opening=True)
        attempts.progressed()
    assert len(pauses.taken) == 10


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code.name != "UNAVAILABLE"])
async def test_no_other_code_is_repeated_on_a_unary_call(code: grpc.StatusCode) -> None:
    attempts = Attempts(GET, Pauses().settings(), StaticToken(""))
    with pytest.raises(errors.PulsemeshError):
        await attempts.recover(errors.PulsemeshError("no", code=code), opening=False)


@given(st.floats(0, 4))
async def test_the_platforms_wish_is_never_cut_short(asked_s: float) -> None:
    pauses = Pauses()
    attempts = Attempts(replace(GET, deadline_s=None), pauses.settings(), StaticToken(""))
    await attempts.recover(errors.Unavailable("busy", retry_after_s=asked_s), opening=False)
    assert pauses.taken[0] >= asked_s
