"""Heart rate variability against its definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from services.workout.metrics import hrv
from tests.unit.services.workout.metrics.builders import FEW


def beats(intervals: np.ndarray) -> np.ndarray:
    return np.round(1_750_000_000_000 + np.cumsum(intervals) * 1000).astype(np.int64)


def alpha1_by_definition(intervals: np.ndarray) -> float:
    """Segment after segment with a fitted line each."""
    profile = np.cumsum(intervals - intervals.mean())
    logs = []
    for scale in range(4, 17):
        x = np.arange(scale)
        squares = []
        for first in range(0, len(profile) - scale + 1, scale):
            segment = profile[first : first + scale]
            fit = np.polyfit(x, segment, 1)
            squares.append(np.mean((segment - np.polyval(fit, x)) ** 2))
        logs.append(np.log(np.sqrt(np.mean(squares))))
    return float(np.polyfit(np.log(np.arange(4, 17)), logs, 1)[0])


def test_rmssd_and_sdnn_of_an_alternating_heart() -> None:
    intervals = np.tile([0.80, 0.82], 100)
    found = hrv.variability(beats(intervals), intervals)
    assert found is not None
    assert found.rmssd_ms == pytest.approx(20)
    assert found.sdnn_ms == pytest.approx(10, rel=0.01)
    assert (found.beats, found.artefacts) == (200, 0)


def test_a_missed_beat_is_set_aside() -> None:
    intervals = np.tile([0.80, 0.82], 100)
    intervals[50] = 1.62
    found = hrv.variability(beats(intervals), intervals)
    assert found is not None
    assert found.artefacts == 1
    assert found.rmssd_ms == pytest.approx(20)


def test_impossible_intervals_are_set_aside() -> None:
    intervals = np.full(100, 0.8)
    intervals[[3, 40]] = [0.1, 5.0]
    found = hrv.variability(beats(np.full(100, 0.8)), intervals)
    assert found is not None
    assert found.artefacts == 2


def test_too_few_beats_have_no_variability() -> None:
    assert hrv.variability(beats(np.array([0.8, 0.8])), np.array([0.8, 0.8])) is None
    assert hrv.variability(beats(np.empty(0)), np.empty(0)) is None


def test_white_noise_has_an_exponent_of_a_half() -> None:
    rng = np.random.default_rng(1)
    assert hrv.alpha1(0.8 + rng.normal(0, 0.03, 50_000)) == pytest.approx(0.5, abs=0.1)


def test_brownian_noise_has_an_exponent_of_one_and_a_half() -> None:
    rng = np.random.default_rng(1)
    assert hrv.alpha1(np.cumsum(rng.normal(0, 0.001, 50_000))) == pytest.approx(1.5, abs=0.1)


def test_a_clock_has_no_exponent() -> None:
    assert np.isnan(hrv.alpha1(np.full(100, 0.75)))
    assert np.isnan(hrv.alpha1(np.full(10, 0.75)))


def test_windows_of_two_minutes_each_five_seconds() -> None:
    rng = np.random.default_rng(4)
    intervals = 0.6 + rng.normal(0, 0.02, 1000)
    times = beats(intervals)
    series = hrv.alpha1_series(times, intervals, np.ones(1000, np.bool_))
    assert len(series) == int((times[-1] - times[0] - 120_000) // 5000) + 1
    for window in (0, 7, len(series) - 1):
        end = times[0] + 120_000 + window * 5000
        inside = (times >= end - 120_000) & (times < end)
        assert series[window] == pytest.approx(alpha1_by_definition(intervals[inside]), abs=1e-6)


def test_a_window_full_of_artefacts_has_no_exponent() -> None:
    rng = np.random.default_rng(4)
    intervals = 0.6 + rng.normal(0, 0.02, 1000)
    good = np.ones(1000, np.bool_)
    good[:100:5] = False
    series = hrv.alpha1_series(beats(intervals), intervals, good)
    assert np.isnan(series[0])
    assert not np.isnan(series[-1])


@FEW
@given(
    arrays.arrays(np.float64, st.integers(16, 120), elements=st.integers(308, 2048).map(lambda n: n / 1024))
)
def test_the_exponent_is_that_of_the_definition(intervals: np.ndarray) -> None:
    found = hrv.alpha1(intervals)
    if np.ptp(intervals) > 1e-3 and not np.isnan(found):
        with np.errstate(divide="ignore"):
            expected = alpha1_by_definition(intervals)
        if np.isfinite(expected) and abs(expected) < 5:
            assert found == pytest.approx(expected, abs=1e-3)


@FEW
@given(
    st.lists(st.floats(0, 64), max_size=150),
    st.integers(0, 2**31),
)
def test_any_intervals_do(intervals: list[float], seed: int) -> None:
    told = np.array(intervals)
    times = np.cumsum(np.random.default_rng(seed).integers(1, 3000, len(told)))
    found = hrv.variability(times, told)
    if found is not None:
        assert np.isfinite([found.rmssd_ms, found.sdnn_ms]).all()
        assert found.dfa_alpha1 is None or np.isfinite(found.dfa_alpha1)
