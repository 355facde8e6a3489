"""The history of thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, select, update

from services.chassis.database import insert_for
from services.workout.athletes import days
from services.workout.athletes.fields import NAMES
from services.workout.athletes.history import History, Told
from services.workout.athletes.store import settings
from services.workout.tables import threshold_versions, thresholds


def told(conn: Connection, user_id: str) -> list[Told]:
    """All that the athlete told, the latest day first."""
    rows = conn.execute(
        select(thresholds.c.sport, thresholds.c.field, thresholds.c.from_day, thresholds.c.value)
        .where(thresholds.c.user_id == user_id)
        .order_by(thresholds.c.from_day.desc(), thresholds.c.sport, thresholds.c.field)
    )
    return [Told(*row) for row in rows]


def history(conn: Connection, user_id: str) -> History:
    """The athlete's history."""
    return History(told(conn, user_id))


def on_day_of(conn: Connection, user_id: str, start_ms: int, sport: int) -> Mapping[str, float]:
    """What held for a workout, by the names of the fields."""
    known = history(conn, user_id)
    if not known.fields:
        return {}
    day = days.day_of_ms(start_ms, settings.find(conn, user_id).time_zone)
    return {NAMES[field]: value for field, value in known.on(day, sport).items() if field in NAMES}


def tell(conn: Connection, user_id: str, entries: Sequence[Told]) -> None:
    """Keep entries; one of the same sport, field and day is replaced."""
    for entry in entries:
        new = insert_for(conn, thresholds).values(
            user_id=user_id,
            sport=entry.sport,
            field=entry.field,
            from_day=entry.from_day,
            value=entry.value,
        )
        conn.execute(
            new.on_conflict_do_update(
                index_elements=["user_id", "sport", "field", "from_day"], set_={"value": new.excluded.value}
            )
        )


def take_back(conn: Connection, user_id: str, sport: int, from_day: int, fields: Sequence[int]) -> None:
    """Forget what was told of a day and sport: these fields, or all where none is named."""
    statement = delete(thresholds).where(
        thresholds.c.user_id == user_id, thresholds.c.sport == sport, thresholds.c.from_day == from_day
    )
    if fields:
        statement = statement.where(thresholds.c.field.in_(list(fields)))
    conn.execute(statement)


def next_version(conn: Connection, user_id: str) -> int:
    """Count a change of a history whose athlete is locked."""
    conn.execute(
        insert_for(conn, threshold_versions).values(user_id=user_id, version=0).on_conflict_do_nothing()
    )
    return int(
        conn.execute(
            update(threshold_versions)
            .where(threshold_versions.c.user_id == user_id)
            .values(version=threshold_versions.c.version + 1)
            .returning(threshold_versions.c.version)
        ).scalar_one()
    )
