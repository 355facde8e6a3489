"""A stored workout as the `ArchivedWorkout` from which a platform restores it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from pulsemesh.samples import MAX_BATCH_SAMPLES
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import archive_pb2, recording_pb2, revision_pb2, sample_pb2
from services.workout import documents
from services.workout.codec import SampleColumn, SampleColumns, encode_segment
from services.workout.codec.varints import packed_sint32_field
from services.workout.compaction import clock_correction_ms
from services.workout.exporting import names
from services.workout.exporting.stored import StoredWorkout

_MAX_STEP_MS = 2**31 - 1
_TIME_DELTAS = sample_pb2.SampleBatch.TIME_DELTAS_MS_FIELD_NUMBER


def archived_workout(stored: StoredWorkout) -> archive_pb2.ArchivedWorkout:
    """The workout without loss, of its samples as they were recorded. Not for the event loop.

    Raises:
        ChunkCorrupted: a chunk cannot be read.
    """
    row, recording = stored.row, stored.recording.recording
    details = recording_pb2.RecordingDetails.FromString(bytes(recording.details))
    documents.drop_impossible_times(details)
    # Samples were moved by this when the recording was closed, so their archive is moved as a whole.
    offset_ms = clock_correction_ms(recording.clock_offset_ms, details)
    documents.shift_times(details, offset_ms)
    message = archive_pb2.ArchivedWorkout(
        recording_id=recording.recording_id,
        title=row.title,
        notes=row.notes,
        sport=sport_pb2.Sport.ValueType(row.sport),
        sub_sport=sport_pb2.SubSport.ValueType(row.sub_sport),
        recorded_sport=sport_pb2.Sport.ValueType(recording.sport),
        recorded_sub_sport=sport_pb2.SubSport.ValueType(recording.sub_sport),
        details=details,
        title_is_default=_title_is_default(stored, details),
    )
    message.recording_start_time.FromMilliseconds(recording.start_ms + offset_ms)
    message.created_at.FromMilliseconds(row.created_ms)
    message.updated_at.FromMilliseconds(row.updated_ms)
    if stored.file is not None:
        message.original_name = names.safe(stored.file.name)
        message.original_sha256 = stored.file.sha256
    if stored.revision is not None:
        described = revision_pb2.RevisedWorkout.FromString(bytes(stored.revision.description))
        message.revision.CopyFrom(described.revision)
    message.hidden = row.hidden
    message.derived = row.derivation_id is not None
    samples = stored.samples()
    for index, source in enumerate(stored.recording.sources):
        archived = message.sources.add(
            source=recording_pb2.Source.FromString(bytes(source.description)),
            next_sequence=source.next_sequence,
            rejected_samples=source.rejected_samples,
        )
        if source.source_id in samples:
            channels = archived.source.channels
            archived.batches.extend(batches(samples[source.source_id], index, int(channels[0])))
    return message


def _title_is_default(stored: StoredWorkout, details: recording_pb2.RecordingDetails) -> bool:
    if details.title:
        return False
    recording = stored.recording.recording
    sport, _ = documents.overall_sport(recording.sport, recording.sub_sport, documents.parts(details))
    return bool(stored.row.title == documents.default_title(sport, stored.row.start_ms))


def batches(samples: SampleColumns, source: int, channel: int) -> Iterator[sample_pb2.SampleBatch]:
    """The samples of one source, sorted by time, as batches ready to be sent, numbered from 0.

    `channel` is one that the source announced: it stands, absent, where samples hold no value at all.
    """
    leaps = np.flatnonzero(np.diff(samples.times_ms) > _MAX_STEP_MS) + 1
    edges = np.unique(
        np.concatenate((np.arange(0, len(samples), MAX_BATCH_SAMPLES), leaps, [len(samples)]))
    ).tolist()
    for first, last in pairwise(edges):
        yield _batch(samples.take(slice(first, last)), source, first, channel)


def _batch(samples: SampleColumns, source: int, first_sequence: int, channel: int) -> sample_pb2.SampleBatch:
    valued = samples.without_absent()
    if not valued.columns:
        nothing = np.zeros(len(samples), np.bool_)
        valued = SampleColumns(
            samples.times_ms, {channel: SampleColumn(np.zeros(len(samples), np.int32), nothing)}
        )
    # A segment's columns are encoded as a batch's are.
    segment = encode_segment(valued, "")
    batch = sample_pb2.SampleBatch(
        source=source, first_sequence=first_sequence, start_time_ms=segment.start_time_ms
    )
    batch.MergeFromString(packed_sint32_field(_TIME_DELTAS, np.diff(samples.times_ms).astype(np.int32)))
    for column in segment.columns:
        batch.columns.add().MergeFromString(column.SerializeToString())
    return batch
