"""W' balance against its definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from services.workout.metrics.w_prime import balance_j, w_prime_balance
from tests.unit.services.workout.metrics.builders import FEW

WATTS = arrays.arrays(np.float64, st.integers(1, 150), elements=st.integers(0, 1500).map(float))


def by_definition(watts: np.ndarray, critical: float, w_prime: float) -> list[float]:
    """One second after the other."""
    left, told = w_prime, []
    for power in watts.tolist():
        if power > critical:
            left -= power - critical
        else:
            left = w_prime - (w_prime - left) * math.exp(-(critical - power) / w_prime)
        told.append(left)
    return told


def test_below_critical_power_nothing_is_spent() -> None:
    assert (balance_j(np.full(3600, 200.0), 250, 20_000) == 20_000).all()


def test_a_hundred_watts_above_spend_a_hundred_joules_a_second() -> None:
    assert balance_j(np.full(200, 350.0), 250, 20_000)[-1] == pytest.approx(0)


def test_half_comes_back_after_the_half_life_of_recovery() -> None:
    # 10 kJ spent; at 100 W under CP they decay with tau = W' / 100 = 200 s: a half after 138.6 s.
    watts = np.concatenate((np.full(100, 350.0), np.full(1386, 240.0)))
    assert balance_j(watts, 250, 20_000)[-1] == pytest.approx(15_000, rel=1e-3)


def test_the_balance_may_fall_below_zero() -> None:
    found = w_prime_balance(np.full(300, 350.0), 250, 20_000)
    assert found is not None
    assert found.minimum_j == pytest.approx(-10_000)
    assert found.minimum_point == 299


def test_a_day_of_recovery_does_not_leave_the_range_of_numbers() -> None:
    watts = np.concatenate((np.full(100, 400.0), np.zeros(100_000), np.full(100, 400.0)))
    balance = balance_j(watts, 250, 20_000)
    assert np.isfinite(balance).all()
    assert balance[-1] == pytest.approx(5000)
    assert balance[100_000] == pytest.approx(20_000)


def test_a_tiny_w_prime_is_no_danger() -> None:
    balance = balance_j(np.tile([0.0, 1500.0], 500), 250, 1e-3)
    assert np.isfinite(balance).all()


def test_short_enough_to_draw_and_no_dip_lost() -> None:
    watts = np.full(86_400, 100.0)
    watts[50_000:50_060] = 500
    found = w_prime_balance(watts, 250, 20_000)
    assert found is not None
    assert len(found.balance_j) <= 1000
    assert found.balance_j.min() == found.minimum_j == pytest.approx(5000)


def test_without_thresholds_there_is_none() -> None:
    assert w_prime_balance(np.full(60, 200.0), None, 20_000) is None
    assert w_prime_balance(np.full(60, 200.0), 250, None) is None
    assert w_prime_balance(np.empty(0), 250, 20_000) is None


@FEW
@given(WATTS, st.floats(1, 600), st.floats(10, 60_000))
def test_without_a_loop_it_is_what_the_loop_gives(watts: np.ndarray, critical: float, w_prime: float) -> None:
    expected = by_definition(watts, critical, w_prime)
    assert balance_j(watts, critical, w_prime) == pytest.approx(np.array(expected), rel=1e-9, abs=1e-6)


@FEW
@given(WATTS, st.floats(1, 600), st.floats(10, 60_000))
def test_never_above_w_prime_nor_below_what_was_spent(
    watts: np.ndarray, critical: float, w_prime: float
) -> None:
    balance = balance_j(watts, critical, w_prime)
    assert (balance <= w_prime + 1e-9).all()
    assert (balance >= w_prime - np.cumsum(np.maximum(watts - critical, 0)) - 1e-6).all()
