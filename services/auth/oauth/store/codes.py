"""Authorisation codes, in the database."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from services.auth.tables import oauth_codes as table

BURNT = ""
"""In place of the session: the code was used, and nothing came of it."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code on its way through the browser. Times are milliseconds since 1970 UTC."""

    code_sha256: bytes
    client_id: str
    user_id: str
    redirect_uri: str
    scopes: frozenset[str]
    code_challenge: str
    methods: frozenset[str]
    expires_ms: int
    session_id: str | None
    forget_ms: int


def add(conn: Connection, code: Code) -> None:
    """Keep a new one."""
    values = {name: getattr(code, name) for name in Code.__slots__}
    values["scopes"] = " ".join(sorted(code.scopes))
    values["methods"] = " ".join(sorted(code.methods))
    conn.execute(insert(table).values(values))


def lock(conn: Connection, code_sha256: bytes) -> Code | None:
    """The code; nobody else uses it until the commit."""
    row = conn.execute(select(table).where(table.c.code_sha256 == code_sha256).with_for_update()).first()
    if row is None:
        return None
    values = dict(row._mapping)
    values["scopes"] = frozenset(row.scopes.split())
    values["methods"] = frozenset(row.methods.split())
    return Code(**values)


def use(conn: Connection, code_sha256: bytes, session_id: str) -> None:
    """It was used, and this came of it."""
    conn.execute(update(table).where(table.c.code_sha256 == code_sha256).values(session_id=session_id))


def forget(conn: Connection, now_ms: int) -> int:
    """Drop those whose second use would say nothing any more."""
    return conn.execute(delete(table).where(table.c.forget_ms <= now_ms)).rowcount
