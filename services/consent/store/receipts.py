"""The SQL of receipts: they are added and read, nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Row, insert, select

from services.chassis.database import raise_signal
from services.consent.receipts.record import Link
from services.consent.tables import receipts

APPENDED = "receipt-appended"
"""The signal after a commit with new receipts."""


def append(conn: Connection, user_id: str, link: Link) -> None:
    """Add the next link of a person's chain."""
    conn.execute(
        insert(receipts).values(
            receipt_id=link.receipt_id,
            user_id=user_id,
            sequence=link.sequence,
            kind=link.kind,
            jws=link.jws,
            sha256=link.sha256,
            made_ms=link.made_ms,
        )
    )
    raise_signal(conn, APPENDED)


def chain(conn: Connection, user_id: str, after: int = 0, limit: int | None = None) -> list[Link]:
    """The links of a person's chain beyond `after`, the first one first."""
    query = (
        select(receipts)
        .where(receipts.c.user_id == user_id, receipts.c.sequence > after)
        .order_by(receipts.c.sequence)
    )
    return [_link(row) for row in conn.execute(query if limit is None else query.limit(limit))]


def page(conn: Connection, user_id: str, before: int | None, limit: int) -> list[Link]:
    """At most `limit` links of a person's chain, the last one first, before the sequence `before`."""
    query = select(receipts).where(receipts.c.user_id == user_id)
    if before is not None:
        query = query.where(receipts.c.sequence < before)
    return [_link(row) for row in conn.execute(query.order_by(receipts.c.sequence.desc()).limit(limit))]


def _link(row: Row[tuple[object, ...]]) -> Link:
    return Link(row.receipt_id, row.sequence, row.kind, row.jws, row.sha256, row.made_ms)


@dataclass(frozen=True, slots=True)
class Change:
    """Somebody's consents changed."""

    receipt_pk: int
    user_id: str
    version: int


def since(conn: Connection, made_ms: int) -> list[Change]:
    """Whose consents changed at or after a time; a person is named once for each receipt."""
    query = select(receipts.c.receipt_pk, receipts.c.user_id, receipts.c.sequence)
    return [Change(*row) for row in conn.execute(query.where(receipts.c.made_ms >= made_ms))]
