"""A segment made from a stretch of a workout. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import segment_service_pb2
from services.chassis.errors import InvalidField
from services.workout.routes.course import Course, course_at
from services.workout.routes.geometry import densified, thinned
from services.workout.routes.positions import GpsTrack, gps_track
from services.workout.segments.passing import POINTS_M
from services.workout.streams.merging import ChannelSeries
from services.workout.summary.elevation import gain_and_loss_m, smoothed
from services.workout.summary.series import in_units

SHORTEST_M = 100.0
LONGEST_M = 300_000.0

INSIDE_M = 20.0
"""A gate lies so far within the workout, so that the workout itself goes through it."""

ALTITUDE = int(channel_pb2.CHANNEL_ALTITUDE)


@dataclass(frozen=True, slots=True)
class MadeSegment:
    """The course of a new segment and how it climbs (None: not known)."""

    course: Course
    elevation_gain_m: float | None
    average_grade_percent: float | None


def make_segment(
    channels: Mapping[int, ChannelSeries], start_ms: int, stretch: segment_service_pb2.Stretch
) -> MadeSegment:
    """The segment along a stretch of a workout that began at `start_ms`.

    Raises:
        InvalidField: the workout has no positions, or the stretch is backward, too short, too long.
    """
    track = gps_track(channels)
    if track is None:
        raise InvalidField("workout_id", "the workout has no positions")
    first_m, last_m = _bounds_m(track, start_ms, stretch)
    first_m = max(first_m, INSIDE_M)
    last_m = min(last_m, float(track.along_m[-1]) - INSIDE_M)
    if last_m - first_m < SHORTEST_M:
        raise InvalidField("stretch", f"must be at least {SHORTEST_M:.0f} m long within the workout")
    if last_m - first_m > LONGEST_M:
        raise InvalidField("stretch", f"must be at most {LONGEST_M / 1000:.0f} km long")
    course = _course(track, first_m, last_m)
    if course.length_m < SHORTEST_M * 0.8:
        raise InvalidField("stretch", "goes nowhere")
    gain, grade = _climb(channels, track, first_m, last_m)
    return MadeSegment(course, gain, grade)


def _bounds_m(track: GpsTrack, start_ms: int, stretch: segment_service_pb2.Stretch) -> tuple[float, float]:
    """From where to where along the track, in metres."""
    match stretch.WhichOneof("measure"):
        case "distances":
            first, last = stretch.distances.start_m, stretch.distances.end_m
            if last <= first:
                raise InvalidField("stretch.distances.end_m", "must be beyond start_m")
            return first, last
        case "times":
            first_ms, last_ms = float(stretch.times.start_time_ms), float(stretch.times.end_time_ms)
            field = "stretch.times.end_time_ms"
        case _:
            first_ms = start_ms + stretch.elapsed.start_s * 1000
            last_ms = start_ms + stretch.elapsed.end_s * 1000
            field = "stretch.elapsed.end_s"
    if last_ms <= first_ms:
        raise InvalidField(field, "must be after the start")
    first, last = np.interp([first_ms, last_ms], track.times_ms, track.along_m)
    return float(first), float(last)


def _course(track: GpsTrack, first_m: float, last_m: float) -> Course:
    """The track between two places, its points about `POINTS_M` apart, its ends exactly there."""
    inside = track.metres[(track.along_m > first_m) & (track.along_m < last_m)]
    # The distance along stands still while the athlete does: its own knots say where a place is.
    along, rows = np.unique(track.along_m, return_index=True)
    ends = np.column_stack([np.interp([first_m, last_m], along, axis[rows]) for axis in track.metres.T])
    points = np.concatenate((ends[:1], inside, ends[1:]))
    return course_at(densified(points[thinned(points, POINTS_M)], 2 * POINTS_M), track.plane)


def _climb(
    channels: Mapping[int, ChannelSeries], track: GpsTrack, first_m: float, last_m: float
) -> tuple[float | None, float | None]:
    """Metres climbed, and rise over run from end to end in per cent."""
    if ALTITUDE not in channels:
        return None, None
    altitude = in_units({ALTITUDE: channels[ALTITUDE]})[ALTITUDE]
    along, rows = np.unique(track.along_m, return_index=True)
    first_ms, last_ms = np.interp([first_m, last_m], along, track.times_ms[rows])
    stretch = altitude.between(int(first_ms), int(last_ms) + 1)
    if len(stretch) < 2:
        return None, None
    gain, _ = gain_and_loss_m(smoothed(stretch).values)
    rise = float(stretch.values[-1] - stretch.values[0])
    return gain, 100 * rise / (last_m - first_m)
