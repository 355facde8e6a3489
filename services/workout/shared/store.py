"""All SQL of what is shared."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, select

from pulsemesh.profile.v1.privacy_pb2 import WorkoutPrivacy
from services.chassis.database import insert_for
from services.workout.shared.ids import SECRET_BYTES
from services.workout.store import recordings as recordings_store
from services.workout.tables import recordings, sharing_secrets, sources, workout_privacy, workouts

_SECRET = 1


def find_secret(conn: Connection) -> bytes | None:
    """What shared ids are made with; None before they were first needed."""
    secret = conn.execute(
        select(sharing_secrets.c.secret).where(sharing_secrets.c.secret_pk == _SECRET)
    ).scalar_one_or_none()
    return None if secret is None else bytes(secret)


def make_secret(conn: Connection) -> bytes:
    """The same, made where there is none."""
    new = insert_for(conn, sharing_secrets).values(
        secret_pk=_SECRET, secret=secrets.token_bytes(SECRET_BYTES)
    )
    conn.execute(new.on_conflict_do_nothing())
    found = find_secret(conn)
    assert found is not None
    return found


def find(conn: Connection, user_id: str, workout_pk: int) -> Row[Any] | None:
    """Key, version and choice of a person's workout, unless it is hidden."""
    return conn.execute(
        _listed.where(workouts.c.user_id == user_id, workouts.c.workout_pk == workout_pk)
    ).one_or_none()


_listed: Select[Any] = (
    select(workouts.c.workout_pk, workouts.c.version, workouts.c.start_ms, workout_privacy.c.chosen)
    .join(workout_privacy, workout_privacy.c.workout_pk == workouts.c.workout_pk, isouter=True)
    .where(workouts.c.hidden.is_(False))
)


def page(conn: Connection, user_id: str, before: tuple[int, int], limit: int) -> Sequence[Row[Any]]:
    """At most `limit` of them, the latest start first, that began before (start_ms, workout_pk)."""
    start_ms, workout_pk = before
    earlier = (workouts.c.start_ms < start_ms) | (
        (workouts.c.start_ms == start_ms) & (workouts.c.workout_pk < workout_pk)
    )
    return conn.execute(
        _listed.where(workouts.c.user_id == user_id, earlier)
        .order_by(workouts.c.start_ms.desc(), workouts.c.workout_pk.desc())
        .limit(limit)
    ).all()


def choice_of(row: Row[Any]) -> WorkoutPrivacy | None:
    """What the owner chose for the workout of a row."""
    return None if row.chosen is None else WorkoutPrivacy.FromString(bytes(row.chosen))


def own_key(conn: Connection, user_id: str, workout_id: str) -> int | None:
    """The key of a person's own workout, locked until the transaction ends where it writes."""
    return conn.execute(
        select(workouts.c.workout_pk).where(
            workouts.c.user_id == user_id, workouts.c.workout_id == workout_id
        )
    ).scalar_one_or_none()


def chosen(conn: Connection, workout_pk: int) -> WorkoutPrivacy:
    """What the owner chose for a workout; empty where nothing."""
    found = conn.execute(
        select(workout_privacy.c.chosen).where(workout_privacy.c.workout_pk == workout_pk)
    ).scalar_one_or_none()
    return WorkoutPrivacy() if found is None else WorkoutPrivacy.FromString(bytes(found))


def choose(conn: Connection, user_id: str, workout_pk: int, privacy: WorkoutPrivacy) -> None:
    """Keep what the owner chose; nothing chosen is nothing kept."""
    if not privacy.rules:
        conn.execute(delete(workout_privacy).where(workout_privacy.c.workout_pk == workout_pk))
        return
    new = insert_for(conn, workout_privacy).values(
        workout_pk=workout_pk, user_id=user_id, chosen=privacy.SerializeToString(deterministic=True)
    )
    conn.execute(
        new.on_conflict_do_update(index_elements=["workout_pk"], set_={"chosen": new.excluded.chosen})
    )


def open_recordings(conn: Connection, user_id: str) -> Sequence[Row[Any]]:
    """A person's recordings that go on, the newest first."""
    going_on = (recordings_store.OPEN, recordings_store.FINISHING)
    return conn.execute(
        select(recordings)
        .where(recordings.c.user_id == user_id, recordings.c.state.in_(going_on))
        .order_by(recordings.c.recording_pk.desc())
        .limit(50)
    ).all()


def find_recording(conn: Connection, user_id: str, recording_pk: int) -> Row[Any] | None:
    """A person's recording that goes on."""
    going_on = (recordings_store.OPEN, recordings_store.FINISHING)
    return conn.execute(
        select(recordings).where(
            recordings.c.user_id == user_id,
            recordings.c.recording_pk == recording_pk,
            recordings.c.state.in_(going_on),
        )
    ).one_or_none()


def descriptions(conn: Connection, recording_pk: int) -> list[bytes]:
    """What each source of a recording said of itself."""
    rows = conn.execute(select(sources.c.description).where(sources.c.recording_pk == recording_pk))
    return [bytes(description) for (description,) in rows]
