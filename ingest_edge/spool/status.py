"""What waits in the spool and how much room there is; readable while another process works on it."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

from ingest_edge.spool import originals_store, recordings_store, schema, seen_files_store
from ingest_edge.spool.capacity import Capacity, free_disk_bytes, used_bytes
from ingest_edge.spool.errors import SpoolFull, translated
from ingest_edge.spool.records import WAITING_STATES, SetAside, SpoolLimits, SpoolState, SpoolStatus

_SOME_SAMPLES_BYTES = 32 * 1024


def read_status(folder: Path, limits: SpoolLimits) -> SpoolStatus | None:
    """The status of the spool in `folder`, None where there is none. Blocks for some milliseconds.

    Nothing is locked and nothing written.

    Raises:
        SpoolError: it cannot be read.
    """
    path = folder / schema.DATABASE_NAME
    if not path.exists():
        return None
    try:
        connection = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, timeout=10)
        try:
            return collect_status(connection, path, limits)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise translated(error, path) from error


def collect_status(connection: sqlite3.Connection, path: Path, limits: SpoolLimits) -> SpoolStatus:
    """Read the status over an open connection."""
    capacity = Capacity(path, limits)
    return SpoolStatus(
        path=str(path),
        used_bytes=used_bytes(connection),
        limits=limits,
        free_disk_bytes=free_disk_bytes(path),
        accepts_new_recordings=_accepts_new_recordings(capacity, connection),
        accepts_samples=_accepts_samples(capacity, connection),
        waiting=tuple(recordings_store.in_states(connection, WAITING_STATES)),
        failed=tuple(recordings_store.in_states(connection, [SpoolState.FAILED])),
        closed=recordings_store.count_closed(connection),
        originals_waiting=tuple(originals_store.in_state(connection, originals_store.WAITING)),
        originals_failed=tuple(originals_store.in_state(connection, originals_store.FAILED)),
        set_aside=_set_aside(connection),
        refused_files=tuple(seen_files_store.with_reason(connection)),
        damaged_files=tuple(schema.damaged_files(path)),
    )


def _accepts_new_recordings(capacity: Capacity, connection: sqlite3.Connection) -> bool:
    try:
        capacity.require_room_for_a_recording(connection)
    except SpoolFull:
        return False
    return True


def _accepts_samples(capacity: Capacity, connection: sqlite3.Connection) -> bool:
    try:
        capacity.require_room_for_samples(connection, _SOME_SAMPLES_BYTES)
    except SpoolFull:
        return False
    return True


def _set_aside(connection: sqlite3.Connection) -> tuple[SetAside, ...]:
    rows = connection.execute(
        "SELECT recording_id, source_id, first_sequence, samples, reason, detail FROM set_aside "
        "JOIN sources USING (source_pk) JOIN recordings USING (recording_pk) ORDER BY set_aside_pk"
    )
    return tuple(SetAside(*row) for row in rows)
