"""The SQL of corrections: what was recorded moves aside, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, insert, select, update

from services.workout.store import workouts as workout_store
from services.workout.tables import (
    chunks,
    overviews,
    recorded_chunks,
    recordings,
    revisions,
    sources,
    workouts,
)

KEPT = ("document", "start_ms", "end_ms", "elapsed_s", "distance_m")
"""Columns of `workouts` that follow from the samples."""


@dataclass(frozen=True, slots=True)
class StoredWorkout:
    """A workout with all that it is computed of.

    Attributes:
        row: as `store.workouts.find` gives it.
        sources: rows in the order of their keys.
        payloads: of each source by its key; as recorded, or as it is now, as was asked for.
        revision: how it differs from what was recorded; None when it does not.
    """

    row: Row[Any]
    recording: Row[Any]
    sources: tuple[Row[Any], ...]
    payloads: Mapping[int, Sequence[bytes]]
    revision: Row[Any] | None


def load(conn: Connection, user_id: str, workout_id: str, *, recorded: bool) -> StoredWorkout | None:
    """The workout of that id of that person, with its samples as recorded or as they are now."""
    row = workout_store.find(conn, user_id, workout_id)
    if row is None:
        return None
    recording = conn.execute(select(recordings).where(recordings.c.recording_pk == row.recording_pk)).one()
    found = tuple(
        conn.execute(
            select(sources).where(sources.c.recording_pk == row.recording_pk).order_by(sources.c.source_pk)
        ).all()
    )
    revision = find(conn, row.workout_pk)
    table = recorded_chunks if recorded and revision is not None else chunks
    return StoredWorkout(row, recording, found, _payloads(conn, table, found), revision)


def find(conn: Connection, workout_pk: int) -> Row[Any] | None:
    """How the workout differs from what was recorded; None when it does not."""
    return conn.execute(select(revisions).where(revisions.c.workout_pk == workout_pk)).one_or_none()


def put(
    conn: Connection,
    stored: StoredWorkout,
    description: bytes,
    chunk_rows: Sequence[Mapping[str, Any]],
    now_ms: int,
) -> None:
    """Put corrected samples in the place of the present ones; the workout is locked.

    The first time what was recorded moves aside. The workout's own row is not touched.
    """
    keys = [source.source_pk for source in stored.sources]
    if stored.revision is None:
        kept = {name: getattr(stored.row, name) for name in KEPT}
        conn.execute(
            insert(revisions).values(
                workout_pk=stored.row.workout_pk, description=description, revised_ms=now_ms, **kept
            )
        )
        _copy(conn, chunks, recorded_chunks, keys)
    else:
        conn.execute(
            update(revisions)
            .where(revisions.c.workout_pk == stored.row.workout_pk)
            .values(description=description, revised_ms=now_ms)
        )
    conn.execute(delete(chunks).where(chunks.c.source_pk.in_(keys)))
    if chunk_rows:
        conn.execute(insert(chunks), [dict(row) for row in chunk_rows])
    forget_overviews(conn, stored.row.workout_pk)


def take_back(conn: Connection, workout_pk: int, recording_pk: int) -> None:
    """Move what was recorded back; the workout is locked. Its own row is not touched."""
    keys = list(
        conn.execute(select(sources.c.source_pk).where(sources.c.recording_pk == recording_pk)).scalars()
    )
    conn.execute(delete(chunks).where(chunks.c.source_pk.in_(keys)))
    _copy(conn, recorded_chunks, chunks, keys)
    conn.execute(delete(recorded_chunks).where(recorded_chunks.c.source_pk.in_(keys)))
    conn.execute(delete(revisions).where(revisions.c.workout_pk == workout_pk))
    forget_overviews(conn, workout_pk)


def forget_overviews(conn: Connection, workout_pk: int) -> None:
    """The samples changed: what was computed of them is void."""
    conn.execute(delete(overviews).where(overviews.c.workout_pk == workout_pk))


def hide(conn: Connection, workout_pks: Sequence[int], *, hidden: bool, now_ms: int) -> None:
    """Hide workouts that are locked, or show them again; a new version either way."""
    conn.execute(
        update(workouts)
        .where(workouts.c.workout_pk.in_(workout_pks))
        .values(hidden=hidden, version=workouts.c.version + 1, updated_ms=now_ms)
    )


def _copy(conn: Connection, origin: Table, target: Table, keys: Sequence[int]) -> None:
    names = [column.name for column in origin.c]
    rows = select(*(origin.c[name] for name in names)).where(origin.c.source_pk.in_(keys))
    conn.execute(insert(target).from_select(names, rows))


def _payloads(conn: Connection, table: Table, found: Sequence[Row[Any]]) -> dict[int, list[bytes]]:
    payloads: dict[int, list[bytes]] = {source.source_pk: [] for source in found}
    rows = conn.execute(
        select(table.c.source_pk, table.c.payload)
        .where(table.c.source_pk.in_(list(payloads)))
        .order_by(table.c.source_pk, table.c.ordinal)
    )
    for source_pk, payload in rows:
        payloads[source_pk].append(bytes(payload))
    return payloads
