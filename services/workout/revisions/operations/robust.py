"""Medians of neighbours, and who lies far from them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

MAD_TO_DEVIATION = 1.4826
"""The median absolute deviation of a normal distribution times this is its standard deviation
(Rousseeuw and Croux 1993, "Alternatives to the Median Absolute Deviation", JASA 88:1273)."""

_ROWS_AT_ONCE = 50_000


def running_median(values: FloatArray, half: int) -> FloatArray:
    """Median of each value and of `half` neighbours on either side (the ends are mirrored); shape (n,)."""
    return np.concatenate([np.median(window, axis=1) for window in _windows(values, half)])


def hampel(values: FloatArray, half: int, deviations: float, floor: float) -> NDArray[np.bool_]:
    """Where a value lies more than `deviations` robust standard deviations from its neighbours' median.

    Args:
        values: shape (n,), in the order of time.
        half: neighbours on either side.
        floor: the least standard deviation: a steady sensor must not make a spike of a single step.

    The identifier of F. R. Hampel 1974, "The Influence Curve and Its Role in Robust Estimation", JASA 69:383.
    """
    if len(values) < 3:
        return np.zeros(len(values), np.bool_)
    far = []
    begin = 0
    for window in _windows(values, half):
        median = np.median(window, axis=1)
        spread = MAD_TO_DEVIATION * np.median(np.abs(window - median[:, None]), axis=1)
        own = values[begin : begin + len(window)]
        far.append(np.abs(own - median) > deviations * np.maximum(spread, floor))
        begin += len(window)
    return np.concatenate(far)


def _windows(values: FloatArray, half: int) -> list[FloatArray]:
    """Neighbourhoods of every value, some rows at a time, so that memory stays bounded."""
    half = min(half, max(len(values) - 1, 0))
    if not len(values):
        return [np.empty((0, 1))]
    padded = np.pad(values, half, mode="reflect") if half else values
    view = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    return [view[start : start + _ROWS_AT_ONCE] for start in range(0, len(view), _ROWS_AT_ONCE)]
