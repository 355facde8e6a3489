"""Thresholds with a history: what holds on a day, and which workouts a change touches. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ALL_SPORTS = 0


@dataclass(frozen=True, slots=True)
class Told:
    """From `from_day` on, until told otherwise, the field of that number has that value."""

    sport: int
    field: int
    from_day: int
    value: float


class History:
    """All that an athlete told of thresholds."""

    def __init__(self, told: Iterable[Told]) -> None:
        series: dict[tuple[int, int], dict[int, float]] = {}
        for each in told:
            series.setdefault((each.sport, each.field), {})[each.from_day] = each.value
        self._series: dict[tuple[int, int], tuple[NDArray[np.int64], NDArray[np.float64]]] = {}
        for key, values in series.items():
            days = sorted(values)
            self._series[key] = (
                np.array(days, np.int64),
                np.array([values[day] for day in days], np.float64),
            )

    @property
    def fields(self) -> set[int]:
        """The fields of which anything was told."""
        return {field for _, field in self._series}

    def on(self, day: int, sport: int) -> Mapping[int, float]:
        """What holds on a day for a sport, by field: the sport's own value, else that for all sports."""
        days, sports = np.array([day], np.int64), np.array([sport], np.int64)
        held = {field: float(self.each(field, days, sports)[0]) for field in self.fields}
        return {field: value for field, value in held.items() if not np.isnan(value)}

    def each(self, field: int, days: NDArray[np.int64], sports: NDArray[np.int64]) -> NDArray[np.float64]:
        """The value of one field for many workouts, NaN where none is known; shape of `days`."""
        values = self._at(ALL_SPORTS, field, days)
        for sport in {sport for sport, told in self._series if told == field and sport != ALL_SPORTS}:
            own = self._at(sport, field, days)
            values = np.where((sports == sport) & ~np.isnan(own), own, values)
        return values

    def _at(self, sport: int, field: int, days: NDArray[np.int64]) -> NDArray[np.float64]:
        series = self._series.get((sport, field))
        if series is None:
            return np.full(len(days), np.nan)
        place = np.searchsorted(series[0], days, side="right") - 1
        return np.where(place >= 0, series[1][np.maximum(place, 0)], np.nan)


def touched(
    before: History,
    after: History,
    days_before: NDArray[np.int64],
    days_after: NDArray[np.int64],
    sports: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """For which workouts any value differs; all of shape (workouts,)."""
    differs = np.zeros(len(sports), np.bool_)
    for field in before.fields | after.fields:
        old, new = before.each(field, days_before, sports), after.each(field, days_after, sports)
        differs |= ~((old == new) | (np.isnan(old) & np.isnan(new)))
    return differs
