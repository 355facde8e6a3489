"""Intervals that find themselves: where the athlete worked, and where they rested in between.

The effort is smoothed, and the level that divides it best into two (Otsu 1979, "A threshold selection method
from gray-level histograms", IEEE Trans Syst Man Cybern 9:62-66) is taken for the border between work and
rest. Work begins well above the border and ends well below it (hysteresis), so that noise does not cut it.
Each border in time is then moved to where the unsmoothed effort changes most. A steady workout does not fall
into
two: it has no intervals.
"""

from __future__ import annotations

import itertools

import numpy as np

from services.workout.metrics.grid import BoolArray, FloatArray

SMOOTHING_S = 15
SHORTEST_WORK_S = 15
SHORTEST_REST_S = 10
MOST = 120
"""So many efforts are hills and traffic lights, not a session of intervals."""

SEPARATION = 0.72
"""Share of the variance that the two levels must explain. One level with noise explains 0.64 (a normal
distribution cut in its middle, 2 / pi), an even spread 0.75, intervals 0.85 and more."""
_APART = 0.15  # by how much of the work's level the rest must be below it
_MARGIN = 0.15  # of the difference between the levels, to each side of the border
_BINS = 64


def work_intervals(
    effort: FloatArray, recorded: BoolArray, *, separation: float = SEPARATION
) -> list[tuple[int, int]]:
    """[first, stop) of each stretch of work, in order.

    `effort` is power, speed or heart rate, one a second of elapsed time, 0 where unknown; shape (n,).
    """
    if len(effort) < 4 * SMOOTHING_S:
        return []
    smooth = centred_mean(effort, SMOOTHING_S)
    levels = two_levels(smooth[recorded], separation)
    if levels is None:
        return []
    low, border, high = levels
    margin = _MARGIN * (high - low)
    working = _hysteresis(smooth, border - margin, border + margin)
    runs = _long_runs(working)
    if not runs or len(runs) > MOST:
        return []
    return _distinct([(_change(effort, first, 1), _change(effort, stop, -1)) for first, stop in runs])


def centred_mean(values: FloatArray, width: int) -> FloatArray:
    """Mean over `width` (odd) values around each, fewer at the ends; shape of `values`, at least `width`."""
    half = width // 2
    total = np.concatenate(([0.0], np.cumsum(values)))
    result = np.empty(len(values))
    result[half : len(values) - half] = (total[width:] - total[:-width]) / width
    near = np.arange(half)
    result[:half] = total[half + 1 : 2 * half + 1] / (near + half + 1)
    result[len(values) - half :] = (total[-1] - total[-2 * half - 1 : -half - 1]) / (near + half + 1)[::-1]
    return result


def two_levels(values: FloatArray, separation: float = SEPARATION) -> tuple[float, float, float] | None:
    """(mean below, border, mean above) of the division into two that explains most; None when it is poor."""
    if not len(values):
        return None
    low, high = float(values.min()), float(values.max())
    if not high - low > 1e-6 * max(abs(high), 1):
        return None
    count, edges = np.histogram(values, _BINS, (low, high))
    middle = (edges[1:] + edges[:-1]) / 2
    below, mass = np.cumsum(count), np.cumsum(count * middle)
    above = below[-1] - below
    inner = (below > 0) & (above > 0)
    mean_below = mass / np.maximum(below, 1)
    mean_above = (mass[-1] - mass) / np.maximum(above, 1)
    explained = np.where(inner, below * above * (mean_above - mean_below) ** 2.0, 0.0) / len(values) ** 2
    best = int(explained.argmax())
    variance = float(np.dot(count, (middle - mass[-1] / len(values)) ** 2)) / len(values)
    rest, work = float(mean_below[best]), float(mean_above[best])
    if explained[best] < separation * variance or work - rest < _APART * abs(work):
        return None
    return rest, (rest + work) / 2, work


def _hysteresis(values: FloatArray, leave: float, enter: float) -> BoolArray:
    """True from where a value reaches `enter` to where one falls below `leave`; shape of `values`."""
    said = np.where(values >= enter, 1, np.where(values < leave, -1, 0)).astype(np.int8)
    newest = np.maximum.accumulate(np.where(said != 0, np.arange(len(said)), 0))
    return said[newest] > 0


def _long_runs(working: BoolArray) -> list[tuple[int, int]]:
    """Runs of work: short rests are bridged, then short works are dropped."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], working, [False])).astype(np.int8)))
    starts, stops = edges[::2], edges[1::2]
    if not len(starts):
        return []
    long_rest = starts[1:] - stops[:-1] >= SHORTEST_REST_S
    starts = starts[np.concatenate(([True], long_rest))]
    stops = stops[np.concatenate((long_rest, [True]))]
    return [
        (int(start), int(stop))
        for start, stop in zip(starts, stops, strict=True)
        if stop - start >= SHORTEST_WORK_S
    ]


def _change(effort: FloatArray, near: int, direction: int) -> int:
    """The edge within the smoothing's reach of `near` at which effort rises (1) or falls (-1) most."""
    if near in (0, len(effort)):
        return near
    reach = SMOOTHING_S
    first, stop = max(near - reach, 0), min(near + reach, len(effort))
    total = np.concatenate(([0.0], np.cumsum(effort[first:stop])))
    size = stop - first
    edge = np.arange(2, size - 1)
    if not len(edge):
        return near
    after, before = (total[-1] - total[edge]) / (size - edge), total[edge] / edge
    # Weighted, or the noise of the few seconds at either end would win.
    step = direction * (after - before) * np.sqrt(edge * (size - edge))
    return first + int(edge[int(step.argmax())])


def _distinct(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Without overlaps that moving the borders may have made."""
    kept: list[tuple[int, int]] = []
    for first, stop in runs:
        begin = max(first, kept[-1][1]) if kept else first
        if stop - begin >= SHORTEST_WORK_S // 2:
            kept.append((begin, stop))
    return kept


def rests_between(work: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What lies between one work and the next."""
    return [(before[1], after[0]) for before, after in itertools.pairwise(work) if after[0] > before[1]]
