"""Profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, select, update

from services.chassis.database import insert_for
from services.profile.tables import profiles


def find(conn: Connection, user_id: str) -> Row[Any] | None:
    """The profile of a person; None before the first call."""
    return conn.execute(select(profiles).where(profiles.c.user_id == user_id)).one_or_none()


def lock(conn: Connection, user_id: str, now_ms: int, language: str = "") -> Row[Any]:
    """The profile, made where there is none; until the transaction ends nobody else changes it."""
    conn.execute(
        insert_for(conn, profiles)
        .values(
            user_id=user_id,
            display_name="",
            bio="",
            place="",
            birth_date="",
            sex=0,
            units=b"",
            language=language,
            time_zone="",
            first_day_of_week=0,
            links="[]",
            avatar_id="",
            created_ms=now_ms,
            updated_ms=now_ms,
            version=1,
        )
        .on_conflict_do_nothing()
    )
    return conn.execute(select(profiles).where(profiles.c.user_id == user_id).with_for_update()).one()


def change(conn: Connection, row: Row[Any], values: Mapping[str, Any], now_ms: int) -> Row[Any]:
    """Change columns of a locked profile; returns it as it is then."""
    return conn.execute(
        update(profiles)
        .where(profiles.c.user_id == row.user_id)
        .values(**values, version=row.version + 1, updated_ms=now_ms)
        .returning(profiles)
    ).one()
