"""What was done in each week, month or year. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from services.workout.athletes.days import date_of_day, day_of_date

FloatArray = NDArray[np.float64]
Int64Array = NDArray[np.int64]

ALL_SPORTS = 0


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


def week(day: date) -> date:
    """The Monday of the day's week (ISO 8601)."""
    return day - timedelta(days=day.weekday())


def month(day: date) -> date:
    """The first of the day's month."""
    return day.replace(day=1)


def year(day: date) -> date:
    """The first of January of the day's year."""
    return day.replace(month=1, day=1)


def totals(
    days: Int64Array,
    sports: Int64Array,
    columns: Mapping[str, FloatArray],
    period: Callable[[date], date],
    *,
    by_sport: bool,
) -> list[Total]:
    """The sums of every period with a workout, the first first, sports in order; NaN counts as nothing.

    `days`, `sports` and each column have one value a workout.
    """
    if not len(days):
        return []
    distinct, place = np.unique(days, return_inverse=True)
    starts = np.array([day_of_date(period(date_of_day(day))) for day in distinct.tolist()], np.int64)[place]
    grouped = sports if by_sport else np.full(len(days), ALL_SPORTS, np.int64)
    keys, group = np.unique(np.stack((starts, grouped)), axis=1, return_inverse=True)
    group = group.reshape(-1)
    counts = np.bincount(group).tolist()
    sums = {
        name: np.bincount(group, np.nan_to_num(values, nan=0.0)).tolist() for name, values in columns.items()
    }
    return [
        Total(int(first_day), int(sport), counts[at], {name: sums[name][at] for name in sums})
        for at, (first_day, sport) in enumerate(keys.T.tolist())
    ]
