"""From the journal of a recording to everything that its workout consists of. Pure: no database, no clock.

Times are kept as the writer gave them, with one exception: when a live recording was opened by a writer whose
clock was off by more than `TRUSTED_CLOCK_MS`, all its times are moved by the offset that was measured then. A
file keeps its own times, however wrong: it must stay recognisable.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Row

from pulsemesh.type.v1 import sport_pb2
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import recording_pb2, workout_pb2
from services.workout import documents
from services.workout.codec import MAX_CHUNK_SAMPLES, SampleColumns, decode_batches, encode_chunk
from services.workout.summary import WorkoutSummary, summarise

TRUSTED_CLOCK_MS = 5_000
CENTURY_MS = 3_155_760_000_000
"""A larger offset is no clock. A device that begins in 1970 after every start is one, half a century off."""

CHUNK_MS = 3_600_000
_MAX_TITLE = 200


@dataclass(frozen=True, slots=True)
class JournalledRecording:
    """A recording as it stands, with all batches of each source (by its key)."""

    recording: Row[Any]
    sources: tuple[Row[Any], ...]
    batches: Mapping[int, Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class PreparedWorkout:
    """What closing will write.

    Attributes:
        state: what the recording looked like; closing writes only if it still looks so.
        workout: the columns of the workout's row.
        chunks: the columns of the chunks' rows.
        message: the workout as the event tells it.
    """

    state: tuple[Any, ...]
    workout: Mapping[str, Any]
    chunks: Sequence[Mapping[str, Any]]
    message: workout_pb2.Workout


def state_of(recording: Row[Any], sources: Sequence[Row[Any]]) -> tuple[Any, ...]:
    """All that a workout depends on: it changes whenever a sample or a detail is added."""
    return (
        recording.state,
        bytes(recording.details),
        *((source.source_pk, source.next_sequence, source.rejected_samples) for source in sources),
    )


def prepare(journalled: JournalledRecording, now_ms: int) -> PreparedWorkout:
    """Decode, sort, compress and summarise. Takes seconds for very long recordings: not for the event loop.

    Raises:
        BatchCorrupted: a journalled batch cannot be read; nothing is closed, so nothing is lost.
    """
    recording = journalled.recording
    details = recording_pb2.RecordingDetails.FromString(bytes(recording.details))
    documents.drop_impossible_times(details)
    offset_ms = clock_correction_ms(recording.clock_offset_ms, details)
    documents.shift_times(details, offset_ms)
    streams = {
        source.source_pk: decode_batches(journalled.batches[source.source_pk])
        .sorted_by_time()
        .shifted(offset_ms)
        for source in journalled.sources
    }
    sessions = documents.parts(details)
    sport, sub_sport = documents.overall_sport(recording.sport, recording.sub_sport, sessions)
    summary = summarise(
        list(streams.values()),
        sport=sport,
        sub_sport=sub_sport,
        start_ms=recording.start_ms + offset_ms,
        sessions=sessions,
        laps=documents.laps(details),
        lengths=documents.lengths(details),
    )
    message = _message(journalled, details, summary, sport, sub_sport)
    return PreparedWorkout(
        state=state_of(recording, journalled.sources),
        workout=_row(recording, details, summary, message, now_ms),
        chunks=[row for source_pk, samples in streams.items() for row in chunk_rows(source_pk, samples)],
        message=message,
    )


def clock_correction_ms(clock_offset_ms: int, details: recording_pb2.RecordingDetails) -> int:
    """By how much the times are moved; see the module."""
    if details.file_sha256 or not TRUSTED_CLOCK_MS < abs(clock_offset_ms) < CENTURY_MS:
        return 0
    return clock_offset_ms


def _message(
    journalled: JournalledRecording,
    details: recording_pb2.RecordingDetails,
    summary: WorkoutSummary,
    sport: int,
    sub_sport: int,
) -> workout_pb2.Workout:
    message = workout_pb2.Workout(
        workout_id=new_ulid(),
        user_id=journalled.recording.user_id,
        recording_id=journalled.recording.recording_id,
        sport=sport_pb2.Sport.ValueType(sport),
        sub_sport=sport_pb2.SubSport.ValueType(sub_sport),
        summary=documents.summary_message(summary.whole),
        sessions=[documents.session_message(part, totals) for part, totals in summary.sessions],
        laps=[documents.lap_message(lap, totals) for lap, totals in summary.laps],
        lengths=details.lengths,
        sources=[source_progress(source) for source in journalled.sources],
        gear=details.gear,
    )
    message.start_time.FromMilliseconds(summary.start_ms)
    message.end_time.FromMilliseconds(summary.end_ms)
    return message


def source_progress(source: Row[Any]) -> recording_pb2.SourceProgress:
    """How much is held of a source."""
    described = recording_pb2.Source.FromString(bytes(source.description))
    return recording_pb2.SourceProgress(
        source_id=source.source_id,
        next_sequence=source.next_sequence,
        rejected_samples=source.rejected_samples,
        complete=source.complete,
        device=described.device,
        channels=described.channels,
    )


def _row(
    recording: Row[Any],
    details: recording_pb2.RecordingDetails,
    summary: WorkoutSummary,
    message: workout_pb2.Workout,
    now_ms: int,
) -> dict[str, Any]:
    computed = workout_pb2.Workout(
        summary=message.summary,
        sessions=message.sessions,
        laps=message.laps,
        lengths=message.lengths,
        sources=message.sources,
        gear=message.gear,
    )
    # PostgreSQL's strings cannot hold a NUL.
    title = details.title.replace("\0", "") or documents.default_title(message.sport, summary.start_ms)
    return {
        "workout_id": message.workout_id,
        "user_id": recording.user_id,
        "recording_pk": recording.recording_pk,
        "title": title[:_MAX_TITLE],
        "notes": details.notes.replace("\0", ""),
        "sport": message.sport,
        "sub_sport": message.sub_sport,
        "start_ms": summary.start_ms,
        "end_ms": summary.end_ms,
        "elapsed_s": summary.whole.elapsed_s or 0.0,
        "distance_m": summary.whole.distance_m,
        "document": computed.SerializeToString(),
        "version": 1,
        "created_ms": now_ms,
        "updated_ms": now_ms,
    }


def chunk_rows(source_pk: int, samples: SampleColumns) -> list[dict[str, Any]]:
    """The rows of a source's chunks: an hour each from its first sample on. `samples` are sorted by time."""
    return [
        {
            "source_pk": source_pk,
            "ordinal": ordinal,
            "samples": len(part),
            "start_ms": int(part.times_ms[0]),
            "end_ms": int(part.times_ms[-1]),
            "payload": encode_chunk(part.without_absent()),
        }
        for ordinal, part in enumerate(_hours(samples))
    ]


def _hours(samples: SampleColumns) -> Iterator[SampleColumns]:
    """Stretches of an hour from the first sample on, and of no more samples than a chunk takes."""
    if not len(samples):
        return
    hours = (samples.times_ms - samples.times_ms[0]) // CHUNK_MS
    edges = [0, *(np.flatnonzero(np.diff(hours)) + 1).tolist(), len(samples)]
    for first, last in itertools.pairwise(edges):
        for start in range(first, last, MAX_CHUNK_SAMPLES):
            yield samples.take(slice(start, min(start + MAX_CHUNK_SAMPLES, last)))
