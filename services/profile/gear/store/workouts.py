"""The SQL of what is known of workouts, and of how much of each counts for what."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, or_, select, tuple_

from pulsemesh.profile.v1 import gear_pb2
from pulsemesh.workout.v1 import events_pb2
from services.chassis.database import insert_for
from services.profile.gear.amounts import Amounts
from services.profile.gear.assigning import Facts, Share
from services.profile.tables.gear import gear_contributions, gear_installations, gear_workouts

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class KnownWorkout:
    """A workout by its key here, with the newest state of it; None when it is gone."""

    workout_pk: int
    facts: Facts | None


def put_state(
    conn: Connection, user_id: str, workout_id: str, state: events_pb2.WorkoutState, now_ms: int
) -> KnownWorkout | None:
    """Keep the state of a workout if it is newer than what is known; None when it is not."""
    facts = Facts.of(workout_id, state)
    values = {
        "version": state.version,
        "gone": False,
        "start_ms": facts.start_ms,
        "state": state.SerializeToString(deterministic=True),
        "seen_ms": now_ms,
    }
    # Of one version there is one state, so what comes twice is left as it is.
    newer = (gear_workouts.c.version < state.version) & ~gear_workouts.c.gone
    workout_pk = conn.execute(
        insert_for(conn, gear_workouts)
        .values(user_id=user_id, workout_id=workout_id, **values)
        .on_conflict_do_update(index_elements=["user_id", "workout_id"], set_=values, where=newer)
        .returning(gear_workouts.c.workout_pk)
    ).scalar_one_or_none()
    return None if workout_pk is None else KnownWorkout(workout_pk, facts)


def put_gone(conn: Connection, user_id: str, workout_id: str, now_ms: int) -> KnownWorkout | None:
    """Keep only that a workout is gone, so that an event that comes late cannot bring it back."""
    values = {"gone": True, "state": b"", "start_ms": 0, "seen_ms": now_ms}
    workout_pk = conn.execute(
        insert_for(conn, gear_workouts)
        .values(user_id=user_id, workout_id=workout_id, version=0, **values)
        .on_conflict_do_update(
            index_elements=["user_id", "workout_id"], set_=values, where=~gear_workouts.c.gone
        )
        .returning(gear_workouts.c.workout_pk)
    ).scalar_one_or_none()
    return None if workout_pk is None else KnownWorkout(workout_pk, None)


def find(conn: Connection, user_id: str, workout_id: str) -> KnownWorkout | None:
    """A workout of this person; None when no event told of it yet."""
    row = conn.execute(
        select(gear_workouts).where(
            gear_workouts.c.user_id == user_id, gear_workouts.c.workout_id == workout_id
        )
    ).one_or_none()
    return None if row is None else _known(row)


def each(
    conn: Connection, user_id: str, from_ms: int = 0, until_ms: int | None = None
) -> Iterator[KnownWorkout]:
    """The person's workouts that begin in [`from_ms`, `until_ms`), in the order of their starts.

    Those that are gone are left out: nothing of them counts, whatever changes.
    """
    order = (gear_workouts.c.start_ms, gear_workouts.c.workout_pk)
    after: tuple[int, int] = (from_ms, 0)
    while True:
        query = select(gear_workouts).where(
            gear_workouts.c.user_id == user_id, ~gear_workouts.c.gone, tuple_(*order) > tuple_(*after)
        )
        if until_ms is not None:
            query = query.where(gear_workouts.c.start_ms < until_ms)
        rows = conn.execute(query.order_by(*order).limit(_AT_ONCE)).all()
        for row in rows:
            yield _known(row)
        if len(rows) < _AT_ONCE:
            return
        after = (rows[-1].start_ms, rows[-1].workout_pk)


def seen_before(conn: Connection, user_id: str, moment_ms: int) -> set[str]:
    """The ids of workouts that were known here before that moment and are not gone."""
    query = select(gear_workouts.c.workout_id).where(
        gear_workouts.c.user_id == user_id, ~gear_workouts.c.gone, gear_workouts.c.seen_ms < moment_ms
    )
    return set(conn.execute(query).scalars())


def shares(conn: Connection, workout_pks: Collection[int]) -> dict[int, dict[int, Share]]:
    """From workouts to gear to what counts."""
    found: dict[int, dict[int, Share]] = {workout_pk: {} for workout_pk in workout_pks}
    for row in conn.execute(
        select(gear_contributions)
        .where(gear_contributions.c.workout_pk.in_(list(found)))
        .order_by(gear_contributions.c.gear_pk)
    ):
        found[row.workout_pk][row.gear_pk] = Share(row.source, Amounts.from_row(row), row.start_ms)
    return found


def put_shares(conn: Connection, user_id: str, workout_pk: int, wanted: Mapping[int, Share]) -> None:
    """Count a workout as `wanted`, in place of what was counted of it."""
    conn.execute(delete(gear_contributions).where(gear_contributions.c.workout_pk == workout_pk))
    rows = [
        {
            "workout_pk": workout_pk,
            "gear_pk": gear_pk,
            "user_id": user_id,
            "source": int(share.source),
            "start_ms": share.start_ms,
            **share.amounts.columns(),
        }
        for gear_pk, share in wanted.items()
    ]
    if rows:
        conn.execute(insert(gear_contributions), rows)


def page_of_gear(
    conn: Connection, user_id: str, gear_pk: int, before: tuple[int, int] | None, limit: int
) -> list[Row[Any]]:
    """Workouts that count for gear, or for a component while it was installed, the latest first.

    Rows of the contribution with workout_id and state.
    """
    counted, put_on = gear_contributions, gear_installations
    installed = (
        select(put_on.c.installation_pk)
        .where(
            put_on.c.component_pk == gear_pk,
            put_on.c.gear_pk == counted.c.gear_pk,
            put_on.c.from_ms <= counted.c.start_ms,
            or_(put_on.c.until_ms.is_(None), put_on.c.until_ms > counted.c.start_ms),
        )
        .exists()
    )
    query: Select[Any] = (
        select(counted, gear_workouts.c.workout_id, gear_workouts.c.state)
        .join(gear_workouts, gear_workouts.c.workout_pk == counted.c.workout_pk)
        .where(counted.c.user_id == user_id, or_(counted.c.gear_pk == gear_pk, installed))
    )
    order = (counted.c.start_ms, counted.c.workout_pk)
    if before is not None:
        query = query.where(tuple_(*order) < tuple_(*before))
    return list(conn.execute(query.order_by(*(column.desc() for column in order)).limit(limit)).all())


def _known(row: Row[Any]) -> KnownWorkout:
    if row.gone:
        return KnownWorkout(row.workout_pk, None)
    state = events_pb2.WorkoutState.FromString(bytes(row.state))
    return KnownWorkout(row.workout_pk, Facts.of(row.workout_id, state))


def any_imported(conn: Connection, gear_pk: int) -> bool:
    """Whether any workout counts for this gear because its file names it."""
    query = select(gear_contributions.c.gear_pk).where(
        gear_contributions.c.gear_pk == gear_pk,
        gear_contributions.c.source == int(gear_pb2.GEAR_SOURCE_IMPORTED),
    )
    return conn.execute(query.limit(1)).first() is not None
