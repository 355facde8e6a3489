"""How much up and how much down."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.workout.summary.intervals import Intervals
from services.workout.summary.series import Series

HYSTERESIS_M = 1.0
"""A climb counts once it is this high, and ends once as much is lost again."""

SMOOTHING_MS = 10_000
"""Altitude is its mean over so long around each sample, as devices smooth their barometer. Both constants
were
measured: of six widths up to 30 s and five heights up to 5 m these two come nearest to the ascents that
devices reported of 17 sessions, half of them within 3 % (`docs/metrics.md`); 2 m without smoothing, a usual
rule for barometers, is 14 % off, because 0.2 m of noise crosses 2 m often enough on a rolling road."""

FASTEST_MPS = 20.0
"""A step of altitude that would be faster than this, up or down, is a sensor that set itself anew."""

_FEW = 64  # so few turning points are walked through one by one


def while_running(altitude: Series, running: Intervals) -> Series:
    """The altitude without the steps that nobody climbed; the same times.

    What changes while the clock stands (a lift, the weather at lunch) is taken off all that follows, and so
    is a leap that nobody can make."""
    if len(altitude) < 2:
        return altitude
    starts, ends = altitude.times_ms[:-1], altitude.times_ms[1:]
    steps, lasted_ms = np.diff(altitude.values), ends - starts
    unreal = np.abs(steps) * 1000 > FASTEST_MPS * lasted_ms
    if len(running.starts) > 1:
        unreal |= running.overlap_ms(starts, ends) < lasted_ms / 2
    if not unreal.any():
        return altitude
    offset = np.concatenate(([0.0], np.cumsum(np.where(unreal, steps, 0))))
    return Series(altitude.times_ms, altitude.values - offset)


def smoothed(altitude: Series, width_ms: int = SMOOTHING_MS) -> Series:
    """The mean of what lies within half of `width_ms` of each sample; the same times."""
    if len(altitude) < 2:
        return altitude
    times = altitude.times_ms
    first = np.searchsorted(times, times - width_ms // 2)
    stop = np.searchsorted(times, times + width_ms // 2, side="right")
    base = altitude.values[0]  # sums of differences lose less
    total = np.concatenate(([0.0], np.cumsum(altitude.values - base)))
    return Series(times, base + (total[stop] - total[first]) / (stop - first))


def gain_and_loss_m(
    altitude_m: NDArray[np.float64], hysteresis_m: float = HYSTERESIS_M
) -> tuple[float, float]:
    """Sum of the climbs and of the descents of at least `hysteresis_m` each, both not negative.

    Every climb is measured from its lowest to its highest point, whatever smaller ups and downs lie between.
    """
    gain = loss = 0.0
    for start, end in swings(altitude_m, hysteresis_m):
        covered = float(altitude_m[end]) - float(altitude_m[start])
        gain += max(covered, 0.0)
        loss += max(-covered, 0.0)
    return gain, loss


def swings(values: NDArray[np.float64], hysteresis: float) -> list[tuple[int, int]]:
    """(start, end) of every rise and every fall of at least `hysteresis`, by turns.

    A rise goes on until as much is lost again; it is from its lowest to its highest value. The values must be
    finite; shape (n,).
    """
    rows = _without_ripples(values, _turning_points(values), hysteresis)
    found: list[tuple[int, int]] = []
    low = high = turn = extreme = (float(values[rows[0]]), int(rows[0])) if len(rows) else (0.0, 0)
    direction = 0  # 1 while climbing from `turn` to `extreme`, -1 while descending, 0 until either is certain
    for point in zip(values[rows].tolist(), rows.tolist(), strict=True):
        if direction == 0:
            low, high = min(low, point), max(high, point)
            if high[0] - low[0] >= hysteresis:
                direction, turn = (1, low) if point == high else (-1, high)
                extreme = point
        elif (point[0] - extreme[0]) * direction > 0:
            extreme = point
        elif abs(extreme[0] - point[0]) >= hysteresis:
            found.append((turn[1], extreme[1]))
            direction, turn, extreme = -direction, extreme, point
    if direction:
        found.append((turn[1], extreme[1]))
    return found


def _turning_points(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Where the first, the last and every local extreme are: all that swings depend on."""
    if len(values) < 3:
        return np.arange(len(values))
    rows = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
    rising = np.diff(values[rows]) > 0
    turns = np.flatnonzero(rising[1:] != rising[:-1]) + 1
    ends = np.concatenate(([0], turns, [len(rows) - 1])) if len(rows) > 1 else np.array([0])
    return np.asarray(rows[ends])


def _without_ripples(
    values: NDArray[np.float64], rows: NDArray[np.intp], hysteresis: float
) -> NDArray[np.intp]:
    """The turning points without most of those that can change no swing.

    A move smaller than the hysteresis and than both its neighbours lies within them: taking both its ends
    away leaves every swing as it is. Altitude has thousands of such ripples; this spares the walk through
    them."""
    while len(rows) > _FEW:
        moves = np.abs(np.diff(values[rows]))
        inner = moves[1:-1]
        ripple = (inner < hysteresis) & (inner < moves[:-2]) & (inner <= moves[2:])
        if not ripple.any():
            break
        first = np.flatnonzero(ripple) + 1
        keep = np.ones(len(rows), np.bool_)
        keep[first] = keep[first + 1] = False
        rows = rows[keep]
    return rows
