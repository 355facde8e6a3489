"""What people allowed programs, in the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select

from services.auth.tables import oauth_grants as table
from services.auth.tables import sessions
from services.chassis.database import insert_for


@dataclass(frozen=True, slots=True)
class Grant:
    """What one person allowed one program."""

    client_id: str
    scopes: frozenset[str]
    granted_ms: int


def put(conn: Connection, user_id: str, client_id: str, scopes: Iterable[str], now_ms: int) -> None:
    """Keep what a person allows, in place of what they allowed the program before."""
    changed = {"scopes": " ".join(sorted(scopes)), "granted_ms": now_ms}
    statement = insert_for(conn, table).values(user_id=user_id, client_id=client_id, **changed)
    conn.execute(statement.on_conflict_do_update(index_elements=["user_id", "client_id"], set_=changed))


def find(conn: Connection, user_id: str, client_id: str) -> Grant | None:
    """What a person allows a program."""
    row = conn.execute(
        select(table).where(table.c.user_id == user_id, table.c.client_id == client_id)
    ).first()
    return None if row is None else Grant(row.client_id, frozenset(row.scopes.split()), row.granted_ms)


def of_person(conn: Connection, user_id: str) -> list[Grant]:
    """Everything that a person allows programs, the latest first."""
    statement = (
        select(table)
        .where(table.c.user_id == user_id)
        .order_by(table.c.granted_ms.desc(), table.c.client_id)
        .limit(1_000)
    )
    return [
        Grant(row.client_id, frozenset(row.scopes.split()), row.granted_ms) for row in conn.execute(statement)
    ]


def remove(conn: Connection, user_id: str, client_id: str) -> bool:
    """A person allows a program nothing any more; False when they did not."""
    statement = delete(table).where(table.c.user_id == user_id, table.c.client_id == client_id)
    return conn.execute(statement).rowcount == 1


def last_uses(conn: Connection, user_id: str) -> dict[str, int]:
    """When each program with a session of the person was used last."""
    statement = (
        select(sessions.c.client_id, func.max(sessions.c.used_ms).label("used_ms"))
        .where(sessions.c.user_id == user_id)
        .group_by(sessions.c.client_id)
    )
    return {row.client_id: row.used_ms for row in conn.execute(statement)}


def sessions_of(conn: Connection, client_id: str, user_id: str | None = None) -> list[str]:
    """The ids of the sessions of a program, with one person or with all."""
    statement = select(sessions.c.session_id).where(sessions.c.client_id == client_id)
    if user_id is not None:
        statement = statement.where(sessions.c.user_id == user_id)
    return list(conn.scalars(statement))


def remove_of_client(conn: Connection, client_id: str) -> None:
    """Nobody allows a program anything any more."""
    conn.execute(delete(table).where(table.c.client_id == client_id))
