"""From stored rows to a draft. Pure, and not for the event loop."""

from __future__ import annotations

from pulsemesh.workout.v1 import recording_pb2
from services.workout import documents
from services.workout.codec import concatenate, decode_chunk
from services.workout.compaction import clock_correction_ms
from services.workout.revisions.draft import Draft
from services.workout.revisions.store import StoredWorkout


def draft_of(stored: StoredWorkout) -> Draft:
    """Samples and details, on the clock of the platform, as closing saw them.

    Raises:
        ChunkCorrupted: a chunk cannot be read.
    """
    details = recording_pb2.RecordingDetails.FromString(bytes(stored.recording.details))
    documents.drop_impossible_times(details)
    documents.shift_times(details, clock_correction_ms(stored.recording.clock_offset_ms, details))
    return Draft(
        {
            source.source_id: concatenate(
                [decode_chunk(payload) for payload in stored.payloads[source.source_pk]]
            )
            for source in stored.sources
        },
        details,
    )
