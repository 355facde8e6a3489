"""What the spool does beside taking and giving: noting, ending, shrinking. Runs in the spool's thread."""

from __future__ import annotations

import contextlib
import sqlite3

from ingest_edge.spool import recordings_store, samples_store
from ingest_edge.spool.errors import UnknownRecording
from ingest_edge.spool.records import SpooledRecording
from pulsemesh.workout.v1 import recording_pb2

_SHRINK_FROM_BYTES = 64 * 1024**2
_SHRINK_PAGES = 4096


def acknowledge(connection: sqlite3.Connection, taken: dict[tuple[str, int], int]) -> None:
    """Note acknowledgements by (recording, position of the source)."""
    for (recording_id, position), next_sequence in taken.items():
        # A recording that was given up meanwhile has nothing left to acknowledge.
        with contextlib.suppress(UnknownRecording):
            samples_store.acknowledge(connection, recording_id, position, next_sequence)


def end(connection: sqlite3.Connection, recording: SpooledRecording, now_ms: int) -> None:
    """Finish a recording that nobody will go on with; one without a sample is forgotten."""
    if recording.samples:
        details = recording_pb2.RecordingDetails(title=recording.title)
        recordings_store.set_finished(connection, recording.recording_id, details, now_ms)
    else:
        recordings_store.delete(connection, recording.recording_id)


def source_count(connection: sqlite3.Connection, recording_id: str) -> int:
    """How many sources a recording has. Raises `UnknownRecording`."""
    recording_pk = recordings_store.key(connection, recording_id)
    row = connection.execute("SELECT count(*) FROM sources WHERE recording_pk = ?", (recording_pk,))
    return int(row.fetchone()[0])


def shrink(connection: sqlite3.Connection) -> None:
    """Give room back to the disk once it is worth the writing."""
    free = connection.execute("PRAGMA freelist_count").fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    if free * size > _SHRINK_FROM_BYTES:
        # A step of this statement frees one page, and the driver makes one step of it.
        for _ in range(_SHRINK_PAGES):
            connection.execute("PRAGMA incremental_vacuum(1)")
