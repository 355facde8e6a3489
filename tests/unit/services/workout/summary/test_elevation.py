"""Climbs and descents against the plain walk through every altitude."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workout.summary.elevation import gain_and_loss_m, smoothed, swings, while_running
from services.workout.summary.intervals import Intervals
from services.workout.summary.series import Series

ALTITUDES = st.lists(st.integers(-60, 60).map(lambda step: step / 10), max_size=300)


def by_walking(values: list[float], hysteresis: float) -> tuple[float, float]:
    """Gain and loss, one altitude after the other."""
    gain = loss = 0.0
    low = high = turn = extreme = values[0] if values else 0.0
    direction = 0
    for value in values:
        if direction == 0:
            low, high = min(low, value), max(high, value)
            if high - low >= hysteresis:
                direction, turn, extreme = (1, low, value) if value == high else (-1, high, value)
        elif (value - extreme) * direction > 0:
            extreme = value
        elif (extreme - value) * direction >= hysteresis:
            gain, loss = gain + max(extreme - turn, 0), loss + max(turn - extreme, 0)
            direction, turn, extreme = -direction, extreme, value
    return gain + max(extreme - turn, 0) * (direction > 0), loss + max(turn - extreme, 0) * (direction < 0)


@settings(deadline=None, max_examples=100)
@given(ALTITUDES, st.sampled_from([0.1, 0.5, 1.0, 3.0]))
def test_leaving_out_ripples_changes_nothing(values: list[float], hysteresis: float) -> None:
    assert gain_and_loss_m(np.array(values), hysteresis) == pytest.approx(by_walking(values, hysteresis))


@settings(deadline=None, max_examples=50)
@given(ALTITUDES, st.sampled_from([0.5, 1.0, 3.0]))
def test_swings_take_turns_and_are_large_enough(values: list[float], hysteresis: float) -> None:
    told = np.array(values)
    found = swings(told, hysteresis)
    moves = [told[end] - told[start] for start, end in found]
    assert all(abs(move) >= hysteresis - 1e-9 for move in moves)
    assert all(one * next_ < 0 for one, next_ in itertools.pairwise(moves))
    assert all(before[1] == after[0] for before, after in itertools.pairwise(found))


def test_a_mean_of_ten_seconds() -> None:
    told = Series(np.arange(20, dtype=np.int64) * 1000, np.arange(20.0))
    assert smoothed(told).values[10] == 10
    assert smoothed(told).values[0] == pytest.approx(2.5)  # of 0 to 5 s


def test_samples_far_apart_are_not_smoothed() -> None:
    told = Series(np.arange(5, dtype=np.int64) * 60_000, np.array([1.0, 9, 2, 8, 3]))
    assert smoothed(told).values.tolist() == [1, 9, 2, 8, 3]


def test_what_is_taken_off_stays_off() -> None:
    told = Series(np.array([0, 10_000, 20_000, 30_000]), np.array([100.0, 101, 150, 151]))
    running = Intervals.of([0, 20_000], [11_000, 30_000])
    assert while_running(told, running).values.tolist() == [100, 101, 101, 102]
    assert while_running(told, Intervals.of([0], [30_000])) is told
