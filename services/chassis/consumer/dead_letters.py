"""Events that a consumer could not handle, kept in its own database until somebody decides.

In the database, not on the bus: erasure and export reach them there, and handling one again and forgetting it
is one transaction.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    delete,
    select,
)

from pulsemesh.event.v1.envelope_pb2 import Envelope
from services.chassis.database import insert_for, personal
from services.chassis.outbox import metadata

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("consumer", String(100), primary_key=True, info=personal("none")),
    Column("event_id", String(26), primary_key=True, info=personal("none")),
    Column("type", String(200), nullable=False, info=personal("none")),
    Column("subject", String(64), nullable=False, index=True, info=personal("identity")),
    Column("envelope", LargeBinary, nullable=False, info=personal("identity")),
    Column("reason", Text, nullable=False, info=personal("content")),
    Column("attempts", Integer, nullable=False, info=personal("none")),
    Column("parked_ms", BigInteger, nullable=False, info=personal("none")),
)

MAX_REASON_CHARS = 2_000


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that was given up, why, after how many attempts and when (Unix ms)."""

    consumer: str
    envelope: Envelope
    reason: str
    attempts: int
    parked_ms: int


def park(connection: Connection, consumer: str, envelope: Envelope, reason: str, attempts: int) -> None:
    """Store function: keep the event; a repeat changes nothing."""
    statement = insert_for(connection, dead_letter).on_conflict_do_nothing()
    row = {
        "consumer": consumer,
        "event_id": envelope.event_id,
        "type": envelope.type,
        "subject": envelope.subject,
        "envelope": envelope.SerializeToString(),
        "reason": reason[:MAX_REASON_CHARS],
        "attempts": attempts,
        "parked_ms": time.time_ns() // 1_000_000,
    }
    connection.execute(statement, row)


def parked(connection: Connection, consumer: str, limit: int = 100) -> list[DeadLetter]:
    """Store function: the oldest dead letters of `consumer`, in the order of their events."""
    statement = (
        select(dead_letter)
        .where(dead_letter.c.consumer == consumer)
        .order_by(dead_letter.c.event_id)
        .limit(limit)
    )
    return [
        DeadLetter(row.consumer, Envelope.FromString(row.envelope), row.reason, row.attempts, row.parked_ms)
        for row in connection.execute(statement)
    ]


def discard(connection: Connection, consumer: str, event_ids: Sequence[str]) -> int:
    """Store function: give these up for good; returns how many there were."""
    condition = (dead_letter.c.consumer == consumer) & dead_letter.c.event_id.in_(event_ids)
    return connection.execute(delete(dead_letter).where(condition)).rowcount
