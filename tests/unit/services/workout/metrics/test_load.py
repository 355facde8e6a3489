"""Stress scores and training impulses, worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from services.workout.metrics import Sex, Thresholds, load
from tests.unit.services.workout.metrics.builders import ATHLETE, RUNNING, SWIMMING, constant, metrics


def test_banisters_impulse_of_half_the_reserve() -> None:
    # An hour at half of the reserve: 60 * 0.5 * 0.64 * exp(0.96) = 50.1 for men.
    rates = np.full(3600, 120.0)
    assert load.trimp_banister(rates, 50, 190, Sex.MALE) == pytest.approx(60 * 0.5 * 0.64 * math.exp(0.96))
    assert load.trimp_banister(rates, 50, 190, Sex.FEMALE) == pytest.approx(60 * 0.5 * 0.86 * math.exp(0.835))


def test_banisters_reserve_has_ends() -> None:
    assert load.trimp_banister(np.array([30.0]), 50, 190, Sex.MALE) == 0
    assert load.trimp_banister(np.full(60, 210.0), 50, 190, Sex.MALE) == pytest.approx(0.64 * math.exp(1.92))


def test_edwards_counts_minutes_by_zone() -> None:
    # Ten minutes at 55, 65, 75, 85 and 95 % of 200: 10 * (1 + 2 + 3 + 4 + 5).
    rates = np.repeat([110.0, 130, 150, 170, 190], 600)
    assert load.trimp_edwards(rates, 200) == pytest.approx(150)
    assert load.trimp_edwards(np.full(600, 90.0), 200) == 0


def test_an_hour_at_threshold_heart_rate_is_a_hundred() -> None:
    assert load.heart_rate_stress_score(np.full(3600, 170.0), ATHLETE) == pytest.approx(100)


def test_without_a_resting_heart_rate_friels_points_count() -> None:
    only = Thresholds(lactate_threshold_heart_rate_bpm=170)
    assert load.heart_rate_stress_score(np.full(3600, 171.0), only) == pytest.approx(100)
    assert load.heart_rate_stress_score(np.full(3600, 142.0), only) == pytest.approx(50)
    assert load.heart_rate_stress_score(np.full(3600, 80.0), only) == pytest.approx(20)


def test_without_a_threshold_there_is_no_heart_rate_score() -> None:
    assert load.heart_rate_stress_score(np.full(60, 150.0), Thresholds(max_heart_rate_bpm=190)) is None


def test_an_hour_at_threshold_speed_is_a_hundred() -> None:
    assert load.running_stress_score(3600, 4, 4) == pytest.approx(100)
    assert load.running_stress_score(3600, 2, 4) == pytest.approx(25)


def test_swimming_stress_grows_with_the_cube() -> None:
    assert load.swimming_stress_score(3600, 4500, 1.25) == pytest.approx(100)
    assert load.swimming_stress_score(3600, 2250, 1.25) == pytest.approx(12.5)
    assert load.swimming_stress_score(0, 100, 1.25) is None


def test_the_score_by_power_comes_first() -> None:
    made = metrics(constant(3600, power=250, heart_rate=150)).whole.load
    assert made.training_stress_score == pytest.approx(100)
    assert made.heart_rate_stress_score is not None
    assert made.stress_score == made.training_stress_score


def test_a_ride_without_a_power_threshold_scores_by_heart_rate() -> None:
    unknown = replace(ATHLETE, functional_threshold_power_w=None)
    made = metrics(constant(3600, power=250, heart_rate=170), thresholds=unknown).whole.load
    assert made.training_stress_score is None
    assert made.intensity_factor is None
    assert made.normalized_power_w == pytest.approx(250)
    assert made.stress_score == made.heart_rate_stress_score == pytest.approx(100)


def test_a_run_on_the_flat_scores_by_speed() -> None:
    made = metrics(constant(3600, speed=4), sport=RUNNING).whole.load
    assert made.running_stress_score == pytest.approx(100)
    assert made.grade_adjusted_speed_mps == pytest.approx(4)


def test_a_runners_power_is_not_measured_against_the_bicycles_threshold() -> None:
    made = metrics(constant(3600, speed=4, power=250), sport=RUNNING).whole
    assert made.load.training_stress_score is None
    assert made.load.normalized_power_w == pytest.approx(250)
    assert made.w_prime_balance is None
    assert not any(times.model.name.startswith("power/") for times in made.zones)


def test_open_water_scores_by_clock_and_distance() -> None:
    made = metrics(constant(3601, speed=1.25), sport=SWIMMING).whole.load
    assert made.swimming_stress_score == pytest.approx(100, rel=0.01)
    assert made.running_stress_score is None


def test_nothing_known_is_nothing_scored() -> None:
    made = metrics(constant(3600, power=200, heart_rate=150, speed=5), thresholds=Thresholds()).whole.load
    assert made.stress_score is None
    assert made.trimp_banister is None
    assert made.trimp_edwards is None
    assert made.work_above_critical_power_kj is None


@pytest.mark.parametrize("value", [0.0, -5.0, float("nan"), float("inf")])
def test_an_impossible_threshold_is_an_unknown_one(value: float) -> None:
    made = metrics(constant(60, power=200), thresholds=Thresholds(functional_threshold_power_w=value)).whole
    assert made.load.training_stress_score is None
