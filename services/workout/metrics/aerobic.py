"""What a heart beat gives: efficiency factor and decoupling.

Source: Friel 2009, "The Triathlete's Training Bible", 3rd ed.
"""

from __future__ import annotations

import numpy as np

from services.workout.metrics.grid import FloatArray
from services.workout.metrics.power import normalized_mean

FEWEST_S = 1200
"""Shorter than twenty minutes, halves say more of the warm-up than of endurance."""

FEWEST_KNOWN = 0.5


def efficiency_factor(normalized: float, average_heart_rate_bpm: float) -> float | None:
    """Normalised power in W, or normalised graded speed in m/min, over average heart rate in beats a
    minute."""
    return normalized / average_heart_rate_bpm if average_heart_rate_bpm > 0 else None


def decoupling_percent(effort: FloatArray, heart_rate_bpm: FloatArray) -> float | None:
    """By how many per cent the efficiency factor of the second half is below that of the first.

    `effort` is power in W or speed in m/s, `heart_rate_bpm` may be NaN where unknown; both are one a second
    of the clock running, shape (n,). None under twenty minutes, without effort, or when less than half of
    the heart rate of either half is known."""
    if len(effort) < FEWEST_S:
        return None
    middle = len(effort) // 2
    first = _factor(effort[:middle], heart_rate_bpm[:middle])
    second = _factor(effort[middle:], heart_rate_bpm[middle:])
    return None if first is None or second is None else (first - second) / first * 100


def _factor(effort: FloatArray, heart_rate_bpm: FloatArray) -> float | None:
    known = heart_rate_bpm[~np.isnan(heart_rate_bpm)]
    if len(known) < FEWEST_KNOWN * len(heart_rate_bpm):
        return None
    normalized, average = normalized_mean(effort), float(known.mean())
    return normalized / average if normalized and average > 0 else None
