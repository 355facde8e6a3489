"""The history of what a body is known to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, or_, select

from services.chassis.database import insert_for
from services.profile.tables import physiology, physiology_versions

FIRST_OF_OURS = 100
"""Quantities from here on are kept here; those before are thresholds, kept by the workout service."""


@dataclass(frozen=True, slots=True)
class Told:
    """From a day on a quantity has a value; sport 0: for all that have no value of their own."""

    quantity: int
    sport: int
    from_day: int
    value: float


def history(conn: Connection, user_id: str, quantities: Sequence[int] = ()) -> list[Told]:
    """All that was told of these quantities, or of all, in no order."""
    query = select(
        physiology.c.quantity, physiology.c.sport, physiology.c.from_day, physiology.c.value
    ).where(physiology.c.user_id == user_id)
    if quantities:
        query = query.where(physiology.c.quantity.in_(list(quantities)))
    return [Told(*row) for row in conn.execute(query)]


def page(
    conn: Connection,
    user_id: str,
    quantities: Sequence[int],
    after: tuple[int, int, int] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """At most `limit` values, the latest day first, beyond (day, quantity, sport)."""
    table = physiology.c
    query: Select[Any] = select(physiology).where(table.user_id == user_id)
    if quantities:
        query = query.where(table.quantity.in_(list(quantities)))
    if after is not None:
        day, quantity, sport = after
        same_day = table.from_day == day
        same_quantity = same_day & (table.quantity == quantity)
        query = query.where(
            or_(
                table.from_day < day,
                same_day & (table.quantity > quantity),
                same_quantity & (table.sport > sport),
            )
        )
    return conn.execute(query.order_by(table.from_day.desc(), table.quantity, table.sport).limit(limit)).all()


def tell(conn: Connection, user_id: str, entries: Sequence[Told]) -> None:
    """Keep entries; one of the same quantity, sport and day is replaced."""
    for entry in entries:
        new = insert_for(conn, physiology).values(
            user_id=user_id,
            quantity=entry.quantity,
            sport=entry.sport,
            from_day=entry.from_day,
            value=entry.value,
        )
        conn.execute(
            new.on_conflict_do_update(
                index_elements=["user_id", "quantity", "sport", "from_day"],
                set_={"value": new.excluded.value},
            )
        )


def take_back(conn: Connection, user_id: str, quantity: int, sport: int, from_day: int) -> bool:
    """Forget what was told of a day; False when nothing had been."""
    table = physiology.c
    return bool(
        conn.execute(
            delete(physiology).where(
                table.user_id == user_id,
                table.quantity == quantity,
                table.sport == sport,
                table.from_day == from_day,
            )
        ).rowcount
    )


def replace_thresholds(conn: Connection, user_id: str, version: int, entries: Sequence[Told]) -> bool:
    """Make the copy of the thresholds these, unless it is of that version or a later one already."""
    conn.execute(
        insert_for(conn, physiology_versions).values(user_id=user_id, version=0).on_conflict_do_nothing()
    )
    kept = conn.execute(
        select(physiology_versions.c.version)
        .where(physiology_versions.c.user_id == user_id)
        .with_for_update()
    ).scalar_one()
    if kept >= version:
        return False
    conn.execute(
        physiology_versions.update().where(physiology_versions.c.user_id == user_id).values(version=version)
    )
    conn.execute(
        delete(physiology).where(physiology.c.user_id == user_id, physiology.c.quantity < FIRST_OF_OURS)
    )
    if entries:
        rows = [
            {
                "user_id": user_id,
                "quantity": entry.quantity,
                "sport": entry.sport,
                "from_day": entry.from_day,
                "value": entry.value,
            }
            for entry in entries
        ]
        conn.execute(insert(physiology), rows)
    return True
