"""Spools of earlier versions are brought up to date when they are opened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ingest_edge.spool import Original, originals_store, schema


def test_a_spool_of_version_1_keeps_its_originals(tmp_path: Path) -> None:
    path = tmp_path / schema.DATABASE_NAME
    schema.open_database(path, 1 << 30).close()
    old = sqlite3.connect(path)
    old.executescript("ALTER TABLE originals DROP COLUMN members; PRAGMA user_version = 1;")
    old.execute(
        "INSERT INTO originals (sha256, path, name, size_bytes, recording_id, state) "
        "VALUES ('ab', '/a.fit', 'a.fit', 3, 'R', 'waiting')"
    )
    old.commit()
    old.close()
    connection = schema.open_database(path, 1 << 30)
    (waiting,) = originals_store.in_state(connection, originals_store.WAITING)
    connection.close()
    assert waiting.original == Original("/a.fit", "a.fit", "ab", 3, "R", "")
