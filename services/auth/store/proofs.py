"""Proofs that wait: of another address, and of the right to set another password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select, update

from services.auth.tables import email_changes, password_resets
from services.chassis.database import insert_for


@dataclass(frozen=True, slots=True)
class EmailChange:
    """The address that a person asked for."""

    user_id: str
    new_email: str
    decoy: bool
    code_mac: bytes
    wrong_codes: int
    expires_ms: int


def put_email_change(conn: Connection, change: EmailChange) -> None:
    """Keep what a person asked for, in place of what they asked for before."""
    values = {name: getattr(change, name) for name in EmailChange.__slots__}
    statement = insert_for(conn, email_changes).values(values)
    conn.execute(statement.on_conflict_do_update(index_elements=["user_id"], set_=values))


def find_email_change(conn: Connection, user_id: str, now_ms: int) -> EmailChange | None:
    """What a person asked for, unless it is over."""
    return _email_change(conn, _email_change_of(user_id, now_ms))


def lock_email_change(conn: Connection, user_id: str, now_ms: int) -> EmailChange | None:
    """As `find_email_change`; nobody else changes it until the commit."""
    return _email_change(conn, _email_change_of(user_id, now_ms).with_for_update())


def _email_change_of(user_id: str, now_ms: int) -> Select[Any]:
    table = email_changes
    return select(table).where(table.c.user_id == user_id, table.c.expires_ms > now_ms)


def _email_change(conn: Connection, statement: Select[Any]) -> EmailChange | None:
    row = conn.execute(statement).first()
    return None if row is None else EmailChange(**row._mapping)


def count_wrong_code(conn: Connection, user_id: str) -> None:
    """One more code was wrong."""
    table = email_changes
    conn.execute(update(table).where(table.c.user_id == user_id).values(wrong_codes=table.c.wrong_codes + 1))


def remove_email_change(conn: Connection, user_id: str) -> None:
    """It is over."""
    conn.execute(delete(email_changes).where(email_changes.c.user_id == user_id))


def add_reset(conn: Connection, token_sha256: bytes, user_id: str, asked_ms: int, expires_ms: int) -> None:
    """Keep the token of a mail."""
    row = {"token_sha256": token_sha256, "user_id": user_id, "asked_ms": asked_ms, "expires_ms": expires_ms}
    conn.execute(insert(password_resets).values(row))


def find_reset(conn: Connection, token_sha256: bytes, now_ms: int) -> str | None:
    """Whose token it is, unless it is over."""
    table = password_resets
    return conn.scalar(
        select(table.c.user_id).where(table.c.token_sha256 == token_sha256, table.c.expires_ms > now_ms)
    )


def take_reset(conn: Connection, token_sha256: bytes, now_ms: int) -> str | None:
    """As `find_reset`, once: the token is gone, and so are all others of the person."""
    table = password_resets
    user_id = conn.scalar(
        delete(table)
        .where(table.c.token_sha256 == token_sha256, table.c.expires_ms > now_ms)
        .returning(table.c.user_id)
    )
    if user_id is not None:
        remove_resets(conn, user_id)
    return user_id


def remove_resets(conn: Connection, user_id: str) -> None:
    """Every token of a person is over."""
    conn.execute(delete(password_resets).where(password_resets.c.user_id == user_id))


def forget(conn: Connection, now_ms: int) -> int:
    """Drop what nobody used in time."""
    gone = 0
    for table in (email_changes, password_resets):
        gone += conn.execute(delete(table).where(table.c.expires_ms <= now_ms)).rowcount
    return gone
