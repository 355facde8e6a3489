"""Rows to the contract's messages."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import file_service_pb2, recording_pb2, workout_pb2
from services.workout.compaction import source_progress
from services.workout.store.recordings import RecordingRow


def workout_message(row: Row[Any]) -> workout_pb2.Workout:
    """A workout with all that was computed of it and all that its owner edited."""
    message = workout_pb2.Workout.FromString(bytes(row.document))
    message.workout_id = row.workout_id
    message.user_id = row.user_id
    message.recording_id = row.recording_id
    message.title = row.title
    message.notes = row.notes
    message.sport = sport_pb2.Sport.ValueType(row.sport)
    message.sub_sport = sport_pb2.SubSport.ValueType(row.sub_sport)
    message.start_time.FromMilliseconds(row.start_ms)
    message.end_time.FromMilliseconds(row.end_ms)
    message.created_at.FromMilliseconds(row.created_ms)
    message.updated_at.FromMilliseconds(row.updated_ms)
    message.file_id = row.file_id or ""
    message.etag = etag(row.version)
    message.hidden = row.hidden
    message.revised = row.revised
    message.derivation_id = row.derivation_id or ""
    return message


def listed_workout_message(row: Row[Any]) -> workout_pb2.Workout:
    """The same without sessions, laps and lengths."""
    message = workout_message(row)
    for name in ("sessions", "laps", "lengths"):
        message.ClearField(name)
    return message


def etag(version: int) -> str:
    """The etag of a version of a workout."""
    return f"v{version}"


def version_of(workout_etag: str) -> int:
    """The version that an etag of ours stands for; a workout that was just made has none and is the first."""
    return int(workout_etag.removeprefix("v") or 1)


def recording_message(row: RecordingRow) -> recording_pb2.Recording:
    """A recording and how much is held of its sources."""
    recording = row.recording
    message = recording_pb2.Recording(
        recording_id=recording.recording_id,
        user_id=recording.user_id,
        state=recording_pb2.RecordingState.ValueType(recording.state),
        sport=sport_pb2.Sport.ValueType(recording.sport),
        sub_sport=sport_pb2.SubSport.ValueType(recording.sub_sport),
        sources=[source_progress(source) for source in row.sources],
        clock_offset_ms=recording.clock_offset_ms,
        workout_id=recording.workout_id or "",
    )
    message.start_time.FromMilliseconds(recording.start_ms)
    message.opened_at.FromMilliseconds(recording.opened_ms)
    if row.last_sample_ms is not None:
        message.last_sample_at.FromMilliseconds(row.last_sample_ms)
    return message


def file_message(row: Row[Any]) -> file_service_pb2.StoredFile:
    """An original file."""
    message = file_service_pb2.StoredFile(
        file_id=row.file_id,
        name=row.name,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        workout_id=row.workout_id,
    )
    message.uploaded_at.FromMilliseconds(row.uploaded_ms)
    return message
