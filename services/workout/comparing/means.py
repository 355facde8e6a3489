"""Means of a series over stretches of time: each value stands until the next, none over a gap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from services.workout.summary.series import Series

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TimeMeans:
    """A series prepared to be averaged over many stretches."""

    series: Series

    @cached_property
    def _knots(self) -> tuple[Floats, Floats, Floats]:
        """Times (twice each: where a value begins and where it ends), time covered, and integral up to
        there."""
        begins = self.series.times_ms.astype(np.float64)
        lasts = self.series.steps_ms().astype(np.float64)
        knots = np.column_stack((begins, begins + lasts)).reshape(-1)
        covered = np.column_stack((np.cumsum(lasts) - lasts, np.cumsum(lasts))).reshape(-1)
        areas = self.series.values * lasts
        integral = np.column_stack((np.cumsum(areas) - areas, np.cumsum(areas))).reshape(-1)
        return knots, covered, integral

    def over(self, starts_ms: ArrayLike, ends_ms: ArrayLike) -> Floats:
        """The mean over each [start, end), weighted by time; NaN where nothing was measured.

        Times are milliseconds since 1970, of any shape; NaN among them gives NaN.
        """
        starts, ends = np.asarray(starts_ms, np.float64), np.asarray(ends_ms, np.float64)
        if not len(self.series):
            return np.full(starts.shape, np.nan)
        knots, covered, integral = self._knots
        seconds = np.interp(ends, knots, covered) - np.interp(starts, knots, covered)
        areas = np.interp(ends, knots, integral) - np.interp(starts, knots, integral)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(seconds > 0, areas / seconds, np.nan))


def mean_between(series: Series | None, start_ms: float, end_ms: float) -> float | None:
    """The mean of one stretch, or None where nothing was measured."""
    if series is None:
        return None
    mean = float(TimeMeans(series).over(start_ms, end_ms))
    return None if np.isnan(mean) else mean
