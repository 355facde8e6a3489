"""Best efforts over distance and duration."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workout.metrics import efforts
from tests.unit.services.workout.metrics.builders import FEW, RUNNING, T0, constant, metrics, source


def odometer(speeds: list[float]) -> np.ndarray:
    return np.concatenate(([0.0], np.cumsum(speeds)))


def slowly(metres: np.ndarray, distance: float) -> float:
    """The fastest of all windows that begin or end at an edge."""
    seconds = np.arange(len(metres), dtype=float)
    best = np.inf
    for edge in range(len(metres)):
        if metres[edge] + distance <= metres[-1]:
            after = np.argmax(metres >= metres[edge] + distance)
            share = (metres[edge] + distance - metres[after - 1]) / (metres[after] - metres[after - 1])
            best = min(best, seconds[after - 1] + share - seconds[edge])
        if metres[edge] - distance >= 0:
            before = len(metres) - 1 - np.argmax(metres[::-1] <= metres[edge] - distance)
            share = (metres[edge] - distance - metres[before]) / (metres[before + 1] - metres[before])
            best = min(best, seconds[edge] - seconds[before] - share)
    return float(best)


def test_a_steady_pace_is_exact_to_the_fraction() -> None:
    assert efforts.fastest(odometer([3.0] * 200), 400) == pytest.approx((0, 400 / 3))


def test_the_fast_middle_is_found() -> None:
    found = efforts.fastest(odometer([2.0] * 100 + [5.0] * 100 + [2.0] * 100), 500)
    assert found == pytest.approx((100, 100))


def test_a_distance_that_was_not_run_has_no_effort() -> None:
    assert efforts.fastest(odometer([3.0] * 100), 301) is None
    assert efforts.fastest(np.zeros(1), 1) is None
    assert efforts.fastest(odometer([3.0] * 100), 300) == pytest.approx((0, 100))


@FEW
@given(st.lists(st.integers(0, 60).map(lambda step: step / 10), min_size=1, max_size=60), st.floats(0.5, 300))
def test_no_window_is_faster(speeds: list[float], distance: float) -> None:
    metres = odometer(speeds)
    found = efforts.fastest(metres, distance)
    if found is None:
        assert distance > metres[-1]
    else:
        expected = slowly(metres, distance)
        assert found[1] == pytest.approx(expected, abs=1e-6)


@FEW
@given(st.lists(st.integers(0, 60).map(lambda step: step / 10), min_size=1, max_size=60), st.floats(0.5, 300))
def test_the_distance_was_covered_in_the_time(speeds: list[float], distance: float) -> None:
    metres = odometer(speeds)
    found = efforts.fastest(metres, distance)
    if found is not None:
        start, seconds = found
        covered = np.interp([start, start + seconds], np.arange(len(metres)), metres)
        assert covered[1] - covered[0] == pytest.approx(distance, abs=1e-6)


def test_a_run_has_its_usual_distances() -> None:
    seconds = np.arange(2001)
    run = source(seconds, speed=np.full(2001, 3.0), distance=seconds * 3.0)
    best = {effort.best.kind: effort for effort in metrics(run, sport=RUNNING).whole.best_efforts}
    assert best["distance/1000"].best.value == pytest.approx(1000 / 3)
    assert best["distance/5000"].best.value == pytest.approx(5000 / 3)
    assert best["distance/5000"].start_ms == T0
    assert best["distance/5000"].end_ms == pytest.approx(T0 + 5_000_000 / 3, abs=2)
    assert "distance/10000" not in best


def test_a_ride_has_its_usual_durations() -> None:
    watts = np.full(1300, 150.0)
    watts[600:900] = 300
    best = {
        effort.best.kind: effort
        for effort in metrics(source(np.arange(1300), power=watts)).whole.best_efforts
    }
    assert best["power/300"].best.value == pytest.approx(300)
    assert (best["power/300"].start_ms, best["power/300"].end_ms) == (T0 + 600_000, T0 + 900_000)
    assert best["power/1200"].best.value == pytest.approx((900 * 150 + 300 * 300) / 1200)
    assert "power/1800" not in best


def test_an_effort_with_a_stop_in_it_is_as_long_as_it_took() -> None:
    seconds = np.concatenate((np.arange(200), np.arange(300, 500)))
    metres = np.concatenate((np.arange(200) * 3.0, 600 + np.arange(200) * 3.0))
    best = {
        effort.best.kind: effort.best.value
        for effort in metrics(source(seconds, distance=metres), sport=RUNNING).whole.best_efforts
    }
    assert best["distance/400"] == pytest.approx(400 / 3, rel=0.01)
    assert best["distance/1000"] == pytest.approx(1000 / 3 + 100, abs=2)


def test_a_leap_of_the_receiver_is_no_record() -> None:
    metres = np.arange(601) * 3.0
    metres[300:] += 800
    run = source(np.arange(601), distance=metres)
    best = {effort.best.kind: effort.best.value for effort in metrics(run, sport=RUNNING).whole.best_efforts}
    assert best["distance/400"] > 125


def test_zero_power_is_no_effort() -> None:
    assert metrics(constant(100, power=0)).whole.best_efforts == ()
