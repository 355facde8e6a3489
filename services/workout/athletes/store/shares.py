"""Each workout's share of its athlete's numbers, kept up to date as workouts come, change and go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select

from services.workout.athletes.shares import Share
from services.workout.athletes.store import records, settings
from services.workout.tables import curves, efforts, loads


def replace(conn: Connection, share: Share) -> None:
    """Put the workout's share in place of what it was; what did not change is not written."""
    settings.lock(conn, share.user_id)
    _put(conn, loads, share.workout_pk, [share.load])
    _put(conn, curves, share.workout_pk, share.curves)
    old = _rows(conn, efforts, share.workout_pk)
    if _by_key(old) == _by_key(share.efforts):
        return  # as nearly always when thresholds change
    conn.execute(delete(efforts).where(efforts.c.workout_pk == share.workout_pk))
    records.remove(conn, share.user_id, share.workout_pk)
    if share.efforts:
        conn.execute(insert(efforts), list(share.efforts))
    records.add(conn, share.user_id, share.efforts)


def remove(conn: Connection, user_id: str, workout_pk: int) -> None:
    """Take the workout's share out. The workout's row is locked, so none is put in meanwhile."""
    if not _rows(conn, loads, workout_pk):
        return
    settings.lock(conn, user_id)
    for table in (loads, curves, efforts):
        conn.execute(delete(table).where(table.c.workout_pk == workout_pk))
    records.remove(conn, user_id, workout_pk)


def _put(conn: Connection, table: Table, workout_pk: int, rows: Sequence[dict[str, Any]]) -> None:
    old = _rows(conn, table, workout_pk)
    if len(old) == len(rows) and all(row in old for row in rows):
        return
    if old:
        conn.execute(delete(table).where(table.c.workout_pk == workout_pk))
    if rows:
        conn.execute(insert(table), list(rows))


def _rows(conn: Connection, table: Table, workout_pk: int) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in conn.execute(select(table).where(table.c.workout_pk == workout_pk))]


def _by_key(rows: Sequence[dict[str, Any]]) -> dict[tuple[int, str], dict[str, Any]]:
    return {(row["sport"], row["kind"]): row for row in rows}
