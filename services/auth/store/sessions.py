"""Sessions and their refresh tokens, in the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from services.auth.tables import refresh_tokens, sessions


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session that runs. Times are milliseconds since 1970 UTC."""

    session_id: str
    user_id: str
    kind: str
    client_id: str
    scopes: frozenset[str]
    methods: frozenset[str]
    device_name: str
    place: str
    created_ms: int
    authenticated_ms: int
    used_ms: int
    expires_ms: int
    ends_ms: int


@dataclass(frozen=True, slots=True)
class RefreshRow:
    """A refresh token as it is known: by its hash."""

    session_id: str
    generation: int
    used_ms: int | None
    successor_salt: bytes | None


def add(conn: Connection, session: SessionRow, token_sha256: bytes) -> None:
    """Keep a new session with its first refresh token."""
    values = {name: getattr(session, name) for name in SessionRow.__slots__}
    values["scopes"] = " ".join(sorted(session.scopes))
    values["methods"] = " ".join(sorted(session.methods))
    conn.execute(insert(sessions).values(values))
    add_token(conn, session.session_id, 0, token_sha256)


def add_token(conn: Connection, session_id: str, generation: int, token_sha256: bytes) -> None:
    """Keep the next refresh token of a session."""
    row = {"token_sha256": token_sha256, "session_id": session_id, "generation": generation}
    conn.execute(insert(refresh_tokens).values(row))


def find(conn: Connection, session_id: str) -> SessionRow | None:
    """The session, unless it has ended."""
    row = conn.execute(select(sessions).where(sessions.c.session_id == session_id)).first()
    return None if row is None else _session(row)


def of_person(conn: Connection, user_id: str, limit: int) -> list[SessionRow]:
    """The sessions of a person, the one used last first."""
    statement = (
        select(sessions)
        .where(sessions.c.user_id == user_id)
        .order_by(sessions.c.used_ms.desc(), sessions.c.session_id.desc())
        .limit(limit)
    )
    return [_session(row) for row in conn.execute(statement)]


def ids_of_person(conn: Connection, user_id: str) -> list[str]:
    """The ids of every session of a person."""
    return list(conn.scalars(select(sessions.c.session_id).where(sessions.c.user_id == user_id)))


def lock_by_token(conn: Connection, token_sha256: bytes) -> tuple[SessionRow, RefreshRow] | None:
    """The session of a refresh token and the token; nobody else changes the session until the commit."""
    found = conn.execute(
        select(refresh_tokens.c.session_id).where(refresh_tokens.c.token_sha256 == token_sha256)
    ).first()
    if found is None:
        return None
    row = conn.execute(
        select(sessions).where(sessions.c.session_id == found.session_id).with_for_update()
    ).first()
    if row is None:
        return None
    # Read after the lock: whoever held it may have used the token.
    token = conn.execute(select(refresh_tokens).where(refresh_tokens.c.token_sha256 == token_sha256)).first()
    if token is None:
        return None
    return _session(row), RefreshRow(token.session_id, token.generation, token.used_ms, token.successor_salt)


def use_token(conn: Connection, session_id: str, generation: int, salt: bytes, now_ms: int) -> None:
    """Note that a token was used, and forget how its predecessor led to it."""
    of_session = refresh_tokens.c.session_id == session_id
    conn.execute(
        update(refresh_tokens)
        .where(of_session, refresh_tokens.c.generation == generation)
        .values(used_ms=now_ms, successor_salt=salt)
    )
    conn.execute(
        update(refresh_tokens)
        .where(of_session, refresh_tokens.c.generation == generation - 1)
        .values(successor_salt=None)
    )


def forget_tokens_used_before(conn: Connection, session_id: str, before_ms: int) -> None:
    """Drop used tokens of a session that nobody can hold in good faith any more."""
    conn.execute(
        delete(refresh_tokens).where(
            refresh_tokens.c.session_id == session_id, refresh_tokens.c.used_ms < before_ms
        )
    )


def touch(conn: Connection, session_id: str, place: str, used_ms: int, expires_ms: int) -> None:
    """Note when and where a session was used."""
    conn.execute(
        update(sessions)
        .where(sessions.c.session_id == session_id)
        .values(used_ms=used_ms, place=place, expires_ms=expires_ms)
    )


def remove(conn: Connection, session_id: str) -> SessionRow | None:
    """Drop a session with its tokens; returns what it was, None when there is none."""
    row = conn.execute(
        delete(sessions).where(sessions.c.session_id == session_id).returning(*sessions.c)
    ).first()
    if row is None:
        return None
    conn.execute(delete(refresh_tokens).where(refresh_tokens.c.session_id == session_id))
    return _session(row)


def expired(conn: Connection, now_ms: int, limit: int) -> list[str]:
    """Sessions that were not used in time."""
    statement = select(sessions.c.session_id).where(sessions.c.expires_ms <= now_ms).limit(limit)
    return list(conn.scalars(statement))


def _session(row: Row[Any]) -> SessionRow:
    values = {name: getattr(row, name) for name in SessionRow.__slots__}
    values["scopes"] = frozenset(row.scopes.split())
    values["methods"] = frozenset(row.methods.split())
    return SessionRow(**values)
