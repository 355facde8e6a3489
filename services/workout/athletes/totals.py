"""What was done in each week, month or year. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Int64Array = NDArray[np.int64]

ALL_SPORTS = 0
_SPORTS = 1 << 16
"""More than there are sports."""


@dataclass(frozen=True, slots=True)
class Total:
    """The sums of one period, of one sport or of all.

    Attributes:
        first_day: of the period.
        sums: by the name of the column.
    """

    first_day: int
    sport: int
    workouts: int
    sums: Mapping[str, float]


def week(days: Int64Array) -> Int64Array:
    """The Monday of each day's week (ISO 8601); 1970 began on a Thursday."""
    return (days + 3) // 7 * 7 - 3


def month(days: Int64Array) -> Int64Array:
    """The first of each day's month."""
    return _beginning(days, "M")


def year(days: Int64Array) -> Int64Array:
    """The first of January of each day's year."""
    return _beginning(days, "Y")


def _beginning(days: Int64Array, unit: str) -> Int64Array:
    return days.astype("datetime64[D]").astype(f"datetime64[{unit}]").astype("datetime64[D]").astype(np.int64)


def totals(
    days: Int64Array,
    sports: Int64Array,
    columns: Mapping[str, FloatArray],
    period: Callable[[Int64Array], Int64Array],
    *,
    by_sport: bool,
) -> list[Total]:
    """The sums of every period with a workout, the first first, sports in order; NaN counts as nothing.

    `days`, `sports` and each column have one value a workout.
    """
    if not len(days):
        return []
    grouped = sports if by_sport else np.full(len(days), ALL_SPORTS, np.int64)
    keys, group = np.unique(period(days) * _SPORTS + grouped, return_inverse=True)
    counts = np.bincount(group).tolist()
    names = list(columns)
    sums = [np.bincount(group, np.nan_to_num(columns[name], nan=0.0)).tolist() for name in names]
    return [
        Total(first_day, sport, workouts, dict(zip(names, values, strict=True)))
        for first_day, sport, workouts, *values in zip(
            (keys // _SPORTS).tolist(), (keys % _SPORTS).tolist(), counts, *sums, strict=True
        )
    ]
