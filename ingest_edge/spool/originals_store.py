"""SQL of the original files that wait to be uploaded. Runs inside a transaction of the spool's thread."""

from __future__ import annotations

import sqlite3

from ingest_edge.spool.records import Original, SpooledOriginal

WAITING = "waiting"
FAILED = "failed"


def enqueue(connection: sqlite3.Connection, original: Original) -> None:
    """Queue a file, or queue it again."""
    connection.execute(
        "INSERT INTO originals (sha256, path, name, size_bytes, recording_id, members, state) "
        "VALUES (?,?,?,?,?,?,?) ON CONFLICT (sha256) DO UPDATE SET path = excluded.path, "
        "members = excluded.members, name = excluded.name, "
        "recording_id = excluded.recording_id, state = excluded.state, failure = ''",
        (
            original.sha256,
            original.path,
            original.name,
            original.size_bytes,
            original.recording_id,
            original.members,
            WAITING,
        ),
    )


def settle(connection: sqlite3.Connection, sha256: str, failure: str) -> None:
    """Note that a file was uploaded or, with a reason, that it never will be. Uploaded ones are forgotten."""
    if failure:
        connection.execute(
            "UPDATE originals SET state = ?, failure = ? WHERE sha256 = ?", (FAILED, failure, sha256)
        )
    else:
        connection.execute("DELETE FROM originals WHERE sha256 = ?", (sha256,))


def in_state(connection: sqlite3.Connection, state: str) -> list[SpooledOriginal]:
    """Files in this state, the oldest first."""
    rows = connection.execute(
        "SELECT path, name, sha256, size_bytes, recording_id, members, state, failure FROM originals "
        "WHERE state = ? ORDER BY original_pk",
        (state,),
    )
    return [SpooledOriginal(Original(*row[:6]), row[6], row[7]) for row in rows]


def retry_failed(connection: sqlite3.Connection) -> None:
    """Put the failed ones back into the queue."""
    connection.execute("UPDATE originals SET state = ?, failure = '' WHERE state = ?", (WAITING, FAILED))
