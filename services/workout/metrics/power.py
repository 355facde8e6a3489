"""Normalised power and what is made of it.

Source of all formulas here: Allen, Coggan and McGregor 2019, "Training and Racing with a Power Meter", 3rd
ed. (first: Coggan 2003, "Training and racing using a power meter: an introduction")."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.workout.metrics.grid import FloatArray

ROLLING_S = 30
"""Width of the rolling mean: about the half-life of the body's answers to a change of effort."""


def rolling_mean(values: FloatArray, width: int) -> FloatArray:
    """Mean of every `width` neighbours; shape (n - width + 1,), empty when there are fewer."""
    if len(values) < width:
        return np.empty(0)
    total = np.cumsum(values)
    total[width:] = total[width:] - total[:-width]
    return np.asarray(total[width - 1 :] / width)


def normalized_mean(values: FloatArray) -> float | None:
    """Fourth root of the mean fourth power of the rolling 30 s mean; None with less than 30 s.

    `values` are one a second of the clock running, shape (n,). Means that a window could not be filled for do
    not count: steady values give themselves.
    """
    smooth = rolling_mean(values, ROLLING_S)
    if not len(smooth):
        return None
    square = smooth * smooth
    # Not np.dot: its threads would cost more than they spare.
    return float(np.mean(square * square) ** 0.25)


def normalized_power_w(power_w: FloatArray) -> float | None:
    """Normalised power in W, of power in W at each second of the clock running; None under 30 s.

    Seconds without a value are to be 0 W: a meter that is silent has not been turned.
    """
    return normalized_mean(power_w)


def intensity_factor(normalized_w: float, functional_threshold_w: float) -> float:
    """Normalised power over functional threshold power."""
    return normalized_w / functional_threshold_w


def training_stress_score(seconds: float, intensity: float) -> float:
    """TSS: hours times the square of the intensity factor, times 100: an hour at threshold is 100."""
    return seconds / 3600 * intensity**2 * 100


def variability_index(normalized_w: float, average_w: float) -> float | None:
    """Normalised power over average power; None without power."""
    return normalized_w / average_w if average_w > 0 else None


def work_kj(power_w: NDArray[np.floating]) -> float:
    """Work in kJ, of power in W at each second."""
    return float(power_w.sum()) / 1000


def work_above_kj(power_w: FloatArray, threshold_w: float) -> float:
    """Work in kJ that was done above `threshold_w`, counting only what lies above it."""
    return float(np.maximum(power_w - threshold_w, 0).sum()) / 1000
