"""What an archive tells of a workout beside its samples."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from pulsemesh.workout.v1 import archive_pb2, revision_pb2


@dataclass(frozen=True, slots=True)
class ArchivedFacts:
    """A workout as its owner had it when the archive was made.

    Attributes:
        workout_id: on the platform that made the archive; empty where the archive does not say.
        sport_chosen: the sport is another than that under which it was recorded.
        derived: it was made of others.
        start_ms: when its recording began.
        samples: how many its sources have, as recorded.
        revision: the serialised correction, in hexadecimal; empty where there is none.
    """

    recording_id: str
    workout_id: str
    title: str
    notes: str
    sport: int
    sub_sport: int
    sport_chosen: bool
    derived: bool
    start_ms: int
    samples: int
    revision: str

    @property
    def operations(self) -> list[revision_pb2.Operation]:
        """The steps of the correction."""
        return list(revision_pb2.Revision.FromString(bytes.fromhex(self.revision)).operations)

    def to_text(self) -> str:
        """As a line of JSON."""
        return json.dumps(asdict(self))


def facts_of(workout: archive_pb2.ArchivedWorkout, workout_id: str) -> ArchivedFacts:
    """The facts of a workout that was exported under this id."""
    recorded = workout.recorded_sport, workout.recorded_sub_sport
    return ArchivedFacts(
        workout.recording_id,
        workout_id,
        workout.title,
        workout.notes,
        int(workout.sport),
        int(workout.sub_sport),
        bool(workout.sport) and (workout.sport, workout.sub_sport) != recorded,
        workout.derived,
        workout.recording_start_time.ToMilliseconds(),
        sample_count(workout),
        workout.revision.SerializeToString(deterministic=True).hex() if workout.HasField("revision") else "",
    )


def facts_from(text: str) -> ArchivedFacts:
    """What `ArchivedFacts.to_text` wrote."""
    return ArchivedFacts(**json.loads(text))


def sample_count(workout: archive_pb2.ArchivedWorkout) -> int:
    """Samples of all sources."""
    # The first sample of a batch stands in its start: only the others are deltas.
    return sum(len(batch.time_deltas_ms) + 1 for source in workout.sources for batch in source.batches)
