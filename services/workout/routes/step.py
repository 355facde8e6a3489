"""Where a workout went: the step that every workout goes through after it was closed or changed.

The step keeps the course; `placing` looks for its route afterwards, since that search begins with the course
and a step reads the database only before it computes.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from pulsemesh.type.v1 import channel_pb2
from services.workout.analysis.loading import LoadedWorkout
from services.workout.codec.columns import Int64Array
from services.workout.comparing.means import mean_between
from services.workout.routes import store
from services.workout.routes.course import Course, course_of, encode_course, encode_times
from services.workout.routes.positions import gps_track
from services.workout.summary.series import in_units

POWER = int(channel_pb2.CHANNEL_POWER)
HEART_RATE = int(channel_pb2.CHANNEL_HEART_RATE)


@dataclass(frozen=True)
class TrackResult:
    """A workout's course, when its points were passed, and what it took."""

    course: Course
    times_ms: Int64Array
    average_power_w: float | None
    average_heart_rate_bpm: float | None


class RouteStep:
    """See `services.workout.analysis.steps.WorkoutStep`."""

    name = "routes"

    def prepare(self, conn: Connection, workout: LoadedWorkout) -> None:
        """Nothing is needed beside the workout."""

    def compute(self, workout: LoadedWorkout, prepared: None) -> TrackResult | None:
        """The course; None without positions, or where the athlete stayed in one place."""
        track = gps_track(workout.merged)
        if track is None:
            return None
        course, rows = course_of(track)
        if len(course) < 2:
            return None
        times = track.times_ms[rows]
        wanted = {key: each for key, each in workout.merged.items() if key in (POWER, HEART_RATE)}
        series = in_units(wanted)
        return TrackResult(
            course,
            times,
            mean_between(series.get(POWER), float(times[0]), float(times[-1])),
            mean_between(series.get(HEART_RATE), float(times[0]), float(times[-1])),
        )

    def store(
        self, conn: Connection, workout: LoadedWorkout, result: TrackResult | None, now_ms: int
    ) -> None:
        """Keep the course."""
        if result is None:
            store.remove_track(conn, workout.workout_pk)
            return
        box, start_ms = result.course.box, int(workout.row.start_ms)
        store.put_track(
            conn,
            workout.workout_pk,
            {
                "user_id": workout.user_id,
                "sport": workout.row.sport,
                "start_ms": start_ms,
                "length_m": result.course.length_m,
                "south_deg": box.south_deg,
                "north_deg": box.north_deg,
                "west_deg": box.west_deg,
                "east_deg": box.east_deg,
                "course": encode_course(result.course),
                "course_times": encode_times(result.times_ms, start_ms),
                "average_power_w": result.average_power_w,
                "average_heart_rate_bpm": result.average_heart_rate_bpm,
            },
        )

    def forget(self, conn: Connection, user_id: str, workout_pk: int, now_ms: int) -> None:
        """The workout goes: so does its track, and its route if it was the last."""
        store.remove_track(conn, workout_pk)
