"""Mails on their way, in the database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from services.auth.tables import mails
from services.chassis.database import raise_signal

QUEUED = "mail-queued"
"""The signal after a commit with new mails."""


@dataclass(frozen=True, slots=True)
class MailRow:
    """A mail that waits; its parameters are sealed."""

    mail_pk: int
    recipient: str
    template: str
    language: str
    parameters: bytes
    created_ms: int
    attempts: int
    expires_ms: int


def add(
    conn: Connection,
    *,
    recipient: str,
    template: str,
    language: str,
    parameters: bytes,
    times_ms: tuple[int, int],
) -> None:
    """Queue a mail.

    Args:
        times_ms: when it was written, and when it is of no use any more.
    """
    created_ms, expires_ms = times_ms
    conn.execute(
        insert(mails).values(
            recipient=recipient,
            template=template,
            language=language,
            parameters=parameters,
            created_ms=created_ms,
            attempts=0,
            due_ms=created_ms,
            expires_ms=expires_ms,
        )
    )
    raise_signal(conn, QUEUED)


def due(conn: Connection, now_ms: int, limit: int) -> list[MailRow]:
    """Those whose time has come, the oldest first."""
    statement = (
        select(*(mails.c[name] for name in MailRow.__slots__))
        .where(mails.c.due_ms <= now_ms)
        .order_by(mails.c.due_ms, mails.c.mail_pk)
        .limit(limit)
    )
    return [MailRow(**row._mapping) for row in conn.execute(statement)]


def postpone(conn: Connection, mail_pk: int, due_ms: int) -> None:
    """An attempt failed: try again then."""
    conn.execute(
        update(mails).where(mails.c.mail_pk == mail_pk).values(attempts=mails.c.attempts + 1, due_ms=due_ms)
    )


def remove(conn: Connection, mail_pk: int) -> bool:
    """The mail was sent, or never will be; False when somebody else removed it."""
    return conn.execute(delete(mails).where(mails.c.mail_pk == mail_pk)).rowcount == 1


def remove_of(conn: Connection, recipient: str) -> int:
    """Drop what waits for an address."""
    return conn.execute(delete(mails).where(mails.c.recipient == recipient)).rowcount


def backlog(conn: Connection) -> int:
    """How many wait."""
    return int(conn.scalar(select(func.count()).select_from(mails)) or 0)
