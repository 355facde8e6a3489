"""Fitness by its definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workout.athletes.fitness import (
    Constants,
    fitness,
    load_of_days,
    monotony_and_strain,
    smoothed,
)

QUICK = settings(deadline=None, max_examples=30)

LOADS = st.lists(st.floats(0, 500), min_size=1, max_size=60)


def test_one_load_decays_by_its_time_constant() -> None:
    load = np.zeros(43)
    load[0] = 100.0
    chronic = fitness(load).chronic
    assert chronic[0] == pytest.approx(100 * (1 - math.exp(-1 / 42)))
    assert chronic[42] == pytest.approx(chronic[0] / math.e)


def test_the_same_load_every_day_is_approached() -> None:
    assert smoothed(np.full(1000, 80.0), 42, 0)[-1] == pytest.approx(80)


def test_whoever_starts_fit_stays_fit_at_that_load() -> None:
    numbers = fitness(np.full(10, 60.0), Constants(start_chronic=60, start_acute=60))
    assert numbers.chronic == pytest.approx(np.full(10, 60))
    assert numbers.balance == pytest.approx(np.zeros(10))
    assert numbers.ramp == pytest.approx(np.zeros(10))


def test_form_is_what_yesterday_left() -> None:
    numbers = fitness(np.array([100.0, 0.0, 50.0]), Constants(start_chronic=40, start_acute=30))
    assert numbers.balance[0] == 10
    assert numbers.balance[1:] == pytest.approx((numbers.chronic - numbers.acute)[:-1])


def test_growth_counts_from_a_week_before() -> None:
    numbers = fitness(np.arange(20.0))
    assert numbers.ramp[10] == pytest.approx(numbers.chronic[10] - numbers.chronic[3])
    assert numbers.ramp[3] == pytest.approx(numbers.chronic[3])


def test_monotony_and_strain_of_a_week_worked_by_hand() -> None:
    # Mean 300 / 7 = 42.857, deviation of (100, 0, 100, 0, 100, 0, 0) = 49.487.
    monotony, strain = monotony_and_strain(np.array([100.0, 0, 100, 0, 100, 0, 0]))
    assert np.isnan(monotony[:6]).all()
    assert monotony[6] == pytest.approx(0.8660, abs=1e-4)
    assert strain[6] == pytest.approx(300 * 0.8660, abs=0.05)


@pytest.mark.parametrize("load", [0.0, 73.3])
def test_seven_equal_days_have_no_monotony(load: float) -> None:
    monotony, strain = monotony_and_strain(np.full(7, load))
    assert np.isnan(monotony).all()
    assert np.isnan(strain).all()


def test_loads_of_a_day_add_up_and_what_is_not_measured_is_rest() -> None:
    days = np.array([5, 5, 7, 8, 20])
    loads = np.array([10.0, 20.0, np.nan, 40.0, 99.0])
    assert load_of_days(days, loads, 5, 9).tolist() == [30, 0, 0, 40, 0]


@QUICK
@given(loads=LOADS, cut=st.integers(0, 60))
def test_going_on_from_a_day_is_the_same_as_going_through(loads: list[float], cut: int) -> None:
    load = np.array(loads)
    cut = min(cut, len(load) - 1)
    whole = fitness(load)
    if cut == 0:
        return
    start = Constants(start_chronic=float(whole.chronic[cut - 1]), start_acute=float(whole.acute[cut - 1]))
    rest = fitness(load[cut:], start)
    assert rest.chronic == pytest.approx(whole.chronic[cut:])
    assert rest.balance == pytest.approx(whole.balance[cut:])


@QUICK
@given(loads=LOADS)
def test_a_mean_stays_within_the_loads(loads: list[float]) -> None:
    numbers = fitness(np.array(loads))
    assert numbers.chronic.max() <= max(loads) + 1e-9
    assert numbers.chronic.min() >= 0
