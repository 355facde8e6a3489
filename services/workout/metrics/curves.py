"""Mean-maximal curves: the best mean over each duration.

The value at d is the best mean over *at least* d seconds: the running maximum, from the right, of the best
means over exactly d. Best means over exactly d can rise with d (100 W, 0 W, 100 W: 50 W over two seconds, 67
W over three), yet whoever held 67 W for three seconds has held it for two. So a curve never rises with
duration. At the standard durations only those are looked at, so that a value there can be a little below the
full curve's.

Gaps: power and speed count 0 in seconds without a value, pauses included, because nothing was turned or
covered. A heart beats on unheard: its mean is that of the known seconds. A window that could not bear the
shortest gap of all, since it would be more than a tenth of it, must be known
whole; a longer one for nine tenths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.workout.metrics.grid import FloatArray

LONGEST_S = 86_400
FEWEST_KNOWN = 0.9
"""Share of a window that must be known where unknown seconds do not count as 0."""
_GAPS = 10  # so many times the shortest gap is the shortest window that may hold one

_USUAL = (
    *range(1, 61),
    *(90, 120, 150, 180, 210, 240, 300, 360, 420, 480, 540, 600, 720, 900, 1080, 1200, 1500, 1800),
    *(2400, 2700, 3000, 3600, 4500, 5400, 6300, 7200, 9000, 10_800, 14_400, 18_000, 21_600, 28_800),
    *(36_000, 43_200, 54_000, 64_800, 86_400),
)


def _standard() -> tuple[int, ...]:
    """The usual durations, and between a minute and a day as many in equal ratios."""
    ratios = np.geomspace(60, LONGEST_S, 225)
    return tuple(sorted({*_USUAL, *(round(float(each)) for each in ratios)}))


DURATIONS_S: tuple[int, ...] = _standard()
"""The standard durations, in seconds: every one to a minute, then in steps of about 3 %, and the usual
ones."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The best mean over each duration.

    Attributes:
        channel: a `pulsemesh.type.v1.Channel`.
        durations_s: int64, shape (k,), strictly growing.
        values: float64, shape (k,), in the unit of the channel, never growing.
        starts: int64, shape (k,): the point of the axis at which the best window begins.
    """

    channel: int
    durations_s: NDArray[np.int64]
    values: FloatArray
    starts: NDArray[np.int64]

    def at(self, duration_s: float) -> float | None:
        """The value of the next longer duration there is: what was surely held; None beyond the curve."""
        place = int(np.searchsorted(self.durations_s, duration_s))
        return float(self.values[place]) if place < len(self.values) else None


def mean_maximal(
    channel: int,
    values: FloatArray,
    durations_s: Sequence[int] = DURATIONS_S,
    *,
    scale: int = 10,
    zero_when_unknown: bool = True,
) -> Curve:
    """The curve of `values`, one a second of elapsed time, NaN where unknown; shape (n,).

    Values are counted in steps of 1 / `scale`, in integers: sums are then exact whatever their order.
    Durations longer than the axis are left out, and those that no window is known well enough for.
    """
    size = len(values)
    durations = [each for each in durations_s if each <= size]
    known = ~np.isnan(values)
    steps = np.rint(np.where(known, values, 0) * scale)
    total = _cumulative(steps)
    if zero_when_unknown or bool(known.all()):
        best, starts = _best_sums(total, durations)
    else:
        best, starts = _best_known_means(total, known, durations)
    means = best / (np.array(durations, np.float64) * scale)
    return _never_rising(channel, np.array(durations, np.int64), means, starts)


def full_curve(channel: int, values: FloatArray, *, scale: int = 10, zero_when_unknown: bool = True) -> Curve:
    """The curve at every duration from a second to the whole: n² / 2 sums, on demand only."""
    longest = min(len(values), LONGEST_S)
    return mean_maximal(
        channel, values, range(1, longest + 1), scale=scale, zero_when_unknown=zero_when_unknown
    )


def _cumulative(steps: NDArray[np.generic]) -> NDArray[np.int32] | NDArray[np.int64]:
    """Sums before each edge, shape (n + 1,), in 32 bits where they fit: half the memory is half the time."""
    total = np.zeros(len(steps) + 1, np.int64)
    np.cumsum(steps, out=total[1:], dtype=np.int64)
    fits = bool(total.max() < 2**31) and bool(total.min() >= -(2**31))
    return total.astype(np.int32) if fits else total


def _best_sums(
    total: NDArray[np.int32] | NDArray[np.int64], durations: Sequence[int]
) -> tuple[FloatArray, NDArray[np.int64]]:
    size = len(total) - 1
    window = np.empty(size, total.dtype)
    best, starts = np.empty(len(durations)), np.empty(len(durations), np.int64)
    for place, duration in enumerate(durations):
        count = size - duration + 1
        sums = np.subtract(total[duration:], total[:count], out=window[:count])
        start = sums.argmax()
        best[place], starts[place] = sums[start], start
    return best, starts


def _best_known_means(
    total: NDArray[np.int32] | NDArray[np.int64], known: NDArray[np.bool_], durations: Sequence[int]
) -> tuple[FloatArray, NDArray[np.int64]]:
    """The same of windows known well enough, as if the unknown seconds had their mean; NaN for none.

    Windows shorter than ten times the shortest gap must be known whole: their sums are compared as before,
    which is most of the work. Only the longer ones are divided by what is known.
    """
    bearable = _GAPS * _shortest_run(~known)
    short = [duration for duration in durations if duration < bearable]
    best, starts = _best_whole_sums(total, known, short)
    more, later = _best_borne_means(total, known, [each for each in durations if each >= bearable])
    return np.concatenate((best, more)), np.concatenate((starts, later))


def _best_whole_sums(
    total: NDArray[np.int32] | NDArray[np.int64], known: NDArray[np.bool_], durations: Sequence[int]
) -> tuple[FloatArray, NDArray[np.int64]]:
    least = int(np.abs(total).max()) + 1
    unknown = np.append(0, np.cumsum(~known, dtype=np.int64))
    best, starts = _best_sums(total.astype(np.int64) - unknown * 2 * least, durations)
    best[best <= -least] = np.nan
    return best, starts


def _best_borne_means(
    total: NDArray[np.int32] | NDArray[np.int64], known: NDArray[np.bool_], durations: Sequence[int]
) -> tuple[FloatArray, NDArray[np.int64]]:
    size = len(known)
    counted = np.append(0, np.cumsum(known)).astype(np.float32)  # exact to 16 million seconds
    sums = np.empty(size, total.dtype)
    there, quotients = np.empty((2, size), np.float32)
    best, starts = np.full(len(durations), np.nan), np.zeros(len(durations), np.int64)
    for place, duration in enumerate(durations):
        count, needed = size - duration + 1, np.float32(FEWEST_KNOWN * duration)
        np.subtract(total[duration:], total[:count], out=sums[:count])
        seconds = np.subtract(counted[duration:], counted[:count], out=there[:count])
        # What is not known well enough is divided by too much; should it be the best even so, it is left out.
        divisor = np.maximum(seconds, needed, out=quotients[:count])
        means = np.divide(sums[:count], divisor, out=divisor, casting="same_kind", dtype=np.float32)
        start = int(means.argmax())
        if seconds[start] < needed:
            means[seconds < needed] = -np.inf
            start = int(means.argmax())
        if seconds[start] >= needed:
            exact = (int(total[start + duration]) - int(total[start])) / int(seconds[start])
            best[place], starts[place] = exact * duration, start
    return best, starts


def _shortest_run(chosen: NDArray[np.bool_]) -> int:
    """Length of the shortest run of True; there is at least one."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], chosen, [False])).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).min())


def _never_rising(
    channel: int, durations_s: NDArray[np.int64], means: FloatArray, starts: NDArray[np.int64]
) -> Curve:
    real = ~np.isnan(means)
    durations_s, means, starts = durations_s[real], means[real], starts[real]
    held = np.maximum.accumulate(means[::-1])[::-1]
    # Where a longer window is better, the shorter one begins where that begins.
    source = np.where(means >= held, np.arange(len(means)), len(means))
    source = np.minimum.accumulate(source[::-1])[::-1]
    return Curve(channel, durations_s, held, starts[source] if len(source) else starts)
