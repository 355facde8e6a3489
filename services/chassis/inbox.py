"""Which events a consumer has handled: recorded in the transaction of the effect, so a repeat has none."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sqlalchemy import BigInteger, Column, Connection, Index, String, Table, delete, select

from services.chassis.database import insert_for, personal
from services.chassis.outbox import metadata

inbox = Table(
    "inbox",
    metadata,
    Column("consumer", String(100), primary_key=True, info=personal("none")),
    Column("event_id", String(26), primary_key=True, info=personal("none")),
    Column("handled_ms", BigInteger, nullable=False, info=personal("none")),
    Index("inbox_handled_ms", "handled_ms"),
)

_CHUNK = 500


def record(connection: Connection, consumer: str, event_ids: Sequence[str]) -> set[str]:
    """Store function: note that `consumer` handles these events now; returns those that are new to it."""
    if not event_ids:
        return set()
    now = time.time_ns() // 1_000_000
    unique = sorted(set(event_ids))  # one order for all, so that two transactions cannot deadlock
    rows = [{"consumer": consumer, "event_id": event_id, "handled_ms": now} for event_id in unique]
    statement = insert_for(connection, inbox).on_conflict_do_nothing().returning(inbox.c.event_id)
    return set(connection.execute(statement, rows).scalars())


def forget_since(connection: Connection, consumer: str, since_ms: int) -> int:
    """Store function: let `consumer` handle again what it handled since `since_ms`; returns how many."""
    condition = (inbox.c.consumer == consumer) & (inbox.c.handled_ms >= since_ms)
    return connection.execute(delete(inbox).where(condition)).rowcount


def prune(connection: Connection, before_ms: int, limit: int = _CHUNK) -> int:
    """Store function: drop up to `limit` records older than `before_ms`; returns how many went.

    Choose an age well beyond the bus's retention: a repeat that comes later than that would have an effect.
    """
    oldest = (
        select(inbox.c.consumer, inbox.c.event_id)
        .where(inbox.c.handled_ms < before_ms)
        .order_by(inbox.c.handled_ms)
        .limit(limit)
        .subquery()
    )
    same = (inbox.c.consumer == oldest.c.consumer) & (inbox.c.event_id == oldest.c.event_id)
    return connection.execute(delete(inbox).where(select(1).where(same).exists())).rowcount
