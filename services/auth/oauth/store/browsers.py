"""Browsers that are signed in at our pages, in the database."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from services.auth.store import sessions
from services.auth.store.sessions import SessionRow
from services.auth.tables import oauth_browsers as table


def add(conn: Connection, cookie_sha256: bytes, session_id: str, expires_ms: int) -> None:
    """Keep a browser's cookie."""
    row = {"cookie_sha256": cookie_sha256, "session_id": session_id, "expires_ms": expires_ms}
    conn.execute(insert(table).values(row))


def find(conn: Connection, cookie_sha256: bytes, now_ms: int) -> SessionRow | None:
    """The session of a browser, unless it has ended."""
    session_id = conn.scalar(
        select(table.c.session_id).where(table.c.cookie_sha256 == cookie_sha256, table.c.expires_ms > now_ms)
    )
    return None if session_id is None else sessions.find(conn, session_id)


def forget(conn: Connection, now_ms: int) -> list[str]:
    """Drop those whose time is over; returns their sessions, which nothing else keeps."""
    gone = delete(table).where(table.c.expires_ms <= now_ms).returning(table.c.session_id)
    return list(conn.scalars(gone))
