"""Climbs: where the road goes up for long enough.

Altitude less 2 % of the distance falls on the flat and rises on a climb only. A climb is a rise of that by
hysteresis: it bears a dip on its way, and its flat approach does not belong to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.workout.metrics.grid import FloatArray
from services.workout.summary.elevation import swings

LEAST_GRADE = 0.03
LEAST_LENGTH_M = 300.0
LEAST_GAIN_M = 15.0
_TILT = 0.02
_HYSTERESIS_M = 10.0
_STEP_M = 20.0
_MOST_STEPS = 100_000

_CATEGORIES = ((80_000.0, 5), (64_000.0, 4), (32_000.0, 3), (16_000.0, 2), (8_000.0, 1))


@dataclass(frozen=True, slots=True)
class Climb:
    """A climb over the points [first, stop) of the axis.

    Attributes:
        grade_percent: mean.
        category: 0 none, 1 to 4 the climber's fourth to first, 5 beyond category: by length in m times grade
            in per cent, from 8,000, 16,000, 32,000, 64,000 and 80,000 (Strava's help page on climb
            categories).
    """

    first: int
    stop: int
    length_m: float
    gain_m: float
    grade_percent: float
    category: int


def climbs(altitude_m: FloatArray, odometer_m: FloatArray) -> list[Climb]:
    """The climbs of at least 3 %, 300 m and 15 m, in order.

    Args:
        altitude_m: at each second, NaN where unknown; shape (n,).
        odometer_m: at each edge, never falling; shape (n + 1,).
    """
    known = ~np.isnan(altitude_m)
    way = odometer_m[:-1][known]
    if len(way) < 2 or not way[-1] - way[0] >= LEAST_LENGTH_M:
        return []
    step = max(_STEP_M, (way[-1] - way[0]) / _MOST_STEPS)
    marks = np.arange(way[0], way[-1], step)
    height = np.interp(marks, way, altitude_m[known])
    tilted = height - _TILT * marks
    found = []
    for low, high in swings(tilted, _HYSTERESIS_M):
        climb = _climb(marks, height, low, high, odometer_m)
        if climb is not None:
            found.append(climb)
    return found


def _climb(
    marks: FloatArray, height: FloatArray, low: int, high: int, odometer_m: FloatArray
) -> Climb | None:
    length, gain = float(marks[high] - marks[low]), float(height[high] - height[low])
    if length < LEAST_LENGTH_M or gain < LEAST_GAIN_M or gain < LEAST_GRADE * length:
        return None
    # At the low, the last edge there; at the high, the first: a rest at either end does not belong to it.
    first = int(np.searchsorted(odometer_m, marks[low], side="right")) - 1
    stop = min(int(np.searchsorted(odometer_m, marks[high])), len(odometer_m) - 1)
    if stop <= first:
        return None
    return Climb(first, stop, length, gain, gain / length * 100, _category(gain * 100))


def _category(score: float) -> int:
    """`score` is length in m times grade in per cent, which is gain in m times 100."""
    return next((category for least, category in _CATEGORIES if score >= least), 0)
