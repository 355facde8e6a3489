"""Events leave through a row in the transaction that caused them; the relay carries them to the bus.

Rows are read in the order of their ids and deleted once published, never skipped by a cursor, so ids that
commit out of order lose nothing. The order is right too: when one transaction could see the effect of
another,
the other had committed, so its rows had lower ids and are visible to every reader that sees the later ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    delete,
    func,
    select,
)

from pulsemesh.event.v1.envelope_pb2 import Envelope
from services.chassis.database import personal, raise_signal

APPENDED = "outbox-appended"
"""The signal after a commit with new rows: `database.on_signal(APPENDED, relay.wake)`."""

metadata = MetaData()
"""The tables that the chassis keeps in every service's schema: outbox, inbox and dead_letter."""

outbox = Table(
    "outbox",
    metadata,
    Column(
        "id",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
        info=personal("none"),
    ),
    Column("envelope", LargeBinary, nullable=False, info=personal("identity")),
    Column("appended_ms", BigInteger, nullable=False, info=personal("none")),
    sqlite_autoincrement=True,  # an id is never used twice, although rows are deleted
)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A row that waits: its id and the event."""

    id: int
    envelope: Envelope


def append(connection: Connection, *envelopes: Envelope) -> None:
    """Store function: publish these events, in this order, if and only if the transaction commits."""
    append_all(connection, envelopes)


def append_all(connection: Connection, envelopes: Iterable[Envelope]) -> None:
    """As `append`, for many in one round trip."""
    now = time.time_ns() // 1_000_000
    rows = [{"envelope": envelope.SerializeToString(), "appended_ms": now} for envelope in envelopes]
    if rows:
        connection.execute(outbox.insert().inline(), rows)
        raise_signal(connection, APPENDED)


def waiting(connection: Connection, limit: int, max_bytes: int) -> list[OutboxRow]:
    """Store function: the oldest rows, at most `limit`, and no more than the first beyond `max_bytes`."""
    statement = select(outbox.c.id, outbox.c.envelope).order_by(outbox.c.id).limit(limit)
    rows: list[OutboxRow] = []
    size = 0
    for row in connection.execute(statement):
        rows.append(OutboxRow(row.id, Envelope.FromString(row.envelope)))
        size += len(row.envelope)
        if size >= max_bytes:
            break
    return rows


def remove(connection: Connection, ids: Sequence[int]) -> None:
    """Store function: forget rows that were published."""
    connection.execute(delete(outbox).where(outbox.c.id.in_(ids)))


def backlog(connection: Connection) -> tuple[int, int | None]:
    """Store function: how many rows wait, and when the oldest was appended (Unix ms)."""
    count, oldest = connection.execute(select(func.count(), func.min(outbox.c.appended_ms))).one()
    return count, oldest
