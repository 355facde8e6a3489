"""The ledger's database: its tables, and how it is opened."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

DATABASE_NAME = "imports.sqlite3"

_VERSION = 2
_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    job_pk INTEGER PRIMARY KEY,
    job_id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    paths TEXT NOT NULL,                    -- JSON
    set_aside TEXT NOT NULL DEFAULT '',
    created_ms INTEGER NOT NULL,
    started_ms INTEGER NOT NULL DEFAULT 0,  -- of the latest run
    done_before INTEGER NOT NULL DEFAULT 0, -- files that were done when the latest run began
    ended_ms INTEGER NOT NULL DEFAULT 0,
    scanned INTEGER NOT NULL DEFAULT 0,
    passed_over INTEGER NOT NULL DEFAULT 0,
    cancel_asked INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE IF NOT EXISTS files (
    job_pk INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,
    path TEXT NOT NULL,
    members TEXT NOT NULL,                  -- see Location.members_text
    size_bytes INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    spooling INTEGER NOT NULL DEFAULT 0,
    sha256 TEXT NOT NULL DEFAULT '',
    samples INTEGER NOT NULL DEFAULT 0,
    losses TEXT NOT NULL DEFAULT '[]',
    title TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL DEFAULT '',        -- empty: no outcome yet
    recording_id TEXT NOT NULL DEFAULT '',
    workout_id TEXT NOT NULL DEFAULT '',
    reason TEXT NOT NULL DEFAULT '',
    fault TEXT NOT NULL DEFAULT '',
    done_ms INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (job_pk, ordinal)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_by_status ON files (job_pk, status, ordinal);

CREATE TABLE IF NOT EXISTS hints (
    hint_pk INTEGER PRIMARY KEY,
    job_pk INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    file_name TEXT NOT NULL,                -- the last part only
    folders TEXT NOT NULL,                  -- what stood before it
    activity_id TEXT NOT NULL,
    start_ms INTEGER NOT NULL,
    title TEXT NOT NULL,
    notes TEXT NOT NULL,
    gear TEXT NOT NULL,
    sport TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS hints_by_name ON hints (job_pk, file_name);
CREATE INDEX IF NOT EXISTS hints_by_activity ON hints (job_pk, activity_id);
CREATE INDEX IF NOT EXISTS hints_by_start ON hints (job_pk, start_ms);

CREATE TABLE IF NOT EXISTS archived (
    job_pk INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    ordinal INTEGER NOT NULL,               -- of the file
    archive TEXT NOT NULL,                  -- see restoring_store.archive_key
    facts TEXT NOT NULL,                    -- see ArchivedFacts.to_text
    PRIMARY KEY (job_pk, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS derivations (
    job_pk INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    archive TEXT NOT NULL,
    content BLOB NOT NULL,                  -- as the archive has them
    PRIMARY KEY (job_pk, archive)
) STRICT;

CREATE TABLE IF NOT EXISTS steps (
    step_pk INTEGER PRIMARY KEY,
    job_pk INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,
    archive TEXT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    status TEXT NOT NULL,
    workout_ids TEXT NOT NULL,              -- JSON
    reason TEXT NOT NULL,
    UNIQUE (job_pk, archive, kind, subject)
) STRICT;
"""


def open_database(path: Path) -> sqlite3.Connection:
    """Open the ledger, made where there is none. Several processes may have it open.

    Losing the latest entries to a loss of power costs work done twice, never a sample: the spool is the one
    that must not forget. So commits do not wait for the disk.
    """
    # Mode 0600 from the start: titles and notes are personal.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > _VERSION:
        connection.close()
        raise sqlite3.DatabaseError(f"written by a newer pulsemesh-edge (format {version})")
    connection.executescript(f"BEGIN IMMEDIATE;{_TABLES}PRAGMA user_version = {_VERSION};COMMIT;")
    return connection
