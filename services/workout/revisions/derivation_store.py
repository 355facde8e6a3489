"""The SQL of derivations: which workouts came of which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from pulsemesh.workout.v1 import duplicate_service_pb2
from services.workout.store import workouts as workout_store
from services.workout.tables import (
    chunks,
    derivation_members,
    derivations,
    duplicates,
    recordings,
    sources,
    workouts,
)


class Role(IntEnum):
    """What a workout is to a derivation."""

    INPUT = 1
    """It is hidden."""
    MADE = workout_store.MADE
    """It was made, and goes when the derivation is undone."""
    KEPT = 3
    """It was chosen among several and stays as it is."""


@dataclass(frozen=True, slots=True)
class Member:
    """A workout of a derivation."""

    workout_pk: int
    workout_id: str
    role: Role
    ordinal: int
    hidden: bool


@dataclass(frozen=True, slots=True)
class StoredDerivation:
    """A derivation with its members, inputs first, each in their order."""

    row: Row[Any]
    members: tuple[Member, ...]

    def of(self, *roles: Role) -> list[Member]:
        """The members of these roles."""
        return [member for member in self.members if member.role in roles]


def add(
    conn: Connection,
    values: dict[str, Any],
    members: Sequence[tuple[int, Role]],
) -> int:
    """Add a derivation of the workouts with these keys; returns its key."""
    key = conn.execute(insert(derivations).values(**values)).inserted_primary_key
    assert key is not None
    conn.execute(
        insert(derivation_members),
        [
            {"derivation_pk": key[0], "workout_pk": workout_pk, "role": int(role), "ordinal": ordinal}
            for ordinal, (workout_pk, role) in enumerate(members)
        ],
    )
    return int(key[0])


def find(
    conn: Connection, user_id: str, derivation_id: str, *, lock: bool = False
) -> StoredDerivation | None:
    """The derivation of that id of that person; locked until the transaction ends when asked for."""
    query = select(derivations).where(
        derivations.c.user_id == user_id, derivations.c.derivation_id == derivation_id
    )
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _with_members(conn, [row])[0]


def page(
    conn: Connection, user_id: str, workout_id: str, before_pk: int | None, limit: int
) -> list[StoredDerivation]:
    """At most `limit` derivations of a person, the newest first, older than `before_pk`."""
    query = select(derivations).where(derivations.c.user_id == user_id)
    if workout_id:
        query = query.where(
            derivations.c.derivation_pk.in_(
                select(derivation_members.c.derivation_pk)
                .join(workouts, workouts.c.workout_pk == derivation_members.c.workout_pk)
                .where(workouts.c.user_id == user_id, workouts.c.workout_id == workout_id)
            )
        )
    if before_pk is not None:
        query = query.where(derivations.c.derivation_pk < before_pk)
    rows = conn.execute(query.order_by(derivations.c.derivation_pk.desc()).limit(limit)).all()
    return _with_members(conn, rows)


def of_workouts(conn: Connection, workout_pks: Sequence[int]) -> list[StoredDerivation]:
    """All derivations that any of these workouts belongs to."""
    keys = select(derivation_members.c.derivation_pk).where(derivation_members.c.workout_pk.in_(workout_pks))
    rows = conn.execute(
        select(derivations).where(derivations.c.derivation_pk.in_(keys)).order_by(derivations.c.derivation_pk)
    ).all()
    return _with_members(conn, rows)


def remove(conn: Connection, derivation_pks: Sequence[int]) -> None:
    """Delete derivations; the pairs of duplicates that they resolved are open again."""
    conn.execute(
        update(duplicates)
        .where(duplicates.c.derivation_pk.in_(derivation_pks))
        .values(derivation_pk=None, state=int(duplicate_service_pb2.DUPLICATE_STATE_OPEN))
    )
    conn.execute(delete(derivations).where(derivations.c.derivation_pk.in_(derivation_pks)))


def lock_workouts(conn: Connection, user_id: str, workout_pks: Sequence[int]) -> list[Row[Any]]:
    """The rows of a person's workouts in the order of their keys, locked until the transaction ends."""
    locked = conn.execute(
        select(workouts.c.workout_id)
        .where(workouts.c.user_id == user_id, workouts.c.workout_pk.in_(workout_pks))
        .order_by(workouts.c.workout_pk)
        .with_for_update()
    ).scalars()
    rows = [workout_store.find(conn, user_id, workout_id) for workout_id in locked.all()]
    return [row for row in rows if row is not None]


def add_workout(
    conn: Connection,
    recording: dict[str, Any],
    described: Sequence[dict[str, Any]],
    chunk_rows: Sequence[Sequence[dict[str, Any]]],
    workout: dict[str, Any],
) -> int:
    """Add a workout with a recording of its own, the chunks source by source; returns its key."""
    recording_key = conn.execute(insert(recordings).values(**recording)).inserted_primary_key
    assert recording_key is not None
    for source, rows in zip(described, chunk_rows, strict=True):
        source_key = conn.execute(
            insert(sources).values(recording_pk=recording_key[0], **source)
        ).inserted_primary_key
        assert source_key is not None
        conn.execute(insert(chunks), [{**row, "source_pk": source_key[0]} for row in rows])
    key = conn.execute(insert(workouts).values(recording_pk=recording_key[0], **workout)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _with_members(conn: Connection, rows: Sequence[Row[Any]]) -> list[StoredDerivation]:
    members: dict[int, list[Member]] = {row.derivation_pk: [] for row in rows}
    found = conn.execute(
        select(derivation_members, workouts.c.workout_id, workouts.c.hidden)
        .join(workouts, workouts.c.workout_pk == derivation_members.c.workout_pk)
        .where(derivation_members.c.derivation_pk.in_(list(members)))
        .order_by(derivation_members.c.derivation_pk, derivation_members.c.ordinal)
    )
    for each in found:
        members[each.derivation_pk].append(
            Member(each.workout_pk, each.workout_id, Role(each.role), each.ordinal, each.hidden)
        )
    return [StoredDerivation(row, tuple(members[row.derivation_pk])) for row in rows]
