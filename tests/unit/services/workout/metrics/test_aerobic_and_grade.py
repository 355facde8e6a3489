"""Efficiency, decoupling and hills."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workout.metrics import aerobic, grade
from tests.unit.services.workout.metrics.builders import FEW, RUNNING, constant, metrics, source


def test_a_heart_that_drifts_up_by_ten_per_cent_decouples_by_nine() -> None:
    rates = np.repeat([140.0, 154.0], 1800)
    # 200 / 140 = 1.4286, 200 / 154 = 1.2987: 9.09 % less.
    assert aerobic.decoupling_percent(np.full(3600, 200.0), rates) == pytest.approx(100 * (1 - 140 / 154))


def test_power_that_falls_with_the_heart_does_not_decouple() -> None:
    watts, rates = np.repeat([200.0, 180.0], 1800), np.repeat([150.0, 135.0], 1800)
    assert aerobic.decoupling_percent(watts, rates) == pytest.approx(0, abs=0.05)


def test_a_short_ride_has_no_decoupling() -> None:
    assert aerobic.decoupling_percent(np.full(1199, 200.0), np.full(1199, 140.0)) is None


def test_a_heart_unknown_for_most_of_a_half_has_no_decoupling() -> None:
    rates = np.full(3600, 140.0)
    rates[100:1500] = np.nan
    assert aerobic.decoupling_percent(np.full(3600, 200.0), rates) is None


def test_efficiency_of_a_ride_is_watts_a_beat() -> None:
    assert metrics(constant(3600, power=210, heart_rate=140)).whole.load.efficiency_factor == pytest.approx(
        1.5
    )


def test_efficiency_of_a_run_is_metres_a_minute_a_beat() -> None:
    made = metrics(constant(3600, speed=3.5, heart_rate=140), sport=RUNNING).whole.load
    assert made.efficiency_factor == pytest.approx(3.5 * 60 / 140)


@pytest.mark.parametrize(
    ("slope", "cost"), [(0.0, 3.6), (0.1, 5.968), (0.2, 9.007), (-0.1, 2.152), (-0.2, 1.800), (0.45, 19.426)]
)
def test_minettis_polynomial(slope: float, cost: float) -> None:
    powers = 155.4 * slope**5 - 30.4 * slope**4 - 43.3 * slope**3 + 46.3 * slope**2 + 19.5 * slope + 3.6
    assert grade.cost_j_per_kg_m(np.array([slope]))[0] == pytest.approx(powers)
    assert powers == pytest.approx(cost, abs=0.01)


def test_ten_per_cent_uphill_counts_two_thirds_more() -> None:
    seconds = np.arange(1200)
    climb = source(seconds, speed=np.full(1200, 3.0), distance=seconds * 3.0, altitude=100 + seconds * 0.3)
    made = metrics(climb, sport=RUNNING).whole.load
    assert made.grade_adjusted_speed_mps == pytest.approx(3.0 * 5.968 / 3.6, rel=0.01)


def test_noise_of_the_altimeter_on_the_flat_changes_little() -> None:
    rng = np.random.default_rng(2)
    seconds = np.arange(3600)
    flat = source(
        seconds,
        speed=np.full(3600, 3.0),
        distance=seconds * 3.0,
        altitude=100 + np.round(rng.normal(0, 0.4, 3600), 1),
    )
    assert metrics(flat, sport=RUNNING).whole.load.grade_adjusted_speed_mps == pytest.approx(3.0, rel=0.01)


def test_standing_still_is_flat() -> None:
    assert (grade.grades(np.arange(100.0), np.zeros(101)) == 0).all()


def test_two_seconds_have_no_grade() -> None:
    assert grade.grades(np.array([1.0, 2.0]), np.array([0.0, 1, 2])).tolist() == [0, 0]
    assert grade.grades(np.empty(0), np.zeros(1)).tolist() == []


@FEW
@given(st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=80), st.floats(0.1, 20))
def test_a_grade_is_never_steeper_than_was_measured(altitudes: list[float], speed: float) -> None:
    found = grade.grades(np.array(altitudes), np.arange(len(altitudes) + 1, dtype=np.float64) * speed)
    assert (np.abs(found) <= grade.STEEPEST).all()
