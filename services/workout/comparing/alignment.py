"""Where on a common axis each workout was, when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from services.workout.comparing.workout import ComparableWorkout
from services.workout.routes.geometry import Floats
from services.workout.routes.matching import match as lay_along
from services.workout.routes.progress import Progress, progress


class Axis(Enum):
    """What the axis counts."""

    TIME = "time"
    """Seconds since each workout's beginning."""
    DISTANCE = "distance"
    """Metres that each has covered."""
    ROUTE = "route"
    """Metres along the first workout's course."""


COMMON_SHARE = 0.5
"""Workouts have a route in common when each lies along the first for at least so much of either's length."""


class NotAlignable(Exception):
    """A workout lacks what the axis counts; `index` says which."""

    def __init__(self, index: int, lacks: str) -> None:
        super().__init__(f"workout {index + 1} has no {lacks}")
        self.index = index
        self.lacks = lacks


@dataclass(frozen=True, slots=True)
class Placement:
    """A workout on the axis.

    Attributes:
        progress: places on the axis, and when they were reached (ms since 1970).
        share: how much of the reference's course it lies along; 1 for axes of time and distance.
    """

    progress: Progress
    share: float = 1.0

    @property
    def first(self) -> float:
        """Where on the axis it begins; NaN where it is nowhere on it."""
        return float(self.progress.places_m[0]) if len(self.progress.places_m) else np.nan

    @property
    def last(self) -> float:
        """Where on the axis it ends."""
        return float(self.progress.places_m[-1]) if len(self.progress.places_m) else np.nan

    def times_ms(self, axis: Floats) -> Floats:
        """When it was at each point of the axis; NaN where it never was."""
        return self.progress.at(axis)


def align(workouts: Sequence[ComparableWorkout], axis: Axis | None) -> tuple[Axis, list[Placement]]:
    """Put workouts on an axis; without one given, on the most telling that all of them can be put on.

    Raises:
        NotAlignable: a workout lacks what the axis counts.
    """
    if axis is not None:
        return axis, _on(workouts, axis)
    for choice in (Axis.ROUTE, Axis.DISTANCE):
        try:
            placements = _on(workouts, choice)
        except NotAlignable:
            continue
        if min(placement.share for placement in placements) >= COMMON_SHARE:
            return choice, placements
    return Axis.TIME, _on(workouts, Axis.TIME)


def _on(workouts: Sequence[ComparableWorkout], axis: Axis) -> list[Placement]:
    match axis:
        case Axis.TIME:
            return [_by_time(workout) for workout in workouts]
        case Axis.DISTANCE:
            return [_by_distance(workout, index) for index, workout in enumerate(workouts)]
        case Axis.ROUTE:
            return _by_route(workouts)


def _by_time(workout: ComparableWorkout) -> Placement:
    start, end = float(workout.start_ms), float(max(workout.end_ms, workout.start_ms + 1))
    return Placement(Progress(np.array([0.0, (end - start) / 1000]), np.array([start, end])))


def _by_distance(workout: ComparableWorkout, index: int) -> Placement:
    """Each metre at the moment at which it was first reached."""
    if workout.odometer is None:
        raise NotAlignable(index, "distance")
    places, first = np.unique(workout.odometer.values, return_index=True)
    return Placement(Progress(places - places[0], workout.odometer.times_ms[first].astype(np.float64)))


def _by_route(workouts: Sequence[ComparableWorkout]) -> list[Placement]:
    for index, workout in enumerate(workouts):
        if workout.course is None:
            raise NotAlignable(index, "positions")
    reference = workouts[0]
    assert reference.course is not None
    assert reference.track is not None
    model, rows = reference.course
    times = reference.track.times_ms[rows].astype(np.float64)
    placements = [Placement(Progress(model.along_m, times))]
    for workout in workouts[1:]:
        assert workout.course is not None
        assert workout.track is not None
        course, rows = workout.course
        matched = lay_along(model.metres, course.on(model.plane))
        along = progress(matched, workout.track.times_ms[rows])
        placements.append(Placement(along, min(matched.model_share, matched.track_share)))
    return placements
