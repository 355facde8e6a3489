"""Signing keys, in the database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, text, update

from services.auth.tables import signing_keys


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key; its private half is sealed. Times are milliseconds since 1970 UTC."""

    key_id: str
    public_key: str
    private_key: bytes
    created_ms: int
    signs_from_ms: int
    gone_ms: int | None


def all_keys(conn: Connection) -> list[KeyRow]:
    """Every key, in the order in which they sign."""
    table = signing_keys
    statement = select(table).order_by(table.c.signs_from_ms, table.c.created_ms, table.c.key_id)
    return [KeyRow(**row._mapping) for row in conn.execute(statement)]


def lock_all_keys(conn: Connection) -> list[KeyRow]:
    """As `all_keys`; nobody else adds one until the commit."""
    if conn.dialect.name == "postgresql":
        conn.execute(text("LOCK TABLE signing_keys IN SHARE ROW EXCLUSIVE MODE"))
    return all_keys(conn)


def add(conn: Connection, row: KeyRow) -> None:
    """Keep a new key."""
    conn.execute(insert(signing_keys).values({name: getattr(row, name) for name in KeyRow.__slots__}))


def set_gone(conn: Connection, gone_ms: int) -> None:
    """Say when the keys that have no successor yet need no longer be published."""
    conn.execute(update(signing_keys).where(signing_keys.c.gone_ms.is_(None)).values(gone_ms=gone_ms))


def forget(conn: Connection, now_ms: int) -> None:
    """Drop keys by which nothing is proved any more."""
    conn.execute(delete(signing_keys).where(signing_keys.c.gone_ms <= now_ms))
