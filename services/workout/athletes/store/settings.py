"""What athletes chose, and the lock under which their numbers change."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from services.chassis.database import insert_for
from services.workout.athletes.days import DEFAULT_ZONE
from services.workout.tables import athletes


@dataclass(frozen=True, slots=True)
class Settings:
    """See the contract's `AthleteSettings`."""

    time_zone: str = DEFAULT_ZONE
    start_chronic: float = 0.0
    start_acute: float = 0.0


def find(conn: Connection, user_id: str) -> Settings:
    """What the athlete chose, or what holds where nothing was chosen."""
    row = conn.execute(select(athletes).where(athletes.c.user_id == user_id)).one_or_none()
    return Settings() if row is None else Settings(row.time_zone, row.start_chronic, row.start_acute)


def lock(conn: Connection, user_id: str) -> Settings:
    """The same, and until the transaction ends nobody else changes this athlete's numbers."""
    conn.execute(
        insert_for(conn, athletes)
        .values(user_id=user_id, time_zone=DEFAULT_ZONE, start_chronic=0.0, start_acute=0.0, updated_ms=0)
        .on_conflict_do_nothing()
    )
    row = conn.execute(select(athletes).where(athletes.c.user_id == user_id).with_for_update()).one()
    return Settings(row.time_zone, row.start_chronic, row.start_acute)


def change(conn: Connection, user_id: str, settings: Settings, now_ms: int) -> None:
    """Keep what a locked athlete chose."""
    conn.execute(
        update(athletes)
        .where(athletes.c.user_id == user_id)
        .values(
            time_zone=settings.time_zone,
            start_chronic=settings.start_chronic,
            start_acute=settings.start_acute,
            updated_ms=now_ms,
        )
    )
