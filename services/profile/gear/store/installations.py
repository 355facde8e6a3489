"""The SQL of where components sit, and of the service log."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    delete,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from services.profile.tables.gear import gear_installations as installations
from services.profile.tables.gear import gear_service_records as records

Page = tuple[int, int] | None
"""Where the last page ended: a moment and a key; None: the beginning."""


def find(conn: Connection, user_id: str, installation_id: str) -> Row[Any] | None:
    """An installation of this person."""
    return conn.execute(
        select(installations).where(
            installations.c.user_id == user_id, installations.c.installation_id == installation_id
        )
    ).one_or_none()


def of_component(conn: Connection, component_pk: int) -> list[Row[Any]]:
    """All installations of a component, in the order of time."""
    query = select(installations).where(installations.c.component_pk == component_pk)
    return list(conn.execute(query.order_by(installations.c.from_ms)).all())


def places(conn: Connection, user_id: str, component_pks: Collection[int]) -> dict[int, int]:
    """From components to what they sit on now."""
    rows = conn.execute(
        select(installations.c.component_pk, installations.c.gear_pk).where(
            installations.c.user_id == user_id,
            installations.c.component_pk.in_(list(component_pks)),
            installations.c.until_ms.is_(None),
        )
    )
    return {row.component_pk: row.gear_pk for row in rows}


def components_on(conn: Connection, user_id: str, gear_pks: Collection[int]) -> set[int]:
    """Components that sit, or ever sat, on any of these."""
    query = select(installations.c.component_pk).where(
        installations.c.user_id == user_id, installations.c.gear_pk.in_(list(gear_pks))
    )
    return set(conn.execute(query.distinct()).scalars())


def add(conn: Connection, values: Mapping[str, Any]) -> Row[Any]:
    """Add an installation that overlaps no other of its component."""
    return conn.execute(insert(installations).values(**values).returning(installations)).one()


def change(conn: Connection, installation_pk: int, values: Mapping[str, Any]) -> Row[Any]:
    """Change columns of an installation."""
    return conn.execute(
        update(installations)
        .where(installations.c.installation_pk == installation_pk)
        .values(**values)
        .returning(installations)
    ).one()


def remove(conn: Connection, installation_pk: int) -> None:
    """Delete an installation."""
    conn.execute(delete(installations).where(installations.c.installation_pk == installation_pk))


def end_all_on(conn: Connection, user_id: str, gear_pk: int, now_ms: int) -> None:
    """Take off everything that sits on a piece of gear, or take it off what it sits on."""
    about = or_(installations.c.gear_pk == gear_pk, installations.c.component_pk == gear_pk)
    mine = and_(installations.c.user_id == user_id, installations.c.until_ms.is_(None), about)
    # What would begin later never began.
    conn.execute(delete(installations).where(mine, installations.c.from_ms >= now_ms))
    conn.execute(update(installations).where(mine).values(until_ms=now_ms))


def page(
    conn: Connection, user_id: str, gear_pk: int, *, current: bool, before: Page, limit: int
) -> list[Row[Any]]:
    """Where a component sat, or what sat on gear, the latest first."""
    query = select(installations).where(
        installations.c.user_id == user_id,
        or_(installations.c.gear_pk == gear_pk, installations.c.component_pk == gear_pk),
    )
    if current:
        query = query.where(installations.c.until_ms.is_(None))
    order = (installations.c.from_ms, installations.c.installation_pk)
    if before is not None:
        query = query.where(_before(order, before))
    return list(conn.execute(query.order_by(*(column.desc() for column in order)).limit(limit)).all())


def find_record(conn: Connection, user_id: str, record_id: str) -> Row[Any] | None:
    """A line of a service log of this person."""
    return conn.execute(
        select(records).where(records.c.user_id == user_id, records.c.record_id == record_id)
    ).one_or_none()


def add_record(conn: Connection, values: Mapping[str, Any]) -> Row[Any]:
    """Add a line to a service log."""
    return conn.execute(insert(records).values(**values).returning(records)).one()


def remove_record(conn: Connection, record_pk: int) -> None:
    """Delete a line of a service log."""
    conn.execute(delete(records).where(records.c.record_pk == record_pk))


def record_page(conn: Connection, user_id: str, gear_pk: int, before: Page, limit: int) -> list[Row[Any]]:
    """The service log of gear, the latest first."""
    query = select(records).where(records.c.user_id == user_id, records.c.gear_pk == gear_pk)
    order = (records.c.serviced_ms, records.c.record_pk)
    if before is not None:
        query = query.where(_before(order, before))
    return list(conn.execute(query.order_by(*(column.desc() for column in order)).limit(limit)).all())


def resets(conn: Connection, gear_pks: Collection[int]) -> list[Row[Any]]:
    """When targets of these were reset: rows of gear_pk, serviced_ms, resets."""
    query: Select[Any] = select(records.c.gear_pk, records.c.serviced_ms, records.c.resets).where(
        records.c.gear_pk.in_(list(gear_pks)), records.c.resets != 0
    )
    return list(conn.execute(query).all())


def _before(order: tuple[Any, Any], before: tuple[int, int]) -> ColumnElement[bool]:
    return tuple_(*order) < tuple_(*before)
