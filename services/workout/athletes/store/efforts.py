"""Best efforts and records, as they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, func, select

from services.workout.tables import curves, efforts, records, workouts


def all_records(
    conn: Connection, user_id: str, sports: Sequence[int], kinds: Sequence[str]
) -> Sequence[Row[Any]]:
    """A person's records with their efforts and `workout_id`, each sport and kind from the first on."""
    query = (
        select(efforts, workouts.c.workout_id)
        .select_from(records)
        .join(
            efforts,
            (efforts.c.workout_pk == records.c.workout_pk)
            & (efforts.c.sport == records.c.sport)
            & (efforts.c.kind == records.c.kind),
        )
        .join(workouts, workouts.c.workout_pk == records.c.workout_pk)
        .where(records.c.user_id == user_id)
        .order_by(records.c.start_ms, records.c.workout_pk)
    )
    if sports:
        query = query.where(records.c.sport.in_(sorted(set(sports))))
    if kinds:
        query = query.where(records.c.kind.in_(sorted(set(kinds))))
    return conn.execute(query).all()


def best_between(
    conn: Connection, user_id: str, sport: int, prefix: str, within_ms: tuple[int, int]
) -> list[Row[Any]]:
    """Of each kind that begins with `prefix` the best effort of workouts that started in [start, end)."""
    start_ms, end_ms = within_ms
    among = (
        (efforts.c.user_id == user_id)
        & (efforts.c.sport == sport)
        & (efforts.c.start_ms >= start_ms)
        & (efforts.c.start_ms < end_ms)
        & efforts.c.kind.startswith(prefix, autoescape=True)
    )
    best = select(efforts.c.kind, func.max(efforts.c.score).label("score")).where(among)
    best_of = best.group_by(efforts.c.kind).subquery()
    rows = conn.execute(
        select(efforts, workouts.c.workout_id)
        .join(best_of, (best_of.c.kind == efforts.c.kind) & (best_of.c.score == efforts.c.score))
        .join(workouts, workouts.c.workout_pk == efforts.c.workout_pk)
        .where(among)
        .order_by(efforts.c.start_ms.desc(), efforts.c.workout_pk.desc())
    )
    return list({row.kind: row for row in rows}.values())  # the first of equals


def curves_between(
    conn: Connection, user_id: str, channel: int, sports: Sequence[int], within_ms: tuple[int, int]
) -> list[tuple[str, bytes]]:
    """`workout_id` and `payload` of the curves of workouts that started in [start, end), in their order."""
    start_ms, end_ms = within_ms
    query = (
        select(workouts.c.workout_id, curves.c.payload)
        .join(workouts, workouts.c.workout_pk == curves.c.workout_pk)
        .where(
            curves.c.user_id == user_id,
            curves.c.channel == channel,
            curves.c.start_ms >= start_ms,
            curves.c.start_ms < end_ms,
        )
        .order_by(curves.c.start_ms, curves.c.workout_pk)
    )
    if sports:
        query = query.where(curves.c.sport.in_(sorted(set(sports))))
    return [(workout_id, bytes(payload)) for workout_id, payload in conn.execute(query)]
