"""Stretches of time, as sets: the clock running, the athlete in motion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Int64Array = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Intervals:
    """Disjoint half-open intervals in milliseconds, in order, none empty, none touching the next.

    Attributes:
        starts, ends: int64, shape (n,).
    """

    starts: Int64Array
    ends: Int64Array

    @classmethod
    def of(cls, starts: ArrayLike, ends: ArrayLike) -> Intervals:
        """The union of the intervals given, in any order; empty and backward ones vanish."""
        first, last = np.asarray(starts, np.int64).reshape(-1), np.asarray(ends, np.int64).reshape(-1)
        real = last > first
        first, last = first[real], last[real]
        if not len(first):
            return cls(first, last)
        order = np.argsort(first, kind="stable")
        first, reach = first[order], np.maximum.accumulate(last[order])
        new = np.concatenate(([True], first[1:] > reach[:-1]))
        return cls(first[new], reach[np.concatenate((new[1:], [True]))])

    def total_ms(self) -> int:
        """How long all of them are together."""
        return int((self.ends - self.starts).sum())

    def before(self, times_ms: ArrayLike) -> FloatArray:
        """For each time, how many milliseconds of the intervals lie before it; shape of `times_ms`."""
        if not len(self.starts):
            return np.zeros(np.shape(times_ms))
        knots = np.column_stack((self.starts, self.ends)).reshape(-1)
        lengths = self.ends - self.starts
        reached = np.column_stack((np.cumsum(lengths) - lengths, np.cumsum(lengths))).reshape(-1)
        return np.asarray(np.interp(np.asarray(times_ms, np.float64), knots, reached), np.float64)

    def overlap_ms(self, starts: ArrayLike, ends: ArrayLike) -> FloatArray:
        """For each [start, end), how many milliseconds of it lie within the intervals."""
        return self.before(ends) - self.before(starts)

    def intersection(self, other: Intervals) -> Intervals:
        """What lies in both."""
        edges = np.unique(np.concatenate((self.starts, self.ends, other.starts, other.ends)))
        starts, ends = edges[:-1], edges[1:]
        inside = (self.overlap_ms(starts, ends) > 0) & (other.overlap_ms(starts, ends) > 0)
        return Intervals.of(starts[inside], ends[inside])

    def gaps_within(self, start_ms: int, end_ms: int) -> Intervals:
        """What of [start_ms, end_ms) lies in none of them."""
        starts = np.concatenate(([start_ms], self.ends))
        ends = np.concatenate((self.starts, [end_ms]))
        return Intervals.of(np.maximum(starts, start_ms), np.minimum(ends, end_ms))
