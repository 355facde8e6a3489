"""Personal records: for each sport and kind, the efforts that were better than all before them.

They are kept, not derived, because deriving them means to go through every effort there ever was. A workout
that comes is compared with the best before it, and what it beats among the later ones goes; of one that
leaves, the efforts between it and the next record are looked through. Order is that of the workouts' starts,
so that it does not matter when a workout arrives. Callers hold the athlete's lock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, func, insert, or_, select

from services.workout.tables import efforts, records


def add(conn: Connection, user_id: str, new: Sequence[Mapping[str, Any]]) -> None:
    """Efforts of one workout came: `new` are rows of `efforts`, at most one a sport and kind."""
    if not new:
        return
    first = new[0]
    best = {
        (row.sport, row.kind): row.score
        for row in conn.execute(
            # Scores of records only grow, so the best before is the last before.
            select(records.c.sport, records.c.kind, func.max(records.c.score).label("score"))
            .where(
                records.c.user_id == user_id,
                records.c.sport.in_(sorted({effort["sport"] for effort in new})),
                _before(records, first["start_ms"], first["workout_pk"]),
            )
            .group_by(records.c.sport, records.c.kind)
        )
    }
    better = [
        effort for effort in new if effort["score"] > best.get((effort["sport"], effort["kind"]), -math.inf)
    ]
    for effort in better:
        conn.execute(
            delete(records).where(
                records.c.user_id == user_id,
                records.c.sport == effort["sport"],
                records.c.kind == effort["kind"],
                _after(records, effort["start_ms"], effort["workout_pk"]),
                records.c.score <= effort["score"],
            )
        )
    _insert(conn, better)


def remove(conn: Connection, user_id: str, workout_pk: int) -> None:
    """A workout leaves; its rows of `efforts` are gone already."""
    held = conn.execute(select(records).where(records.c.workout_pk == workout_pk)).all()
    if not held:
        return
    conn.execute(delete(records).where(records.c.workout_pk == workout_pk))
    for record in held:
        _insert(conn, _successors(conn, user_id, record))


def _successors(conn: Connection, user_id: str, record: Row[Any]) -> list[dict[str, Any]]:
    """The efforts that only this record kept from being records."""
    same = and_(records.c.user_id == user_id, records.c.sport == record.sport, records.c.kind == record.kind)
    best = conn.execute(
        select(func.max(records.c.score)).where(same, _before(records, record.start_ms, record.workout_pk))
    ).scalar_one()
    following = conn.execute(
        select(records.c.start_ms, records.c.workout_pk)
        .where(same, _after(records, record.start_ms, record.workout_pk))
        .order_by(records.c.start_ms, records.c.workout_pk)
        .limit(1)
    ).one_or_none()
    between = select(efforts).where(
        efforts.c.user_id == user_id,
        efforts.c.sport == record.sport,
        efforts.c.kind == record.kind,
        _after(efforts, record.start_ms, record.workout_pk),
    )
    if best is not None:
        between = between.where(efforts.c.score > best)
    if following is not None:
        between = between.where(_before(efforts, following.start_ms, following.workout_pk))
    found: list[dict[str, Any]] = []
    for effort in conn.execute(between.order_by(efforts.c.start_ms, efforts.c.workout_pk)):
        if best is None or effort.score > best:
            best = effort.score
            found.append(dict(effort._mapping))
    return found


def _insert(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    names = [column.name for column in records.columns]
    if rows:
        conn.execute(insert(records), [{name: row[name] for name in names} for row in rows])


def _before(table: Any, start_ms: int, workout_pk: int) -> Any:
    return or_(
        table.c.start_ms < start_ms, and_(table.c.start_ms == start_ms, table.c.workout_pk < workout_pk)
    )


def _after(table: Any, start_ms: int, workout_pk: int) -> Any:
    return or_(
        table.c.start_ms > start_ms, and_(table.c.start_ms == start_ms, table.c.workout_pk > workout_pk)
    )
