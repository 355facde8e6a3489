"""Failures that weigh still, in the database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from services.auth.tables import throttles
from services.chassis.database import insert_for


@dataclass(frozen=True, slots=True)
class Weight:
    """What is known of a subject."""

    weight_milli: int = 0
    failed_ms: int = 0
    blocked_until_ms: int = 0


def lock(conn: Connection, subject_mac: bytes) -> Weight:
    """What is known; nobody else changes it until the commit."""
    # The row must exist to be locked.
    values = {"subject_mac": subject_mac, "weight_milli": 0, "failed_ms": 0, "blocked_until_ms": 0}
    conn.execute(insert_for(conn, throttles).values(values).on_conflict_do_nothing())
    row = conn.execute(
        select(throttles).where(throttles.c.subject_mac == subject_mac).with_for_update()
    ).one()
    return Weight(row.weight_milli, row.failed_ms, row.blocked_until_ms)


def put(conn: Connection, subject_mac: bytes, weight: Weight) -> None:
    """Keep what is known."""
    values = {name: getattr(weight, name) for name in Weight.__slots__}
    statement = insert_for(conn, throttles).values(subject_mac=subject_mac, **values)
    conn.execute(statement.on_conflict_do_update(index_elements=["subject_mac"], set_=values))


def remove(conn: Connection, subject_mac: bytes) -> None:
    """Forget a subject."""
    conn.execute(delete(throttles).where(throttles.c.subject_mac == subject_mac))


def forget(conn: Connection, before_ms: int) -> int:
    """Drop what has decayed."""
    table = throttles
    return conn.execute(
        delete(table).where(table.c.failed_ms < before_ms, table.c.blocked_until_ms < before_ms)
    ).rowcount
