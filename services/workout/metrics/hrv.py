"""Heart rate variability from the times between beats.

RMSSD and SDNN: Task Force of the European Society of Cardiology 1996, "Heart rate variability: standards of
measurement", Circulation 93:1043-1065. DFA-α1: Peng, Havlin, Stanley and Goldberger 1995, "Quantification of
scaling exponents and crossover phenomena in nonstationary heartbeat time series", Chaos 5:82-87; over windows
of two minutes during exercise: Rogers, Giles, Draper, Hoos and Gronwald 2021, "A new detection method
defining the aerobic threshold", Front Physiol 11:596567.

Artefacts: an interval outside of 0.3 to 2 s, or more than a fifth away from the median of the eleven
intervals around it, is a missed, an extra or a premature beat (the fifth: Malik, Farrell, Cripps and Camm
1989, "Heart rate variability in relation to prognosis", Eur Heart J 10:1060-1074). It counts in neither SDNN
nor RMSSD, which then has no difference there, and DFA sees the median in its place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from services.workout.metrics.grid import BoolArray, FloatArray, Int64Array

SHORTEST_S, LONGEST_S = 0.3, 2.0
TOLERANCE = 0.2
_NEIGHBOURS = 11

SCALES = tuple(range(4, 17))
"""Beats in a segment of the short-term exponent."""
WINDOW_S = 120
STEP_S = 5
FEWEST_BEATS = 50
"""A window with fewer beats, or with more than `MOST_ARTEFACTS`, has no exponent."""
MOST_ARTEFACTS = 0.05
"""Rogers et al. 2021: beyond 5 % of artefacts the exponent is biased."""

_FLAT = 1e-12  # a microsecond, squared: less is the rounding of numbers, since beats are told in 1/1024 s


@dataclass(frozen=True, slots=True)
class HeartRateVariability:
    """The variability over a stretch.

    Attributes:
        beats: intervals that were told.
        artefacts: of those, set aside.
        rmssd_ms: root mean square of successive differences.
        sdnn_ms: standard deviation of the intervals (n - 1).
        dfa_alpha1: mean of the series; None when no window has a value.
        step_s: seconds between two windows.
        dfa_alpha1_series: one a window of two minutes, the first ending two minutes after the first beat; NaN
            where there is none.
    """

    beats: int
    artefacts: int
    rmssd_ms: float
    sdnn_ms: float
    dfa_alpha1: float | None
    step_s: int
    dfa_alpha1_series: FloatArray


def variability(times_ms: Int64Array, intervals_s: FloatArray) -> HeartRateVariability | None:
    """The variability of intervals, in s, at growing times; shape (n,). None with fewer than three good
    ones."""
    medians = _medians(intervals_s)
    good = _good(intervals_s, medians)
    kept = intervals_s[good]
    differences = np.diff(intervals_s)[good[1:] & good[:-1]]
    if len(kept) < 3 or not len(differences):
        return None
    series = alpha1_series(times_ms, np.where(good, intervals_s, medians), good)
    known = series[~np.isnan(series)]
    return HeartRateVariability(
        beats=len(intervals_s),
        artefacts=len(intervals_s) - len(kept),
        rmssd_ms=float(np.sqrt(np.mean(differences**2))) * 1000,
        sdnn_ms=float(kept.std(ddof=1)) * 1000,
        dfa_alpha1=float(known.mean()) if len(known) else None,
        step_s=STEP_S,
        dfa_alpha1_series=series,
    )


def _medians(intervals_s: FloatArray) -> FloatArray:
    """Median of the neighbours around each interval, fewer at the ends; within the possible."""
    possible = np.clip(intervals_s, SHORTEST_S, LONGEST_S)
    if len(possible) < _NEIGHBOURS:
        return np.full(len(possible), np.median(possible)) if len(possible) else possible
    padded = np.pad(possible, _NEIGHBOURS // 2, mode="reflect")
    return np.asarray(np.median(sliding_window_view(padded, _NEIGHBOURS), axis=1))


def _good(intervals_s: FloatArray, medians: FloatArray) -> BoolArray:
    possible = (intervals_s >= SHORTEST_S) & (intervals_s <= LONGEST_S)
    return np.asarray(possible & (np.abs(intervals_s - medians) <= TOLERANCE * medians))


def alpha1(intervals_s: FloatArray) -> float:
    """The short-term exponent of one window of intervals, shape (n,); NaN with fewer than 16 or no variation.

    The slope of log F(n) over log n for segments of 4 to 16 beats, where F(n) is the root of the mean squared
    distance of the profile (sums of the deviations) from a straight line fitted to each segment.
    """
    if len(intervals_s) < SCALES[-1]:
        return float("nan")
    fluctuations = _fluctuations(intervals_s, np.array([0]), np.array([len(intervals_s)]))
    return float(_slopes(fluctuations)[0])


def alpha1_series(times_ms: Int64Array, intervals_s: FloatArray, good: BoolArray) -> FloatArray:
    """The exponent of windows of two minutes, one each five seconds; shape (m,), NaN where there is none."""
    if not len(times_ms):
        return np.empty(0)
    ends_ms = np.arange(times_ms[0] + WINDOW_S * 1000, times_ms[-1] + 1, STEP_S * 1000)
    series = np.full(len(ends_ms), np.nan)
    first = np.searchsorted(times_ms, ends_ms - WINDOW_S * 1000)
    stop = np.searchsorted(times_ms, ends_ms)
    bad = np.append(0, np.cumsum(~good))
    count = stop - first
    usable = np.flatnonzero((count >= FEWEST_BEATS) & (bad[stop] - bad[first] <= MOST_ARTEFACTS * count))
    if len(usable):
        series[usable] = _slopes(_fluctuations(intervals_s, first[usable], stop[usable]))
    return series


def _fluctuations(intervals_s: FloatArray, first: NDArray[np.intp], stop: NDArray[np.intp]) -> FloatArray:
    """Mean squared residual of each scale in windows [first, stop) of beats; shape (scales, windows).

    A line is taken off each segment, so the mean that the profile is made with does not matter, and one
    profile serves all windows. The residuals of the segments that begin at each beat are summed in steps of
    a segment: a window's sum is then one difference."""
    profile = np.cumsum(intervals_s - intervals_s.mean())
    size = len(profile)
    total, moment, square, one, other = np.zeros((5, size))
    result = np.empty((len(SCALES), len(first)))
    for beat in range(1, SCALES[-1]):
        count = size - beat
        # How far the profile is from where the segment begins.
        step = np.subtract(profile[beat:], profile[:count], out=one[:count])
        total[:count] += step
        square[:count] += np.multiply(step, step, out=other[:count])
        step *= beat
        moment[:count] += step
        scale = beat + 1
        if scale in SCALES:
            sums = (total[:count], moment[:count], square[:count])
            residual = _residuals(*sums, scale, (one[:count], other[:count]))
            result[scale - SCALES[0]] = _segment_means(residual, scale, first, stop)
    return result


def _residuals(
    total: FloatArray, moment: FloatArray, square: FloatArray, scale: int, out: tuple[FloatArray, FloatArray]
) -> FloatArray:
    """Mean squared distance from the line fitted to 0 … scale - 1, given the sums of y, x y and y².

    It is square - total² / scale - (moment - middle total)² / spread, over scale. Written into the first of
    `out`: arrays as long as a day's beats cost more to allocate than to fill.
    """
    left, line = out
    middle, spread = (scale - 1) / 2, scale * (scale * scale - 1) / 12
    np.multiply(total, total, out=left)
    left *= -1 / scale
    left += square
    np.multiply(total, -middle, out=line)
    line += moment
    line *= line
    line *= 1 / spread
    left -= line
    np.maximum(left, 0, out=left)
    left *= 1 / scale
    return left


def _segment_means(
    residual: FloatArray, scale: int, first: NDArray[np.intp], stop: NDArray[np.intp]
) -> FloatArray:
    """Mean residual of the whole segments of each window, one after the other from its first beat."""
    rows = -(-len(residual) // scale) + 1
    padded = np.zeros(rows * scale)
    padded[scale : scale + len(residual)] = residual
    sums = np.cumsum(padded.reshape(rows, scale), axis=0).reshape(-1)  # sums[i + scale]: up to segment i
    segments = (stop - first) // scale
    return np.asarray((sums[first + segments * scale] - sums[first]) / segments)


def _slopes(fluctuations: FloatArray) -> FloatArray:
    """Slope of log F over log n for each window, NaN where there is no fluctuation."""
    flat = (fluctuations <= _FLAT).any(axis=0)
    logs = np.log(np.where(fluctuations > _FLAT, fluctuations, 1)) / 2
    x = np.log(np.array(SCALES, np.float64))
    x -= x.mean()
    slopes = x @ logs / np.dot(x, x)
    return np.asarray(np.where(flat, np.nan, slopes))
