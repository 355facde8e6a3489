"""The spool's database: its tables, how it is opened, and what happens when it is found damaged."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from ingest_edge.spool.errors import SpoolCorrupt, SpoolError, translated

DATABASE_NAME = "spool.sqlite3"
LOCK_NAME = "spool.lock"
DAMAGED_MARK = ".damaged-"

_APPLICATION_ID = 0x504D5350  # "PMSP"
_VERSION = 2
_PAGE_BYTES = 4096
_CHECK_LIMIT_BYTES = 256 * 1024**2

_TABLES = """
CREATE TABLE recordings (
    recording_pk INTEGER PRIMARY KEY,
    recording_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    writer_id TEXT NOT NULL,
    sport INTEGER NOT NULL,
    sub_sport INTEGER NOT NULL,
    start_ms INTEGER NOT NULL,
    title TEXT NOT NULL,
    state TEXT NOT NULL,
    offered INTEGER NOT NULL DEFAULT 0,
    details BLOB,                           -- pulsemesh.workout.v1.RecordingDetails, once finished
    workout_id TEXT NOT NULL DEFAULT '',
    failure TEXT NOT NULL DEFAULT '',
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX recordings_by_state ON recordings (state, recording_pk);

CREATE TABLE sources (
    source_pk INTEGER PRIMARY KEY,
    recording_pk INTEGER NOT NULL REFERENCES recordings ON DELETE CASCADE,
    position INTEGER NOT NULL,              -- index in OpenRecording.sources
    source_id TEXT NOT NULL,
    description BLOB NOT NULL,              -- pulsemesh.workout.v1.Source
    next_sequence INTEGER NOT NULL DEFAULT 0,
    acknowledged INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    lost INTEGER NOT NULL DEFAULT 0,
    UNIQUE (recording_pk, position),
    UNIQUE (recording_pk, source_id)
) STRICT;

CREATE TABLE batches (
    source_pk INTEGER NOT NULL REFERENCES sources ON DELETE CASCADE,
    first_sequence INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    payload BLOB NOT NULL,                  -- pulsemesh.workout.v1.SampleBatch
    PRIMARY KEY (source_pk, first_sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE set_aside (
    set_aside_pk INTEGER PRIMARY KEY,
    source_pk INTEGER NOT NULL REFERENCES sources ON DELETE CASCADE,
    first_sequence INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    reason TEXT NOT NULL,
    detail TEXT NOT NULL,
    payload BLOB NOT NULL,                  -- the refused SampleBatch
    at_ms INTEGER NOT NULL,
    UNIQUE (source_pk, first_sequence)
) STRICT;

CREATE TABLE originals (
    original_pk INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL UNIQUE,
    path TEXT NOT NULL,
    name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    recording_id TEXT NOT NULL,
    state TEXT NOT NULL,
    failure TEXT NOT NULL DEFAULT '',
    members TEXT NOT NULL DEFAULT ''        -- where the file lies within the archive at path
) STRICT;
CREATE INDEX originals_by_state ON originals (state, original_pk);

CREATE TABLE seen_files (
    path TEXT PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
"""

_STEPS = {
    1: "ALTER TABLE originals ADD COLUMN members TEXT NOT NULL DEFAULT '';",
}
"""From each earlier version to the one after it."""


def open_database(path: Path, max_bytes: int) -> sqlite3.Connection:
    """Open the spool's database for writing, with full durability; create it where there is none.

    A damaged file is moved aside, whole, and the error says so: the next opening begins an empty spool.

    Raises:
        SpoolCorrupt: the file is damaged, or not a spool.
        SpoolError: it was written by a newer version; or see `translated`.
    """
    fresh = not path.exists() or path.stat().st_size == 0
    try:
        connection = _connect(path, fresh=fresh)
        try:
            _prepare(connection, path, fresh, max_bytes)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        problem = translated(error, path)
        if isinstance(problem, SpoolCorrupt):
            raise _moved_aside(path, str(error)) from error
        raise problem from error
    return connection


def _connect(path: Path, *, fresh: bool) -> sqlite3.Connection:
    # Mode 0600 from the start: the samples are health data.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    if fresh:
        connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA journal_size_limit = {16 * 1024**2}")
    return connection


def _prepare(connection: sqlite3.Connection, path: Path, fresh: bool, max_bytes: int) -> None:
    if fresh:
        _create(connection, path)
    else:
        _verify(connection, path)
    # The last line of defence; `Capacity` refuses samples before it is met.
    connection.execute(f"PRAGMA max_page_count = {max(max_bytes // _PAGE_BYTES, 64)}")


def _create(connection: sqlite3.Connection, path: Path) -> None:
    connection.executescript(
        f"BEGIN IMMEDIATE;{_TABLES}PRAGMA application_id = {_APPLICATION_ID};"
        f"PRAGMA user_version = {_VERSION};COMMIT;"
    )
    # A WAL database whose schema was never checkpointed loses everything with its WAL.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    _sync_directory(path.parent)


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _verify(connection: sqlite3.Connection, path: Path) -> None:
    version = _scalar(connection, "PRAGMA user_version")
    if version == 0 and not _scalar(connection, "SELECT count(*) FROM sqlite_master"):
        # Killed between the creation of the file and that of the tables.
        _create(connection, path)
        return
    if _scalar(connection, "PRAGMA application_id") != _APPLICATION_ID:
        raise SpoolError(f"{path} is a database, but not a spool of pulsemesh-edge; it was left as it is.")
    if version > _VERSION:
        raise SpoolError(
            f"{path} was written by a newer pulsemesh-edge (format {version}; this one knows {_VERSION})."
        )
    if path.stat().st_size <= _CHECK_LIMIT_BYTES:
        problems = [str(row[0]) for row in connection.execute("PRAGMA quick_check(3)")]
        if problems != ["ok"]:
            connection.close()
            raise _moved_aside(path, "; ".join(problems))
    for earlier in range(version, _VERSION):
        connection.executescript(
            f"BEGIN IMMEDIATE;{_STEPS[earlier]}PRAGMA user_version = {earlier + 1};COMMIT;"
        )


def _scalar(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])


def _moved_aside(path: Path, problem: str) -> SpoolCorrupt:
    target = path.with_name(f"{path.name}{DAMAGED_MARK}{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(target.with_name(target.name + suffix))
    _sync_directory(path.parent)
    return SpoolCorrupt(
        f"the spool {path} is damaged ({problem}). It was moved to {target}; nothing of it was deleted. "
        "Start again to go on with an empty spool. To rescue what was not uploaded yet: mkdir rescued; "
        f"sqlite3 {target} .recover | sqlite3 rescued/{DATABASE_NAME}; pulsemesh-edge --spool rescued sync. "
        "Files that were being imported need only be imported again."
    )


def damaged_files(path: Path) -> list[str]:
    """Earlier spools that were moved aside, beside the database at `path`."""
    found = path.parent.glob(f"{path.name}{DAMAGED_MARK}*")
    return sorted(str(file) for file in found if not file.name.endswith(("-wal", "-shm")))
