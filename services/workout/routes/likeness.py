"""Whether two workouts went the same way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.workout.routes.course import Course
from services.workout.routes.geometry import Floats
from services.workout.routes.matching import NEAR_M, Matched, match

SHARE = 0.92
"""So much of each must lie along the other: a detour to a bakery, a start around the corner."""

LONGER = 1.25
"""Beyond this ratio of lengths nothing else needs to be looked at."""

SHORTEST_M = 400.0
"""Below it a workout has no route: on a court, in a garden everything lies near everything."""


_LOOKED_AT = 32
_WORTH_MATCHING = 0.8


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike a course is to a model."""

    same: bool
    matched: Matched


def compare(model: Course, course: Course) -> Likeness | None:
    """Whether a course goes the way of a model, in its direction; None where a glance already says no."""
    longer, shorter = max(model.length_m, course.length_m), min(model.length_m, course.length_m)
    if shorter < SHORTEST_M or longer > shorter * LONGER:
        return None
    points = course.on(model.plane)
    if not _at_a_glance(model.metres, points):
        return None
    matched = match(model.metres, points)
    return Likeness(min(matched.model_share, matched.track_share) >= SHARE, matched)


def _at_a_glance(model: Floats, points: Floats) -> bool:
    """Whether most of some points of a course, spread evenly, are anywhere near the model's."""
    some = points[np.linspace(0, len(points) - 1, _LOOKED_AT).astype(np.int64)]
    # The nearest point of the model can be half an edge farther than the model itself.
    edge = float(np.max(np.hypot(*np.diff(model, axis=0).T)))
    apart = some[:, None, :] - model[None, :, :]
    nearest = np.min(np.einsum("ijk,ijk->ij", apart, apart), axis=1)
    return float(np.mean(nearest <= (NEAR_M + edge / 2) ** 2)) >= _WORTH_MATCHING
