"""The SQL of duplicates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, or_, select, update

from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import duplicate_service_pb2 as wire
from services.chassis.database import insert_for
from services.workout.duplicates.likeness import LEAST_OVERLAP, Likeness, overlap
from services.workout.store import workouts as workout_store
from services.workout.store.workouts import StoredSource
from services.workout.tables import derivation_members, derivations, duplicates, workouts

OPEN = int(wire.DUPLICATE_STATE_OPEN)
MAX_CANDIDATES = 5
_LONGEST_MS = 10 * 86_400_000


@dataclass(frozen=True, slots=True)
class Overlapping:
    """Another workout of the same time."""

    row: Row[Any]
    stored: tuple[StoredSource, ...]


def overlapping(conn: Connection, workout: Row[Any]) -> list[Overlapping]:
    """Those of its person's workouts that share enough time with it, those that share most first."""
    span = (workout.start_ms, workout.end_ms)
    mine, theirs = derivation_members.alias(), derivation_members.alias()
    related = (
        select(theirs.c.workout_pk)
        .join(mine, mine.c.derivation_pk == theirs.c.derivation_pk)
        .where(mine.c.workout_pk == workout.workout_pk)
    )
    rows = conn.execute(
        select(workouts)
        .where(
            workouts.c.user_id == workout.user_id,
            workouts.c.workout_pk != workout.workout_pk,
            workouts.c.hidden.is_(False),
            workouts.c.start_ms < workout.end_ms,
            workouts.c.start_ms > workout.start_ms - _LONGEST_MS,
            workouts.c.end_ms > workout.start_ms,
            workouts.c.workout_pk.not_in(related),
        )
        .order_by(workouts.c.start_ms)
        .limit(200)
    ).all()
    shared = [(overlap(span, (row.start_ms, row.end_ms)), row) for row in rows]
    shared = sorted(
        (each for each in shared if each[0] >= LEAST_OVERLAP), key=lambda each: (-each[0], each[1].workout_pk)
    )
    return [
        Overlapping(row, tuple(workout_store.stream(conn, row.user_id, row.workout_id, 0, None) or ()))
        for _, row in shared[:MAX_CANDIDATES]
    ]


def put_all(
    conn: Connection, user_id: str, workout_pk: int, found: Sequence[tuple[int, Likeness]], now_ms: int
) -> None:
    """Put the pairs of a workout in the place of those known; what its owner chose stays."""
    kept = [other for other, _ in found]
    conn.execute(
        delete(duplicates).where(
            duplicates.c.state == OPEN,
            or_(
                and_(duplicates.c.first_pk == workout_pk, duplicates.c.second_pk.not_in(kept)),
                and_(duplicates.c.second_pk == workout_pk, duplicates.c.first_pk.not_in(kept)),
            ),
        )
    )
    for other, likeness in found:
        statement = insert_for(conn, duplicates).values(
            duplicate_id=new_ulid(now_ms),
            user_id=user_id,
            first_pk=min(workout_pk, other),
            second_pk=max(workout_pk, other),
            score=likeness.score,
            evidence=wire.Duplicate(evidence=likeness.evidence).SerializeToString(),
            state=OPEN,
            found_ms=now_ms,
        )
        conn.execute(
            statement.on_conflict_do_update(
                index_elements=[duplicates.c.first_pk, duplicates.c.second_pk],
                set_={"score": statement.excluded.score, "evidence": statement.excluded.evidence},
            )
        )


def page(
    conn: Connection, user_id: str, states: Sequence[int], before_pk: int | None, limit: int
) -> Sequence[Row[Any]]:
    """At most `limit` pairs of a person, the newest first; open ones only while both workouts are shown."""
    query = _pairs().where(duplicates.c.user_id == user_id, duplicates.c.state.in_(sorted(set(states))))
    first, second = workouts.alias(), workouts.alias()
    query = (
        query.join(first, first.c.workout_pk == duplicates.c.first_pk)
        .join(second, second.c.workout_pk == duplicates.c.second_pk)
        .where(
            or_(
                duplicates.c.state != OPEN,
                and_(first.c.hidden.is_(False), second.c.hidden.is_(False)),
            )
        )
    )
    if before_pk is not None:
        query = query.where(duplicates.c.duplicate_pk < before_pk)
    return conn.execute(query.order_by(duplicates.c.duplicate_pk.desc()).limit(limit)).all()


def find(conn: Connection, user_id: str, duplicate_id: str, *, lock: bool = False) -> Row[Any] | None:
    """The pair of that id of that person, with `derivation_id`; locked when asked for."""
    query = _pairs().where(duplicates.c.user_id == user_id, duplicates.c.duplicate_id == duplicate_id)
    if lock:
        query = query.with_for_update(of=duplicates)
    return conn.execute(query).one_or_none()


def resolve(conn: Connection, duplicate_pk: int, state: int, derivation_pk: int | None) -> None:
    """Say what became of a pair."""
    conn.execute(
        update(duplicates)
        .where(duplicates.c.duplicate_pk == duplicate_pk)
        .values(state=state, derivation_pk=derivation_pk)
    )


def _pairs() -> Any:
    derivation_id = (
        select(derivations.c.derivation_id)
        .where(derivations.c.derivation_pk == duplicates.c.derivation_pk)
        .scalar_subquery()
        .label("derivation_id")
    )
    return select(duplicates, derivation_id)


def hold(conn: Connection, workout_pks: Sequence[int]) -> set[int]:
    """Which of these workouts there are, shown; they stay until the transaction ends.

    Whoever calls holds a workout already, perhaps one with a larger key: it must not wait for another.

    Raises:
        WorkoutBusy: somebody else is changing one of them: try again later.
    """
    query = select(workouts.c.workout_pk).where(
        workouts.c.workout_pk.in_(workout_pks), workouts.c.hidden.is_(False)
    )
    there = set(conn.execute(query).scalars())
    # What a foreign key to it would take, without waiting.
    held = conn.execute(query.with_for_update(read=True, key_share=True, skip_locked=True)).scalars()
    if set(held) != there:
        raise WorkoutBusy
    return there


class WorkoutBusy(Exception):
    """Another transaction is changing the workout."""
