"""The SQL of wear targets."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, select, update

from services.chassis.database import insert_for
from services.profile.tables.gear import gear, gear_installations, gear_reached, gear_targets


def targets(conn: Connection, gear_pks: Collection[int]) -> list[Row[Any]]:
    """The targets of these, in the order of gear and metric."""
    return list(
        conn.execute(
            select(gear_targets)
            .where(gear_targets.c.gear_pk.in_(list(gear_pks)))
            .order_by(gear_targets.c.gear_pk, gear_targets.c.metric)
        ).all()
    )


def in_use(conn: Connection, user_id: str) -> list[Row[Any]]:
    """The gear of a person that has targets and is neither retired nor deleted."""
    with_targets = select(gear_targets.c.gear_pk).where(gear_targets.c.user_id == user_id)
    return list(
        conn.execute(
            select(gear)
            .where(
                gear.c.user_id == user_id,
                gear.c.gear_pk.in_(with_targets),
                gear.c.retired_ms.is_(None),
                gear.c.deleted_ms.is_(None),
            )
            .order_by(gear.c.gear_pk)
        ).all()
    )


def put(
    conn: Connection, user_id: str, gear_pk: int, metric: int, *, limit_value: int, counted_from_ms: int
) -> None:
    """Set a target in place of an earlier one."""
    values = {"limit_value": limit_value, "counted_from_ms": counted_from_ms, "due_ms": None}
    conn.execute(
        insert_for(conn, gear_targets)
        .values(gear_pk=gear_pk, metric=metric, user_id=user_id, **values)
        .on_conflict_do_update(index_elements=["gear_pk", "metric"], set_=values)
    )


def remove(conn: Connection, gear_pk: int, metric: int) -> bool:
    """Take a target away; False when there is none."""
    mine = (gear_targets.c.gear_pk == gear_pk, gear_targets.c.metric == metric)
    return conn.execute(delete(gear_targets).where(*mine)).rowcount > 0


def set_due(conn: Connection, gear_pk: int, metric: int, due_ms: int | None) -> None:
    """Note when age alone brings a target to its next step."""
    conn.execute(
        update(gear_targets)
        .where(gear_targets.c.gear_pk == gear_pk, gear_targets.c.metric == metric)
        .values(due_ms=due_ms)
    )


def due(conn: Connection, now_ms: int, limit: int) -> list[Row[Any]]:
    """Whose gear has come to a step by age: rows of user_id and gear_pk, the longest due first."""
    query: Select[Any] = (
        select(gear_targets.c.user_id, gear_targets.c.gear_pk)
        .where(gear_targets.c.due_ms <= now_ms)
        .order_by(gear_targets.c.due_ms)
        .limit(limit)
    )
    return list(conn.execute(query).all())


def settle_due(conn: Connection, gear_pk: int, now_ms: int) -> None:
    """Note that a piece of gear was looked at for what was due by now."""
    conn.execute(
        update(gear_targets)
        .where(gear_targets.c.gear_pk == gear_pk, gear_targets.c.due_ms <= now_ms)
        .values(due_ms=None)
    )


def note_reached(conn: Connection, user_id: str, target: Row[Any], cycle_ms: int, step_percent: int) -> bool:
    """Note that a step was reached; False when that was noted before."""
    statement = (
        insert_for(conn, gear_reached)
        .values(
            gear_pk=target.gear_pk,
            metric=target.metric,
            limit_value=target.limit_value,
            cycle_ms=cycle_ms,
            step_percent=step_percent,
            user_id=user_id,
        )
        .on_conflict_do_nothing()
        .returning(gear_reached.c.step_percent)
    )
    return conn.execute(statement).first() is not None


def first_installed(conn: Connection, component_pks: Collection[int]) -> dict[int, int]:
    """From components to when they were first put on anything."""
    query = (
        select(gear_installations.c.component_pk, func.min(gear_installations.c.from_ms))
        .where(gear_installations.c.component_pk.in_(list(component_pks)))
        .group_by(gear_installations.c.component_pk)
    )
    return {row[0]: row[1] for row in conn.execute(query)}
