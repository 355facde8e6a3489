"""Workouts of our own archives: they are recordings already, and go back sample for sample."""

from __future__ import annotations

from dataclasses import dataclass

from ingest_edge.files.archives import Location
from ingest_edge.files.decoder import UnreadableFile
from ingest_edge.files.kinds import ARCHIVED_SUFFIX
from ingest_edge.files.pulsemesh_archive import MAX_WORKOUT_BYTES, parsed_workout
from ingest_edge.importer.translation import ImportedRecording
from ingest_edge.spool import NewRecording, RecordingKind
from pulsemesh.workout.v1 import archive_pb2, recording_pb2

MAX_BYTES = MAX_WORKOUT_BYTES


@dataclass(frozen=True)
class ArchivedRecording:
    """A workout of an archive, ready for the spool.

    Attributes:
        original_name: of the file that it was made of, in the same archive; empty where there is none.
    """

    recording: ImportedRecording
    original_name: str
    original_sha256: str


def is_archived(location: Location) -> bool:
    """Whether this is a workout in an archive of ours."""
    return bool(location.members) and location.name.endswith(ARCHIVED_SUFFIX)


def archived_recording(name: str, content: bytes, writer_id: str) -> ArchivedRecording:
    """The recording that a file of `workouts/` holds, with the title and the notes as they were last.

    Raises:
        UnreadableFile: it is damaged.
    """
    workout = parsed_workout(name, content)
    if not workout.sources or not workout.recording_id:
        raise UnreadableFile("a workout without a source or without an id")
    new = NewRecording(
        workout.recording_id,
        RecordingKind.FILE,
        writer_id,
        workout.sport or workout.recorded_sport,
        workout.sub_sport or workout.recorded_sub_sport,
        workout.recording_start_time.ToMilliseconds(),
    )
    sources = [(each.source, list(each.batches)) for each in workout.sources]
    recording = ImportedRecording(new, sources, _details(workout), _samples(workout), _losses(workout))
    stem = name.rsplit("/", 1)[-1].removesuffix(ARCHIVED_SUFFIX)
    original = f"originals/{stem}/{workout.original_name}" if workout.original_name else ""
    return ArchivedRecording(recording, original, workout.original_sha256)


def _details(workout: archive_pb2.ArchivedWorkout) -> recording_pb2.RecordingDetails:
    details = recording_pb2.RecordingDetails()
    details.CopyFrom(workout.details)
    details.title = "" if workout.title_is_default else workout.title
    details.notes = workout.notes
    return details


def _samples(workout: archive_pb2.ArchivedWorkout) -> int:
    # The first sample of a batch stands in its start: only the others are deltas.
    return sum(len(batch.time_deltas_ms) + 1 for source in workout.sources for batch in source.batches)


def _losses(workout: archive_pb2.ArchivedWorkout) -> tuple[str, ...]:
    """What the archive holds of it that a recording cannot bring along."""
    if workout.HasField("revision"):
        return ("it was corrected after it was recorded; what was recorded is imported, without that",)
    return ()
