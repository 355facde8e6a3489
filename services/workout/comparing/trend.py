"""Whether times get better: a trend that no single bad day can bend."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FEWEST = 4
MOST = 1000
"""Of more workouts the latest count: pairs grow with the square."""

_DAY_MS = 86_400_000.0
_DAYS = 30.0


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through times over dates, and how sure it is.

    Attributes:
        per_30_days: by how much the value grows in thirty days.
        tau: Kendall's tau-b, -1 to 1.
        p_value: two-sided, of there being no trend.
    """

    per_30_days: float
    tau: float
    p_value: float
    workouts: int


def trend(times_ms: NDArray[np.int64], values: NDArray[np.float64]) -> Trend | None:
    """The trend of values at times that grow; None with fewer than `FEWEST`, or all on one moment.

    Slope: the median of the slopes of all pairs (Theil 1950; Sen 1968, Journal of the American Statistical
    Association 63:1379-1389). Tau-b and its variance with ties: Kendall 1970, "Rank Correlation Methods",
    chapters 3 and 4; the normal approximation, corrected for continuity, is fair from ten values on.
    """
    times, values = times_ms[-MOST:], values[-MOST:]
    count = len(times)
    if count < FEWEST:
        return None
    first, second = np.triu_indices(count, 1)
    days = (times[second] - times[first]) / _DAY_MS
    steps = values[second] - values[first]
    apart = days > 0
    if not apart.any():
        return None
    slope = float(np.median(steps[apart] / days[apart])) * _DAYS
    score = float(np.sum(np.sign(steps) * np.sign(days)))
    pairs = count * (count - 1) / 2
    untied = (pairs - float(np.sum(steps == 0))) * (pairs - float(np.sum(days == 0)))
    tau = score / math.sqrt(untied) if untied > 0 else 0.0
    variance = _variance(count, _ties(times), _ties(values))
    if variance <= 0:
        return Trend(slope, tau, 1.0, count)
    z = max(abs(score) - 1, 0.0) / math.sqrt(variance)
    return Trend(slope, tau, math.erfc(z / math.sqrt(2)), count)


def _ties(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """The sizes of groups of equal values, as floats; shape (k,)."""
    _, counts = np.unique(values, return_counts=True)
    return np.asarray(counts[counts > 1], np.float64)


def _variance(count: int, ties: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """The variance of Kendall's score where there is no trend, with ties in both."""

    def term(sizes: NDArray[np.float64]) -> float:
        return float(np.sum(sizes * (sizes - 1) * (2 * sizes + 5)))

    def pairs(sizes: NDArray[np.float64]) -> float:
        return float(np.sum(sizes * (sizes - 1)))

    def triples(sizes: NDArray[np.float64]) -> float:
        return float(np.sum(sizes * (sizes - 1) * (sizes - 2)))

    whole = count * (count - 1) * (2 * count + 5)
    variance = (whole - term(ties) - term(others)) / 18
    variance += pairs(ties) * pairs(others) / (2 * count * (count - 1))
    if count > 2:
        variance += triples(ties) * triples(others) / (9 * count * (count - 1) * (count - 2))
    return variance
