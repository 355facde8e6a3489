"""Oxygen uptake and thresholds against published examples."""

from __future__ import annotations

import pytest

from services.workout.athletes import suggestions, vo2max


def test_running_uptake_is_that_of_the_published_tables() -> None:
    # Daniels' tables: 5 km in 19:57 and 10 km in 41:21 are both a VDOT of 50.
    assert vo2max.of_running(5000, 19 * 60 + 57) == pytest.approx(50, abs=0.1)
    assert vo2max.of_running(10_000, 41 * 60 + 21) == pytest.approx(50, abs=0.1)


@pytest.mark.parametrize(("metres", "seconds"), [(400, 60), (100_000, 40_000), (0, 600)])
def test_a_run_that_is_too_short_or_too_long_says_nothing(metres: float, seconds: float) -> None:
    assert vo2max.of_running(metres, seconds) is None


def test_cycling_uptake_by_the_equation_of_the_acsm() -> None:
    assert vo2max.of_cycling(350, 70) == pytest.approx(61)


def test_uptake_by_the_ratio_of_heart_rates() -> None:
    assert vo2max.of_heart_rates(190, 50) == pytest.approx(58.14)
    assert vo2max.of_heart_rates(50, 60) is None


def test_threshold_speed_is_what_the_tables_hold_for_an_hour() -> None:
    speed = suggestions.threshold_speed({5000.0: 19 * 60 + 57.0})
    assert speed is not None
    # At that speed for an hour the uptake is the same again.
    assert vo2max.of_running(speed * 3600, 3600) == pytest.approx(50, abs=0.1)


def test_without_runs_there_is_no_threshold_speed() -> None:
    assert suggestions.threshold_speed({}) is None


def test_critical_swim_speed_of_two_times() -> None:
    assert suggestions.critical_swim_speed({200.0: 150.0, 400.0: 320.0}) == pytest.approx(200 / 170)
    assert suggestions.critical_swim_speed({200.0: 150.0}) is None
    assert suggestions.critical_swim_speed({200.0: 330.0, 400.0: 320.0}) is None
