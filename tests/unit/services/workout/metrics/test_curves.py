"""Mean-maximal curves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from services.workout.metrics.curves import DURATIONS_S, full_curve, mean_maximal
from tests.unit.services.workout.metrics.builders import FEW

VALUES = arrays.arrays(
    np.float64,
    st.integers(1, 60),
    elements=st.one_of(st.just(float("nan")), st.integers(0, 2000).map(lambda step: step / 10)),
)


def at_least(values: np.ndarray, duration: int) -> float:
    """The best mean over `duration` seconds or more, the slow way."""
    told = np.nan_to_num(values)
    return max(
        float(told[first : first + length].mean())
        for length in range(duration, len(told) + 1)
        for first in range(len(told) - length + 1)
    )


def test_there_are_320_standard_durations_from_a_second_to_a_day() -> None:
    assert len(DURATIONS_S) == 320
    assert (DURATIONS_S[0], DURATIONS_S[-1]) == (1, 86_400)
    assert list(DURATIONS_S) == sorted(set(DURATIONS_S))
    usual = {1, 5, 10, 15, 20, 30, 60, 120, 180, 300, 480, 600, 720, 1200, 1800, 3600, 5400, 7200, 21_600}
    assert usual <= set(DURATIONS_S)


def test_a_short_effort_stands_out() -> None:
    watts = np.full(600, 100.0)
    watts[300:305] = 600
    curve = full_curve(8, watts)
    assert curve.at(5) == 600
    assert curve.at(10) == pytest.approx(350)
    assert curve.at(600) == pytest.approx((595 * 100 + 5 * 600) / 600)
    assert curve.starts[4] == 300


def test_a_longer_better_window_counts_for_the_shorter() -> None:
    curve = full_curve(8, np.array([100.0, 0, 100]))
    assert curve.values.tolist() == pytest.approx([100, 200 / 3, 200 / 3])
    assert curve.starts.tolist() == [0, 0, 0]


def test_a_pause_is_as_long_as_it_was_and_counts_zero() -> None:
    watts = np.concatenate((np.full(10, 300.0), np.full(10, np.nan), np.full(10, 300.0)))
    assert full_curve(8, watts).at(20) == pytest.approx(200)


def test_a_window_of_heart_rates_must_be_known() -> None:
    rates = np.concatenate((np.full(50, 150.0), np.full(50, np.nan), np.full(50, 170.0)))
    curve = full_curve(6, rates, zero_when_unknown=False)
    assert curve.at(50) == pytest.approx(170)
    assert curve.durations_s[-1] == 50


def test_a_short_gap_in_the_heart_rate_does_not_break_the_window() -> None:
    rates = np.full(100, 150.0)
    rates[40:49] = np.nan
    assert full_curve(6, rates, zero_when_unknown=False).at(100) == pytest.approx(150)


def test_a_long_window_bears_a_gap_of_a_tenth() -> None:
    rates = np.full(1000, 150.0)
    rates[200:300] = np.nan
    rates[300:] = 160
    curve = full_curve(6, rates, zero_when_unknown=False)
    assert curve.at(1000) == pytest.approx((200 * 150 + 700 * 160) / 900)
    assert curve.at(700) == pytest.approx(160)


@FEW
@given(VALUES)
def test_known_windows_are_weighed_by_what_is_known(values: np.ndarray) -> None:
    known = ~np.isnan(values)
    curve = full_curve(6, values, zero_when_unknown=False)
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate(([True], known, [True])).astype(np.int8))))[::2]
    share = np.vectorize(lambda length: 0.9 if len(runs) and length >= 10 * runs.min() else 1.0)
    for place, duration in list(enumerate(curve.durations_s.tolist()))[:: max(1, len(values) // 4)]:
        means = [
            float(np.nanmean(window))
            for length in range(duration, len(values) + 1)
            for first in range(len(values) - length + 1)
            if np.count_nonzero(~np.isnan(window := values[first : first + length]))
            >= np.float32(share(length) * length)
        ]
        assert curve.values[place] == pytest.approx(max(means), rel=1e-6, abs=1e-9)


def test_nothing_is_longer_than_the_axis() -> None:
    assert mean_maximal(8, np.full(7, 100.0)).durations_s.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert mean_maximal(8, np.full(7, 100.0)).at(8) is None


def test_sums_beyond_32_bits_are_exact() -> None:
    watts = np.full(100_000, 3500.0)
    assert mean_maximal(8, watts).values[-1] == 3500


def test_the_start_is_where_the_window_begins() -> None:
    watts = np.zeros(500)
    watts[123:183] = 400
    curve = mean_maximal(8, watts)
    assert curve.starts[list(curve.durations_s).index(60)] == 123


@FEW
@given(VALUES)
def test_the_full_curve_is_the_best_mean_over_at_least_each_duration(values: np.ndarray) -> None:
    curve = full_curve(8, values)
    for duration in {1, 2, len(values) // 2 + 1, len(values)}:
        if duration <= len(values):
            assert curve.at(duration) == pytest.approx(at_least(values, duration), abs=1e-9)


@FEW
@given(VALUES, st.booleans())
def test_a_curve_never_rises_with_duration(values: np.ndarray, zero: bool) -> None:
    for curve in (
        mean_maximal(8, values, zero_when_unknown=zero),
        full_curve(8, values, zero_when_unknown=zero),
    ):
        assert (np.diff(curve.values) <= 0).all()
        assert np.isfinite(curve.values).all()


@FEW
@given(VALUES)
def test_the_window_that_is_named_has_the_mean(values: np.ndarray) -> None:
    curve, told = full_curve(8, values), np.nan_to_num(values)
    for place, start in enumerate(curve.starts.tolist()):
        longer = [
            told[start : start + int(length)].mean()
            for length in curve.durations_s[place:]
            if start + length <= len(told)
        ]
        assert max(longer) == pytest.approx(curve.values[place], abs=1e-9)


@FEW
@given(VALUES)
def test_the_standard_curve_is_never_above_the_full_one(values: np.ndarray) -> None:
    some, every = mean_maximal(8, values), full_curve(8, values)
    for duration, value in zip(some.durations_s, some.values, strict=True):
        exact = every.at(int(duration))
        assert exact is not None
        assert value <= exact + 1e-9
