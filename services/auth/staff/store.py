"""Roles of staff, in the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, insert, or_, select, update

from services.auth.tables import sessions
from services.auth.tables.staff import staff_grants


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that a person holds, or held. Times are milliseconds since 1970 UTC."""

    grant_id: str
    user_id: str
    role: str
    granted_by: str
    granted_ms: int
    reason: str
    expires_ms: int | None = None
    emergency: bool = False
    ended_ms: int | None = None
    ended_by: str | None = None
    end_reason: str | None = None


def _held(now_ms: int) -> ColumnElement[bool]:
    expires = staff_grants.c.expires_ms
    return and_(staff_grants.c.ended_ms.is_(None), or_(expires.is_(None), expires > now_ms))


def _grant(row: Row[Any]) -> Grant:
    return Grant(**{name: getattr(row, name) for name in Grant.__slots__})


def add(conn: Connection, grant: Grant) -> None:
    """Keep a new grant."""
    conn.execute(insert(staff_grants).values({name: getattr(grant, name) for name in Grant.__slots__}))


def find(conn: Connection, grant_id: str) -> Grant | None:
    """By id."""
    row = conn.execute(select(staff_grants).where(staff_grants.c.grant_id == grant_id)).first()
    return None if row is None else _grant(row)


def held_by(conn: Connection, user_id: str, now_ms: int) -> list[Grant]:
    """What a person holds now."""
    statement = select(staff_grants).where(staff_grants.c.user_id == user_id, _held(now_ms))
    return [_grant(row) for row in conn.execute(statement.order_by(staff_grants.c.grant_id))]


def lock_holders(conn: Connection, role: str, now_ms: int) -> list[Grant]:
    """Who holds a role for good; nobody else changes that until the commit."""
    statement = select(staff_grants).where(
        staff_grants.c.role == role, staff_grants.c.expires_ms.is_(None), _held(now_ms)
    )
    return [
        _grant(row) for row in conn.execute(statement.order_by(staff_grants.c.grant_id).with_for_update())
    ]


def end(conn: Connection, grant_id: str, ended_by: str, reason: str, now_ms: int) -> None:
    """The role is taken away."""
    conn.execute(
        update(staff_grants)
        .where(staff_grants.c.grant_id == grant_id)
        .values(ended_ms=now_ms, ended_by=ended_by, end_reason=reason)
    )


def page(conn: Connection, now_ms: int, *, before: str, size: int, ended: bool) -> list[Grant]:
    """The latest grants before a grant id; an empty one begins with the latest."""
    statement = select(staff_grants).order_by(staff_grants.c.grant_id.desc()).limit(size)
    if before:
        statement = statement.where(staff_grants.c.grant_id < before)
    if not ended:
        statement = statement.where(_held(now_ms))
    return [_grant(row) for row in conn.execute(statement)]


def staff_sessions_of(conn: Connection, user_id: str) -> list[str]:
    """The sessions in which a person is staff."""
    statement = select(sessions.c.session_id).where(sessions.c.user_id == user_id, sessions.c.kind == "staff")
    return list(conn.scalars(statement))
