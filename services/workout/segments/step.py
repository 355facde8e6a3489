"""The efforts of a workout: the step that every workout goes through after it was closed or changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from services.workout.analysis.loading import LoadedWorkout
from services.workout.segments import store
from services.workout.segments.efforts import Effort, KnownSegment, efforts_of_channels


@dataclass(frozen=True, slots=True)
class EffortsResult:
    """The efforts found, and the versions of the segments that were looked for."""

    efforts: Sequence[Effort]
    looked_for: dict[int, int]


class SegmentStep:
    """See `services.workout.analysis.steps.WorkoutStep`. To be stored after `RouteStep`."""

    name = "segments"

    def prepare(self, conn: Connection, workout: LoadedWorkout) -> list[KnownSegment]:
        """The segments to look for."""
        return store.known(conn, workout.user_id, workout.row.sport)

    def compute(self, workout: LoadedWorkout, prepared: list[KnownSegment]) -> EffortsResult:
        """The efforts on them."""
        found = efforts_of_channels(workout.merged, prepared)
        return EffortsResult(found, {segment.segment_pk: segment.version for segment in prepared})

    def store(self, conn: Connection, workout: LoadedWorkout, result: EffortsResult, now_ms: int) -> None:
        """Replace the workout's efforts. A segment made or changed meanwhile searches the workout itself."""
        current = store.known_versions(conn, workout.user_id, workout.row.sport)
        same = {key for key, version in result.looked_for.items() if current.get(key) == version}
        kept = [effort for effort in result.efforts if effort.segment_pk in same]
        store.replace_efforts(conn, workout.user_id, workout.workout_pk, kept)
        store.search_from(conn, sorted(current.keys() - same), workout.workout_pk)

    def forget(self, conn: Connection, user_id: str, workout_pk: int, now_ms: int) -> None:
        """The workout goes, and its efforts with it."""
        store.replace_efforts(conn, user_id, workout_pk, [])
