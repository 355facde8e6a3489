"""SQL of the device files that were looked at. Runs inside a transaction of the spool's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from ingest_edge.spool.records import SeenFile

_COLUMNS = "path, size_bytes, modified_ns, outcome, reason"
_KEPT = 50_000


def put(connection: sqlite3.Connection, seen: SeenFile, now_ms: int) -> None:
    """Remember what became of a file; the newest word counts. Old entries are forgotten in the end."""
    connection.execute(
        f"INSERT OR REPLACE INTO seen_files ({_COLUMNS}, at_ms) VALUES (?,?,?,?,?,?)",
        (seen.path, seen.size_bytes, seen.modified_ns, seen.outcome, seen.reason, now_ms),
    )
    count = connection.execute("SELECT count(*) FROM seen_files").fetchone()[0]
    if count > _KEPT:
        connection.execute(
            "DELETE FROM seen_files WHERE path IN (SELECT path FROM seen_files ORDER BY at_ms LIMIT ?)",
            (count - _KEPT,),
        )


def get(connection: sqlite3.Connection, path: str) -> SeenFile | None:
    """What became of a file, or None."""
    row = connection.execute(f"SELECT {_COLUMNS} FROM seen_files WHERE path = ?", (path,)).fetchone()
    return None if row is None else SeenFile(*row)


def with_reason(connection: sqlite3.Connection) -> Iterator[SeenFile]:
    """Files that could not be imported, the latest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM seen_files WHERE outcome IN ('unreadable', 'failed') ORDER BY at_ms DESC"
    )
    return (SeenFile(*row) for row in rows.fetchall())
