"""Workouts of our own archives: they are recordings already, and go back sample for sample."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ingest_edge.files.archives import Location
from ingest_edge.files.decoder import UnreadableFile
from ingest_edge.files.kinds import ARCHIVED_SUFFIX
from ingest_edge.files.pulsemesh_archive import MAX_WORKOUT_BYTES, parsed_workout
from ingest_edge.importer.restoring.facts import ArchivedFacts, facts_of, sample_count
from ingest_edge.importer.translation import ImportedRecording, SourceSamples
from ingest_edge.spool import NewRecording, RecordingKind
from pulsemesh.workout.v1 import archive_pb2, recording_pb2

MAX_BYTES = MAX_WORKOUT_BYTES
_WORKOUT_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}$")


@dataclass(frozen=True)
class ArchivedRecording:
    """A workout of an archive, ready for the spool.

    Attributes:
        original_name: of the file that it was made of, in the same archive; empty where there is none.
    """

    recording: ImportedRecording
    original_name: str
    original_sha256: str
    facts: ArchivedFacts


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
        # A sport that was chosen later is chosen again: numbers of a session depend on how it came to it.
        workout.recorded_sport,
        workout.recorded_sub_sport,
        workout.recording_start_time.ToMilliseconds(),
    )
    sources = [_announced(each) for each in workout.sources]
    recording = ImportedRecording(new, sources, _details(workout), sample_count(workout))
    stem = name.rsplit("/", 1)[-1].removesuffix(ARCHIVED_SUFFIX)
    original = f"originals/{stem}/{workout.original_name}" if workout.original_name else ""
    facts = facts_of(workout, _workout_id(stem))
    return ArchivedRecording(recording, original, workout.original_sha256, facts)


def _details(workout: archive_pb2.ArchivedWorkout) -> recording_pb2.RecordingDetails:
    details = recording_pb2.RecordingDetails()
    details.CopyFrom(workout.details)
    details.title = "" if workout.title_is_default else workout.title
    details.notes = workout.notes
    return details


def _announced(archived: archive_pb2.ArchivedSource) -> SourceSamples:
    """A source with all channels that its samples have: splitting adds markers that no device announced."""
    source = recording_pb2.Source()
    source.CopyFrom(archived.source)
    channels = {column.channel for batch in archived.batches for column in batch.columns}
    source.channels.extend(sorted(channels - set(source.channels)))
    return source, list(archived.batches)


def _workout_id(stem: str) -> str:
    """Under which it was exported: names end in it."""
    found = _WORKOUT_ID.search(stem.upper())
    return found.group() if found else ""
