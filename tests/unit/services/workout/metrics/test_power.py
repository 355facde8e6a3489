"""Normalised power and what is made of it, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from services.workout.metrics import power
from tests.unit.services.workout.metrics.builders import FEW

WATTS = arrays.arrays(np.float64, st.integers(30, 200), elements=st.floats(0, 2000))


def test_constant_power_is_its_own_normalised_power() -> None:
    assert power.normalized_power_w(np.full(3600, 200.0)) == pytest.approx(200)


def test_two_levels_are_weighted_by_the_fourth_power() -> None:
    # An hour at 100 and one at 300 W: (100^4 + 300^4) / 2 to the 1/4 is 253.1, the change takes 30 s.
    watts = np.repeat([100.0, 300.0], 3600)
    assert power.normalized_power_w(watts) == pytest.approx(((100**4 + 300**4) / 2) ** 0.25, abs=0.5)


def test_thirty_seconds_have_one_window() -> None:
    assert power.normalized_power_w(np.arange(30.0)) == pytest.approx(14.5)


def test_less_than_thirty_seconds_have_none() -> None:
    assert power.normalized_power_w(np.full(29, 200.0)) is None


def test_an_hour_at_threshold_is_a_hundred() -> None:
    assert power.training_stress_score(3600, power.intensity_factor(250, 250)) == pytest.approx(100)


def test_the_published_score_of_two_hours_at_eight_tenths() -> None:
    assert power.training_stress_score(7200, 0.8) == pytest.approx(128)


def test_variability_of_steady_power_is_one() -> None:
    assert power.variability_index(200, 200) == 1
    assert power.variability_index(200, 0) is None


def test_work_above_a_threshold_counts_what_lies_above() -> None:
    assert power.work_above_kj(np.array([100.0, 300.0, 260.0]), 250) == pytest.approx(0.06)
    assert power.work_kj(np.full(1000, 200.0)) == pytest.approx(200)


@FEW
@given(WATTS, st.floats(0.1, 10))
def test_normalised_power_scales_with_power(watts: np.ndarray, factor: float) -> None:
    one, scaled = power.normalized_power_w(watts), power.normalized_power_w(watts * factor)
    assert one is not None
    assert scaled == pytest.approx(one * factor, rel=1e-6, abs=1e-3)


@FEW
@given(WATTS)
def test_normalised_power_lies_between_mean_and_maximum_of_the_rolling_mean(watts: np.ndarray) -> None:
    smooth = power.rolling_mean(watts, 30)
    found = power.normalized_power_w(watts)
    assert found is not None
    assert smooth.mean() - 1e-3 <= found <= smooth.max() + 1e-3


@FEW
@given(WATTS, st.integers(1, 40))
def test_the_rolling_mean_is_that_of_each_window(watts: np.ndarray, width: int) -> None:
    expected = [watts[first : first + width].mean() for first in range(len(watts) - width + 1)]
    assert power.rolling_mean(watts, width) == pytest.approx(np.array(expected), abs=1e-6)
