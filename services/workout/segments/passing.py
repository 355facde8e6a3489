"""Finding every time that a track goes along a segment, from gate to gate.

A gate is a line across the way, `GATE_M` to either side, through which one must go in the segment's
direction. The moment is interpolated between the two positions around it. An effort begins at the last
crossing of the first gate and ends at the first crossing of the last gate after it, if in between the track
came past every point of the segment in their order, within `ASIDE_M`. (That there is such an order is what
the discrete Fréchet distance asks; only the segment's own points count here, so that a stop or a detour in
between costs time and nothing else.) A receiver that loses its way is forgiven for `MISSED_M` at a time and
`MISSED_SHARE` in all.

A stretch in the opposite direction goes through no gate; a part of the segment goes through one at most; and
what lies away from the segment is never looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from services.workout.codec.columns import Int64Array
from services.workout.routes.course import Course
from services.workout.routes.geometry import Floats, along_m, densified, steps_m, thinned
from services.workout.routes.positions import ODOMETER_M, GpsTrack
from services.workout.summary.distance import FASTEST_MPS

GATE_M = 25.0
ASIDE_M = 25.0
MISSED_M = 80.0
MISSED_SHARE = 0.05

OVERLAP_SHARE = 0.05
"""An effort may begin so early, as a share of the one before it: where the gates of a whole lap are one line,
noise decides which of them is crossed first."""

POINTS_M = 10.0
"""How far apart a segment's points lie."""

_DIRECTION_M = 30.0
_LONGEST_STEP_M = 300.0
_LONGEST_STEP_MS = 60_000
_MOST_TRIES = 40


@dataclass(frozen=True, slots=True)
class Pass:
    """Once along a segment; times in ms, between the samples, and the distance as travelled."""

    start_ms: float
    end_ms: float
    distance_m: float

    @property
    def elapsed_s(self) -> float:
        """From gate to gate."""
        return (self.end_ms - self.start_ms) / 1000


def comes_near(segment: Course, course: Course) -> bool:
    """Whether a workout's course comes near both ends of a segment: cheap, and never wrongly no."""
    if not course.box.widened(2 * GATE_M).holds(segment.box):
        return False
    points = densified(course.on(segment.plane), 2 * GATE_M)
    ends = segment.metres[[0, -1]]
    nearest = [float(np.min(np.hypot(*(points - end).T))) for end in ends]
    return max(nearest) <= 4 * GATE_M


def find_passes(segment: Course, track: GpsTrack) -> list[Pass]:
    """All efforts of a track on a segment, in the order of time; see `OVERLAP_SHARE`."""
    points = track.on(segment.plane)
    model = segment.metres
    starts = _crossings(points, track.times_ms, model[0], _direction(model))
    ends = _crossings(points, track.times_ms, model[-1], -_direction(model[::-1]))
    found: list[Pass] = []
    free_ms = -np.inf
    for end_ms in ends:
        before = [start_ms for start_ms in starts if free_ms <= start_ms < end_ms]
        for start_ms in before[: -_MOST_TRIES - 1 : -1]:
            made = _pass(segment, points, track.times_ms, start_ms, end_ms)
            if made is not None:
                found.append(made)
                free_ms = end_ms - OVERLAP_SHARE * (end_ms - start_ms)
                break
    return found


def _direction(model: Floats) -> Floats:
    """The unit vector of the first `_DIRECTION_M` of a polyline."""
    ahead = int(np.searchsorted(along_m(model), _DIRECTION_M))
    vector = model[min(max(ahead, 1), len(model) - 1)] - model[0]
    return np.asarray(vector / (float(np.hypot(*vector)) or 1.0))


def _crossings(points: Floats, times_ms: Int64Array, gate: Floats, direction: Floats) -> list[float]:
    """When the polyline goes through a gate in its direction; ms, growing."""
    offset = points - gate
    ahead = offset @ direction
    aside = offset @ np.array([-direction[1], direction[0]])
    steps = np.flatnonzero((ahead[:-1] < 0) & (ahead[1:] >= 0))
    share = -ahead[steps] / (ahead[steps + 1] - ahead[steps])
    at = aside[steps] + share * (aside[steps + 1] - aside[steps])
    took = times_ms[steps + 1] - times_ms[steps]
    length = np.hypot(*(points[steps + 1] - points[steps]).T)
    through = (np.abs(at) <= GATE_M) & ((length <= _LONGEST_STEP_M) | (took <= _LONGEST_STEP_MS))
    moments = times_ms[steps[through]] + share[through] * took[through]
    return [float(moment) for moment in moments]


def _pass(
    segment: Course, points: Floats, times_ms: Int64Array, start_ms: float, end_ms: float
) -> Pass | None:
    """The effort between two crossings, if it is one."""
    if end_ms - start_ms < segment.length_m / FASTEST_MPS * 1000:
        return None
    way = _cut(points, times_ms, start_ms, end_ms)
    distance = float(steps_m(way[thinned(way, ODOMETER_M)]).sum())
    if distance < segment.length_m * (1 - MISSED_SHARE) - 2 * ASIDE_M:
        return None
    if not _follows(densified(way, POINTS_M), segment.metres, segment.along_m):
        return None
    return Pass(start_ms, end_ms, distance)


def _cut(points: Floats, times_ms: Int64Array, start_ms: float, end_ms: float) -> Floats:
    """The polyline from one moment to another, its ends interpolated; shape (k, 2), k at least 2."""
    inner = points[(times_ms > start_ms) & (times_ms < end_ms)]
    ends = np.column_stack([np.interp([start_ms, end_ms], times_ms, axis) for axis in points.T])
    return np.concatenate((ends[:1], inner, ends[1:]))


def _follows(way: Floats, model: Floats, along: Floats) -> bool:
    """Whether `way` comes past all points of `model` in their order; see the module for what is forgiven.

    Taking the earliest possible place for each point finds an order whenever there is one.
    """
    missed_m, missing_since = 0.0, 0.0
    at = 0
    for point, (where, reached) in enumerate(zip(model, along.tolist(), strict=True)):
        here = next(_within(way, at, where), None)
        if here is not None:
            at, missing_since = here, reached
            continue
        missed_m += reached - float(along[point - 1]) if point else 0.0
        if reached - missing_since > MISSED_M or missed_m > MISSED_SHARE * float(along[-1]) + ASIDE_M:
            return False
    return True


def _within(way: Floats, start: int, where: Floats) -> Iterator[int]:
    """Rows of `way` from `start` on that are near `where`, looked for in growing windows."""
    window = 16
    while start < len(way):
        apart = way[start : start + window] - where
        near = np.flatnonzero(np.einsum("ij,ij->i", apart, apart) <= ASIDE_M * ASIDE_M)
        if len(near):
            yield start + int(near[0])
        start, window = start + window, window * 4
