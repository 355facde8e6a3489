"""Whether two workouts went the same way."""

from __future__ import annotations

from dataclasses import dataclass

from services.workout.routes.course import Course
from services.workout.routes.matching import Matched, match

SHARE = 0.92
"""So much of each must lie along the other: a detour to a bakery, a start around the corner."""

LONGER = 1.25
"""Beyond this ratio of lengths nothing else needs to be looked at."""

SHORTEST_M = 400.0
"""Below it a workout has no route: on a court, in a garden everything lies near everything."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike a course is to a model."""

    same: bool
    matched: Matched


def compare(model: Course, course: Course) -> Likeness | None:
    """Whether a course goes the way of a model, in its direction; None where their lengths already say no."""
    longer, shorter = max(model.length_m, course.length_m), min(model.length_m, course.length_m)
    if shorter < SHORTEST_M or longer > shorter * LONGER:
        return None
    matched = match(model.metres, course.on(model.plane))
    return Likeness(min(matched.model_share, matched.track_share) >= SHARE, matched)
