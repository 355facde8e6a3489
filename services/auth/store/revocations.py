"""What was revoked, in the database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from services.auth.tables import revocations
from services.chassis.auth import Revocation
from services.chassis.database import raise_signal

REVOKED = "revoked"
"""The signal after a commit with new revocations."""


@dataclass(frozen=True, slots=True)
class RevocationRow:
    """One entry with its number."""

    revocation_pk: int
    entry: Revocation


def revoke_session(conn: Connection, session_id: str, now_ms: int, forget_ms: int) -> None:
    """Void the access tokens of a session."""
    _add(conn, now_ms, forget_ms, session_id=session_id)


def revoke_person(conn: Connection, user_id: str, now_ms: int, forget_ms: int) -> None:
    """Void the access tokens that a person was given until now.

    Tokens say when they were issued in whole seconds: those of the running second are spared, for the person
    may be signing in again in it.
    """
    _add(conn, now_ms, forget_ms, user_id=user_id, issued_before_ms=now_ms // 1000 * 1000)


def _add(
    conn: Connection,
    now_ms: int,
    forget_ms: int,
    *,
    session_id: str = "",
    user_id: str = "",
    issued_before_ms: int = 0,
) -> None:
    conn.execute(
        insert(revocations).values(
            session_id=session_id,
            user_id=user_id,
            issued_before_ms=issued_before_ms,
            revoked_ms=now_ms,
            forget_ms=forget_ms,
        )
    )
    raise_signal(conn, REVOKED)


def since(conn: Connection, revoked_since_ms: int, now_ms: int) -> list[RevocationRow]:
    """What was revoked since a moment and still matters."""
    statement = (
        select(revocations)
        .where(revocations.c.forget_ms > now_ms, revocations.c.revoked_ms >= revoked_since_ms)
        .order_by(revocations.c.revocation_pk)
    )
    return [
        RevocationRow(
            row.revocation_pk,
            Revocation(row.session_id, row.user_id, row.issued_before_ms / 1000, row.forget_ms / 1000),
        )
        for row in conn.execute(statement)
    ]


def forget(conn: Connection, now_ms: int) -> int:
    """Drop what concerns nobody any more."""
    return conn.execute(delete(revocations).where(revocations.c.forget_ms <= now_ms)).rowcount
