"""When a workout was where, along a model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.workout.codec.columns import Int64Array
from services.workout.routes.geometry import Floats
from services.workout.routes.matching import Matched

ENDS_M = 50.0
"""A route is timed from so far behind its beginning to so far before its end: people start their devices a
few steps earlier or later."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Places along a model, and when each was first reached and last left.

    Attributes:
        places_m: float64, shape (n,), strictly growing.
        times_ms: float64, shape (n,), never falling.
    """

    places_m: Floats
    times_ms: Floats

    def at(self, places_m: Floats) -> Floats:
        """When each place was passed, shape (n,); NaN where the track never came."""
        if not len(self.places_m):
            return np.full(np.shape(places_m), np.nan)
        return np.asarray(np.interp(places_m, self.places_m, self.times_ms, left=np.nan, right=np.nan))


def progress(matched: Matched, times_ms: Int64Array) -> Progress:
    """The progress of a track that was laid along a model; `times_ms` are those of the track's points.

    Of several points at one place (a stop) the middle between the first and the last time counts.
    """
    if not len(matched.rows):
        return Progress(np.empty(0), np.empty(0))
    times = times_ms[matched.rows].astype(np.float64)
    places, first = np.unique(matched.places_m, return_index=True)
    last = np.concatenate((first[1:], [len(times)])) - 1
    return Progress(places, (times[first] + times[last]) / 2)


@dataclass(frozen=True, slots=True)
class Passage:
    """From one end of a route to the other."""

    start_ms: float
    end_ms: float
    distance_m: float

    @property
    def elapsed_s(self) -> float:
        """How long it took."""
        return (self.end_ms - self.start_ms) / 1000


def passage(along: Progress, model_length_m: float) -> Passage | None:
    """The time on a whole route, between its gates or, where they were missed, the nearest places to them."""
    if len(along.places_m) < 2:
        return None
    first = max(ENDS_M, float(along.places_m[0]))
    last = min(model_length_m - ENDS_M, float(along.places_m[-1]))
    if last <= first:
        return None
    start_ms, end_ms = along.at(np.array([first, last]))
    return Passage(float(start_ms), float(end_ms), last - first)
