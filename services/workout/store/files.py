"""Original files, in parts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from services.chassis.database import insert_for
from services.workout.tables import file_parts, files, recordings

_file: Select[Any] = select(files, func.coalesce(recordings.c.workout_id, "").label("workout_id")).join(
    recordings,
    (recordings.c.user_id == files.c.user_id) & (recordings.c.recording_id == files.c.recording_id),
    isouter=True,
)


def find(conn: Connection, user_id: str, file_id: str) -> Row[Any] | None:
    """The file of that id of that person, with `workout_id` (empty: none yet)."""
    return conn.execute(_file.where(files.c.user_id == user_id, files.c.file_id == file_id)).one_or_none()


def find_by_content(conn: Connection, user_id: str, sha256: str) -> Row[Any] | None:
    """The same, by the SHA-256 of its content."""
    return conn.execute(_file.where(files.c.user_id == user_id, files.c.sha256 == sha256)).one_or_none()


def link_to_recording(conn: Connection, file_id: str, recording_id: str) -> None:
    """Say which recording was read from a file that was only kept until now."""
    conn.execute(
        update(files)
        .where(files.c.file_id == file_id, files.c.recording_id == "")
        .values(recording_id=recording_id)
    )


def add(
    conn: Connection,
    *,
    file_id: str,
    user_id: str,
    sha256: str,
    name: str,
    size_bytes: int,
    recording_id: str,
    now_ms: int,
) -> bool:
    """Add a file without its parts; False when the person has the same content already."""
    statement = (
        insert_for(conn, files)
        .values(
            file_id=file_id,
            user_id=user_id,
            sha256=sha256,
            name=name,
            size_bytes=size_bytes,
            recording_id=recording_id,
            uploaded_ms=now_ms,
        )
        .on_conflict_do_nothing()
        .returning(files.c.file_id)
    )
    return conn.execute(statement).first() is not None


def add_part(conn: Connection, file_id: str, ordinal: int, content: bytes) -> None:
    """Add the part of that ordinal, counted from 0."""
    conn.execute(insert(file_parts).values(file_id=file_id, ordinal=ordinal, content=content))


def part(conn: Connection, file_id: str, ordinal: int) -> bytes | None:
    """The part of that ordinal; None beyond the last."""
    content = conn.execute(
        select(file_parts.c.content).where(file_parts.c.file_id == file_id, file_parts.c.ordinal == ordinal)
    ).scalar_one_or_none()
    return None if content is None else bytes(content)


def delete_of_recording(conn: Connection, user_id: str, recording_id: str) -> None:
    """Delete the files that a recording was read from, with their parts (the key cascades)."""
    conn.execute(delete(files).where(files.c.user_id == user_id, files.c.recording_id == recording_id))
