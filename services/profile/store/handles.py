"""Handles: those that are somebody's, and those that were until lately."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from services.chassis.database import insert_for
from services.profile.handles import likeness as likeness_of
from services.profile.tables import handles


def of_person(conn: Connection, user_id: str) -> Row[Any] | None:
    """The handle that a person has."""
    return conn.execute(
        select(handles).where(handles.c.user_id == user_id, handles.c.released_ms.is_(None))
    ).one_or_none()


def find(conn: Connection, handle: str, released_after_ms: int) -> Row[Any] | None:
    """Whom a handle leads to: whose it is, or whose it was released after that moment."""
    leads = handles.c.released_ms.is_(None) | (handles.c.released_ms > released_after_ms)
    return conn.execute(select(handles).where(handles.c.handle == handle, leads)).one_or_none()


def holder_of_likeness(conn: Connection, likeness: str, released_after_ms: int) -> Row[Any] | None:
    """The handle of a likeness that is somebody's, or was until lately."""
    leads = handles.c.released_ms.is_(None) | (handles.c.released_ms > released_after_ms)
    return conn.execute(select(handles).where(handles.c.likeness == likeness, leads)).one_or_none()


def release(conn: Connection, user_id: str, now_ms: int) -> None:
    """Say that the person's handle is not theirs any more; it leads to them for a while."""
    conn.execute(
        update(handles)
        .where(handles.c.user_id == user_id, handles.c.released_ms.is_(None))
        .values(released_ms=now_ms)
    )


def claim(conn: Connection, user_id: str, handle: str, now_ms: int, released_after_ms: int) -> bool:
    """Give a person a handle; False when it is another's, also one that was faster."""
    likeness = likeness_of(handle)
    conn.execute(
        delete(handles).where(
            (handles.c.likeness == likeness) | (handles.c.handle == handle),
            (handles.c.released_ms <= released_after_ms) | (handles.c.user_id == user_id),
        )
    )
    new = insert_for(conn, handles).values(
        likeness=likeness, handle=handle, user_id=user_id, claimed_ms=now_ms, released_ms=None
    )
    return conn.execute(new.on_conflict_do_nothing().returning(handles.c.handle)).first() is not None


def forget_released(conn: Connection, released_before_ms: int) -> int:
    """Forget handles that lead nowhere any more; how many there were."""
    return conn.execute(delete(handles).where(handles.c.released_ms <= released_before_ms)).rowcount
