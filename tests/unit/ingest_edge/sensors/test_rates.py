"""Cadence, speed and distance against an ideal wheel, with wraps, repeats and gaps."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_edge.sensors.gatt import RevolutionData
from ingest_edge.sensors.rates import CrankCadence, RevolutionRate, TorqueMean, WheelSpeed

TICKS_PER_SECOND = 1024


def ideal_wheel(
    rate_hz: float, now_s: float, first_turns: int = 0, ticks: int = TICKS_PER_SECOND
) -> RevolutionData:
    """What a wheel that turns evenly since the time 0 shows at ``now_s``."""
    turns = math.floor(rate_hz * now_s)
    return RevolutionData((first_turns + turns) % 2**32, round(turns / rate_hz * ticks) % 65536)


def wheel_rate() -> RevolutionRate:
    return RevolutionRate(ticks_per_second=TICKS_PER_SECOND, revolution_bits=32, maximum_hz=25.0)


@given(
    rate_hz=st.floats(0.4, 20),
    interval_s=st.floats(0.1, 5),
    first_turns=st.integers(0, 2**32 - 1),
    ticks=st.sampled_from([1024, 2048]),
)
def test_an_even_wheel_gives_its_rate_through_all_wraps(
    rate_hz: float, interval_s: float, first_turns: int, ticks: int
) -> None:
    rotation = RevolutionRate(ticks_per_second=ticks, revolution_bits=32, maximum_hz=25.0)
    turns, rates = 0, []
    for step in range(1, 60):
        now_s = step * interval_s
        update = rotation.update(ideal_wheel(rate_hz, now_s, first_turns, ticks), now_s)
        turns += update.turns or 0
        rates.append(update.rate_hz)
    expected = math.floor(rate_hz * 59 * interval_s) - math.floor(rate_hz * interval_s)
    assert turns == expected
    for rate in (rate for rate in rates if rate):
        # Two event times, each rounded to half a tick.
        assert rate == pytest.approx(rate_hz, rel=rate_hz / ticks + 1e-9)


@given(rate_hz=st.floats(0.5, 15), repeats=st.integers(1, 4))
def test_repeated_notifications_change_neither_turns_nor_rate(rate_hz: float, repeats: int) -> None:
    rotation, turns = wheel_rate(), 0
    for step in range(1, 40):
        data = ideal_wheel(rate_hz, step * 1.0)
        for _ in range(repeats):
            turns += rotation.update(data, step * 1.0).turns or 0
    assert turns == math.floor(rate_hz * 39) - math.floor(rate_hz)


@given(lost=st.sets(st.integers(2, 58)))
def test_lost_notifications_lose_no_turns(lost: set[int]) -> None:
    rotation, turns = wheel_rate(), 0
    for step in range(1, 60):
        if step not in lost:
            turns += rotation.update(ideal_wheel(3.7, step * 1.0), step * 1.0).turns or 0
    assert turns == math.floor(3.7 * 59) - math.floor(3.7)


@given(
    counters=st.lists(
        st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 65535), st.floats(0, 100)), max_size=40
    )
)
def test_no_counters_give_an_impossible_speed_or_a_shrinking_distance(
    counters: list[tuple[int, int, float]],
) -> None:
    wheel, now_s, last_m = WheelSpeed(circumference_m=2.0), 0.0, 0.0
    for revolutions, event_time, pause_s in counters:
        now_s += pause_s
        speed, _ = wheel.update(RevolutionData(revolutions, event_time), now_s)
        assert speed is None or 0 <= speed <= 50.0
        assert wheel.distance_m >= last_m
        last_m = wheel.distance_m


def test_the_first_notification_is_a_baseline() -> None:
    update = wheel_rate().update(RevolutionData(1000, 5), 0.0)
    assert (update.rate_hz, update.turns) == (None, None)


def test_the_rate_is_held_for_three_seconds_without_a_turn_and_then_zero() -> None:
    rotation = wheel_rate()
    rotation.update(RevolutionData(0, 0), 0.0)
    rotation.update(RevolutionData(2, 1024), 1.0)
    rates = [rotation.update(RevolutionData(2, 1024), now_s).rate_hz for now_s in (2.0, 3.9, 4.0, 5.0)]
    assert rates == [2.0, 2.0, 0.0, 0.0]


def test_a_moving_event_time_without_a_turn_is_no_event() -> None:
    rotation = wheel_rate()
    rotation.update(RevolutionData(0, 0), 0.0)
    assert rotation.update(RevolutionData(0, 1024), 1.0).rate_hz is None
    assert rotation.update(RevolutionData(1, 2048), 2.0).rate_hz == 0.5


def test_a_silence_of_a_wrap_period_starts_a_new_baseline() -> None:
    rotation = wheel_rate()
    rotation.update(RevolutionData(0, 0), 0.0)
    update = rotation.update(RevolutionData(100, 500), 64.0)
    assert (update.rate_hz, update.turns) == (None, None)


def test_after_a_long_stop_the_turns_count_but_their_rate_is_unknown() -> None:
    rotation = wheel_rate()
    for second in range(70):
        rotation.update(RevolutionData(5, 77), float(second))
    update = rotation.update(RevolutionData(6, 200), 70.0)
    assert (update.rate_hz, update.turns) == (None, 1)


@pytest.mark.parametrize(
    ("after", "why"),
    [
        (RevolutionData(90, 1024), "counted backwards"),
        (RevolutionData(0, 1024), "restarted"),
        (RevolutionData(10_000, 1024), "jumped"),
        (RevolutionData(101, 0), "turned in no time"),
    ],
)
def test_an_implausible_counter_starts_a_new_baseline(after: RevolutionData, why: str) -> None:
    rotation = wheel_rate()
    rotation.update(RevolutionData(100, 0), 0.0)
    update = rotation.update(after, 1.0)
    assert (update.rate_hz, update.turns) == (None, None), why


def test_after_a_reconnect_the_baseline_is_new() -> None:
    rotation = wheel_rate()
    rotation.update(RevolutionData(0, 0), 0.0)
    rotation.reset()
    assert rotation.update(RevolutionData(3, 1024), 1.0).turns is None


def test_falling_idle_is_told_once() -> None:
    rotation = wheel_rate()
    rotation.update(RevolutionData(0, 0), 0.0)
    rotation.update(RevolutionData(2, 1024), 1.0)
    assert [rotation.fell_idle(now_s) for now_s in (2.0, 4.0, 5.0)] == [False, True, False]


def test_wheel_speed_and_distance_follow_the_circumference() -> None:
    wheel = WheelSpeed(circumference_m=2.0)
    wheel.update(RevolutionData(0xFFFFFFFF, 65000), 0.0)
    speed, turns = wheel.update(RevolutionData(4, (65000 + 1024) % 65536), 1.0)
    assert (speed, turns, wheel.distance_m) == (10.0, 5, 10.0)


def test_distance_goes_on_after_a_new_baseline() -> None:
    wheel = WheelSpeed(circumference_m=2.0)
    wheel.update(RevolutionData(0, 0), 0.0)
    wheel.update(RevolutionData(5, 1024), 1.0)
    wheel.rotation.reset()
    wheel.update(RevolutionData(0, 0), 2.0)
    wheel.update(RevolutionData(5, 1024), 3.0)
    assert wheel.distance_m == 20.0


def test_a_circumference_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        WheelSpeed(circumference_m=0)


def test_crank_cadence_is_in_revolutions_a_minute_through_the_wrap_of_its_counter() -> None:
    crank = CrankCadence()
    crank.update(RevolutionData(0xFFFF, 65535), 0.0)
    cadence, turns = crank.update(RevolutionData(1, 1365), 1.4)
    assert turns == 2
    assert cadence == pytest.approx(2 * 60 * 1024 / 1366)


def test_mean_torque_is_over_the_new_turns_through_the_wrap_of_its_sum() -> None:
    torque = TorqueMean()
    assert torque.update(65530, None) is None
    assert torque.update(65530, 0) is None
    assert torque.update((65530 + 2 * 32 * 25) % 65536, 2) == 25.0
