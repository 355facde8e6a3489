"""The SQL of gear and its owners."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from pulsemesh.profile.v1 import gear_pb2
from services.chassis.database import insert_for
from services.profile.gear.assigning import Item
from services.profile.tables.gear import (
    gear,
    gear_owners,
    gear_reached,
    gear_requests,
    gear_service_records,
    gear_targets,
)

COMPONENT = int(gear_pb2.GEAR_KIND_COMPONENT)


def lock_owner(conn: Connection, user_id: str) -> None:
    """Wait until nobody else changes this person's gear, and keep others waiting until the commit."""
    conn.execute(insert_for(conn, gear_owners).on_conflict_do_nothing(), {"user_id": user_id})
    conn.execute(select(gear_owners).where(gear_owners.c.user_id == user_id).with_for_update()).one()


def find(conn: Connection, user_id: str, gear_id: str) -> Row[Any] | None:
    """Gear of this person that is not deleted."""
    return conn.execute(
        select(gear).where(gear.c.user_id == user_id, gear.c.gear_id == gear_id, gear.c.deleted_ms.is_(None))
    ).one_or_none()


def by_key(conn: Connection, user_id: str, gear_pk: int) -> Row[Any]:
    """Gear of this person by its key, deleted or not."""
    return conn.execute(select(gear).where(gear.c.user_id == user_id, gear.c.gear_pk == gear_pk)).one()


def live(conn: Connection, user_id: str, gear_pks: Collection[int]) -> dict[int, str]:
    """From keys to ids, of gear that is not deleted, in the order in which it was added."""
    query: Select[Any] = (
        select(gear.c.gear_pk, gear.c.gear_id)
        .where(gear.c.user_id == user_id, gear.c.gear_pk.in_(list(gear_pks)), gear.c.deleted_ms.is_(None))
        .order_by(gear.c.gear_pk)
    )
    return {row.gear_pk: row.gear_id for row in conn.execute(query)}


def ids(conn: Connection, user_id: str, gear_pks: Collection[int]) -> dict[int, str]:
    """From keys to ids, of deleted gear too."""
    rows = conn.execute(
        select(gear.c.gear_pk, gear.c.gear_id).where(
            gear.c.user_id == user_id, gear.c.gear_pk.in_(list(gear_pks))
        )
    )
    return {row.gear_pk: row.gear_id for row in rows}


def keys(conn: Connection, user_id: str, gear_ids: Collection[str]) -> dict[str, Row[Any]]:
    """From ids to rows, of gear that is not deleted."""
    rows = conn.execute(
        select(gear).where(
            gear.c.user_id == user_id, gear.c.gear_id.in_(list(gear_ids)), gear.c.deleted_ms.is_(None)
        )
    )
    return {row.gear_id: row for row in rows}


def count(conn: Connection, user_id: str) -> int:
    """How much gear a person has."""
    statement = (
        select(func.count()).select_from(gear).where(gear.c.user_id == user_id, gear.c.deleted_ms.is_(None))
    )
    return int(conn.execute(statement).scalar_one())


def page(
    conn: Connection,
    user_id: str,
    kinds: Sequence[int],
    *,
    with_retired: bool,
    after_pk: int,
    limit: int,
) -> list[Row[Any]]:
    """Gear in the order in which it was added, from after `after_pk` on."""
    query = select(gear).where(
        gear.c.user_id == user_id, gear.c.gear_pk > after_pk, gear.c.deleted_ms.is_(None)
    )
    if kinds:
        query = query.where(gear.c.kind.in_(kinds))
    if not with_retired:
        query = query.where(gear.c.retired_ms.is_(None))
    return list(conn.execute(query.order_by(gear.c.gear_pk).limit(limit)).all())


def add(conn: Connection, values: Mapping[str, Any]) -> Row[Any] | None:
    """Add gear; None when other gear of the person has that name."""
    statement = insert_for(conn, gear).values(**values).on_conflict_do_nothing().returning(gear)
    return conn.execute(statement).one_or_none()


def change(conn: Connection, gear_pk: int, values: Mapping[str, Any]) -> Row[Any] | None:
    """Change columns; None when other gear of the person has that name."""
    statement = update(gear).where(gear.c.gear_pk == gear_pk).values(**values).returning(gear)
    try:
        with conn.begin_nested():
            return conn.execute(statement).one()
    except IntegrityError:
        return None


def erase_words(conn: Connection, gear_pk: int, now_ms: int) -> None:
    """Leave of gear only what the history of other gear leans on: its key, its id and its kind."""
    for table in (gear_targets, gear_reached, gear_service_records):
        conn.execute(delete(table).where(table.c.gear_pk == gear_pk))
    conn.execute(
        update(gear)
        .where(gear.c.gear_pk == gear_pk)
        .values(
            name="",
            name_key=None,
            brand="",
            model="",
            purchased_on="",
            price_currency="",
            price_minor=0,
            weight_g=0,
            notes="",
            deleted_ms=now_ms,
            updated_ms=now_ms,
            version=gear.c.version + 1,
        )
    )


def items(conn: Connection, user_id: str) -> dict[int, Item]:
    """What workouts can be done with: all gear but components, deleted gear included, by its key."""
    query: Select[Any] = (
        select(gear.c.gear_pk, gear.c.kind, gear.c.name_key, gear.c.retired_ms, gear.c.deleted_ms)
        .where(gear.c.user_id == user_id, gear.c.kind != COMPONENT)
        .order_by(gear.c.gear_pk)
    )
    rows = conn.execute(query)
    return {row.gear_pk: Item(row.gear_pk, row.kind, row.name_key, _unused_from(row)) for row in rows}


def answered(conn: Connection, user_id: str, request_id: str) -> Row[Any] | None:
    """What a request of that id made."""
    return conn.execute(
        select(gear_requests).where(
            gear_requests.c.user_id == user_id, gear_requests.c.request_id == request_id
        )
    ).one_or_none()


def keep_answer(conn: Connection, values: Mapping[str, Any]) -> None:
    """Remember what a request made; the owner is locked."""
    conn.execute(insert(gear_requests), dict(values))


def forget_answers(conn: Connection, before_ms: int) -> int:
    """Forget answers that nobody will ask for again; how many there were."""
    return conn.execute(delete(gear_requests).where(gear_requests.c.answered_ms < before_ms)).rowcount


def _unused_from(row: Row[Any]) -> int | None:
    moments = [moment for moment in (row.retired_ms, row.deleted_ms) if moment is not None]
    return min(moments) if moments else None
