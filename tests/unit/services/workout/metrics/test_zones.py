"""Time in zones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from services.workout.metrics import Thresholds
from services.workout.metrics.zones import ZoneTimes, custom, models, polarisation_index, time_in_zones
from tests.unit.services.workout.metrics.builders import ATHLETE, CYCLING, FEW, RUNNING


def times(name: str, values: list[float], sport: int = CYCLING) -> tuple[float, ...]:
    model = next(model for model in models(ATHLETE, sport) if model.name == name)
    return time_in_zones(model, np.array(values), len(values)).seconds


def test_coggans_power_zones_begin_where_the_book_says() -> None:
    # Of 250 W: 56, 76, 91, 106, 121 and 151 %.
    watts = [0.0, 139.0, 140.0, 190.0, 227.5, 265.0, 302.5, 377.5]
    assert times("power/coggan", watts) == (2, 1, 1, 1, 1, 1, 1)


def test_coggans_heart_rate_zones_are_of_threshold() -> None:
    assert times("heart_rate/coggan", [100, 118, 145, 165, 181]) == (1, 1, 1, 1, 1)


def test_friels_zones_differ_between_riding_and_running() -> None:
    assert times("heart_rate/friel", [140.0]) == (0, 1, 0, 0, 0, 0, 0)
    assert times("heart_rate/friel", [140.0], RUNNING) == (1, 0, 0, 0, 0, 0, 0)


def test_karvonen_measures_from_rest() -> None:
    # 50 + 0.6 * 140 = 134 begins zone 2.
    assert times("heart_rate/reserve", [133, 134, 148, 162, 176]) == (1, 1, 1, 1, 1)


def test_the_faster_pace_is_the_higher_zone() -> None:
    assert times("speed/friel", [3.0, 3.2, 3.6, 3.9, 4.0, 4.2, 4.5], RUNNING) == (1, 1, 1, 1, 1, 1, 1)


def test_pace_zones_are_of_runs_only() -> None:
    assert not any(model.name.startswith("speed") for model in models(ATHLETE, CYCLING))


def test_without_thresholds_there_is_no_model() -> None:
    assert models(Thresholds(), RUNNING) == ()


def test_a_rest_above_the_maximum_gives_no_reserve() -> None:
    names = [
        model.name for model in models(Thresholds(max_heart_rate_bpm=60, resting_heart_rate_bpm=60), CYCLING)
    ]
    assert names == ["heart_rate/maximum", "heart_rate/polarised"]


def test_bounds_of_ones_own() -> None:
    model = custom("power/mine", 8, [100, 200])
    assert time_in_zones(model, np.array([50.0, 100, 150, 250, np.nan]), 4).seconds == (1, 2, 1)


@pytest.mark.parametrize("bounds", [[0.0], [100.0, 100.0], [200.0, 100.0], [-5.0]])
def test_bounds_must_grow(bounds: list[float]) -> None:
    with pytest.raises(ValueError, match="must be positive and grow"):
        custom("power/mine", 8, bounds)


def test_the_published_index_of_a_polarised_month() -> None:
    # Treff et al. 2019: 68, 6 and 26 % give log10(0.68 / 0.06 * 0.26 * 100) = 2.47.
    assert polarisation_index(68, 6, 26) == pytest.approx(2.469, abs=0.001)
    assert polarisation_index(0, 0, 0) is None
    assert polarisation_index(10, 20, 30) is None


@FEW
@given(
    arrays.arrays(
        np.float64, st.integers(0, 100), elements=st.one_of(st.just(float("nan")), st.floats(0, 2000))
    )
)
def test_zones_hold_every_known_second(values: np.ndarray) -> None:
    known = int(np.count_nonzero(~np.isnan(values)))
    for model in models(ATHLETE, RUNNING):
        held: ZoneTimes = time_in_zones(model, values, known)
        assert sum(held.seconds) == known
        assert min(held.seconds) >= 0
        assert len(held.seconds) == len(model.names)
