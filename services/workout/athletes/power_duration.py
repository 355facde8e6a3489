"""One curve out of those of many workouts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class BestCurve:
    """The best of several curves at each duration.

    Attributes:
        durations_s: int64, shape (n,), strictly growing.
        values: float64, shape (n,), never growing.
        owners: int64, shape (n,): the place of the curve that each value is of.
    """

    durations_s: NDArray[np.int64]
    values: NDArray[np.float64]
    owners: NDArray[np.int64]

    def at(self, duration_s: int) -> tuple[float, int] | None:
        """Value and owner at a duration; None where no curve has it."""
        place = int(np.searchsorted(self.durations_s, duration_s))
        if place >= len(self.durations_s) or self.durations_s[place] != duration_s:
            return None
        return float(self.values[place]), int(self.owners[place])


def best_of(curves: Sequence[tuple[NDArray[np.uint32], NDArray[np.float32]]]) -> BestCurve:
    """The best at each duration that any of the curves has; the first of equals.

    A curve without a duration says something of it all the same: whoever held a power for longer has held it
    for that long. So a value is never less than those of longer durations.
    """
    if not curves:
        nothing = np.empty(0, np.int64)
        return BestCurve(nothing, np.empty(0, np.float64), nothing)
    durations = np.concatenate([each[0] for each in curves]).astype(np.int64)
    values = np.concatenate([each[1] for each in curves]).astype(np.float64)
    owners = np.repeat(np.arange(len(curves)), [len(each[0]) for each in curves])
    order = np.lexsort((owners, -values, durations))
    durations, values, owners = durations[order], values[order], owners[order]
    first = np.concatenate(([True], durations[1:] != durations[:-1])) if len(durations) else np.empty(0, bool)
    durations, values, owners = durations[first], values[first], owners[first]
    # From the right: the place of the largest value at this duration or a longer one.
    places = np.arange(len(values))[::-1]
    rising = np.maximum.accumulate(values[::-1])
    new = np.concatenate(([True], rising[1:] > rising[:-1])) if len(values) else np.empty(0, bool)
    holder = np.maximum.accumulate(np.where(new, np.arange(len(values)), 0))
    source = places[holder][::-1]
    return BestCurve(durations, values[source], owners[source].astype(np.int64))
