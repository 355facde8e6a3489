"""Finished workouts, their chunks, and the answers to requests that may come again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, exists, func, insert, select, tuple_, update

from pulsemesh.workout.v1 import workout_service_pb2
from services.chassis.database import insert_for
from services.workout.tables import (
    answers,
    chunks,
    derivation_members,
    derivations,
    files,
    recordings,
    revisions,
    sources,
    workouts,
)

MADE = 2
"""In `derivation_members.role`: the workout was made by the derivation."""

_file_id = (
    select(func.min(files.c.file_id))
    .where(files.c.user_id == recordings.c.user_id, files.c.recording_id == recordings.c.recording_id)
    .scalar_subquery()
    .label("file_id")
)

_revised = exists().where(revisions.c.workout_pk == workouts.c.workout_pk).label("revised")

_derivation_id = (
    select(derivations.c.derivation_id)
    .join(derivation_members, derivation_members.c.derivation_pk == derivations.c.derivation_pk)
    .where(derivation_members.c.workout_pk == workouts.c.workout_pk, derivation_members.c.role == MADE)
    .scalar_subquery()
    .label("derivation_id")
)

_workout = select(workouts, recordings.c.recording_id, _file_id, _revised, _derivation_id).join(
    recordings, recordings.c.recording_pk == workouts.c.recording_pk
)


def find(conn: Connection, user_id: str, workout_id: str) -> Row[Any] | None:
    """The workout of that id of that person, with `recording_id`, `file_id` (None: no original),
    `revised`, and `derivation_id` (None: recorded)."""
    return conn.execute(
        _workout.where(workouts.c.user_id == user_id, workouts.c.workout_id == workout_id)
    ).one_or_none()


def find_by_keys(conn: Connection, workout_pks: Sequence[int]) -> dict[int, Row[Any]]:
    """The workouts of these keys, as `find` gives them, by key."""
    rows = conn.execute(_workout.where(workouts.c.workout_pk.in_(workout_pks)))
    return {row.workout_pk: row for row in rows}


def find_for_update(conn: Connection, user_id: str, workout_id: str) -> Row[Any] | None:
    """The same, locked until the transaction ends."""
    return conn.execute(
        _workout.where(workouts.c.user_id == user_id, workouts.c.workout_id == workout_id).with_for_update(
            of=workouts
        )
    ).one_or_none()


def of_recording(conn: Connection, recording_pk: int) -> Row[Any]:
    """The workout of a closed recording."""
    return conn.execute(_workout.where(workouts.c.recording_pk == recording_pk)).one()


def page(
    conn: Connection,
    user_id: str,
    wanted: workout_service_pb2.WorkoutFilter,
    before: tuple[int, int] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """At most `limit` workouts of a person, the latest start first, beyond (start_ms, workout_pk)."""
    query = _filtered(_workout.where(workouts.c.user_id == user_id), wanted)
    if before is not None:
        query = query.where(tuple_(workouts.c.start_ms, workouts.c.workout_pk) < tuple_(*before))
    return conn.execute(
        query.order_by(workouts.c.start_ms.desc(), workouts.c.workout_pk.desc()).limit(limit)
    ).all()


def page_by_id(conn: Connection, user_id: str, after_id: str, limit: int) -> Sequence[Row[Any]]:
    """At most `limit` workouts of a person, hidden ones too, in the order of their ids, beyond `after_id`."""
    query = _workout.where(workouts.c.user_id == user_id, workouts.c.workout_id > after_id)
    return conn.execute(query.order_by(workouts.c.workout_id).limit(limit)).all()


def _filtered(query: Select[Any], wanted: workout_service_pb2.WorkoutFilter) -> Select[Any]:
    query = query.where(workouts.c.hidden.is_(wanted.hidden))
    if wanted.sports:
        query = query.where(workouts.c.sport.in_(sorted(set(wanted.sports))))
    if wanted.HasField("started_after"):
        query = query.where(workouts.c.start_ms > wanted.started_after.ToMilliseconds())
    if wanted.HasField("started_before"):
        query = query.where(workouts.c.start_ms < wanted.started_before.ToMilliseconds())
    if wanted.HasField("minimum_distance_m"):
        query = query.where(workouts.c.distance_m >= wanted.minimum_distance_m)
    if wanted.HasField("maximum_distance_m"):
        query = query.where(workouts.c.distance_m <= wanted.maximum_distance_m)
    if wanted.HasField("minimum_elapsed_s"):
        query = query.where(workouts.c.elapsed_s >= wanted.minimum_elapsed_s)
    if wanted.HasField("maximum_elapsed_s"):
        query = query.where(workouts.c.elapsed_s <= wanted.maximum_elapsed_s)
    if wanted.title_contains:
        query = query.where(workouts.c.title.icontains(wanted.title_contains, autoescape=True))
    return query


def add(conn: Connection, row: Mapping[str, Any], chunk_rows: Sequence[Mapping[str, Any]]) -> None:
    """Add a workout and the chunks of its sources."""
    conn.execute(insert(workouts), [dict(row)])
    if chunk_rows:
        conn.execute(insert(chunks), [dict(chunk) for chunk in chunk_rows])


def change(conn: Connection, workout_pk: int, values: Mapping[str, Any], version: int, now_ms: int) -> None:
    """Change columns of a workout that is locked, and its version."""
    conn.execute(
        update(workouts)
        .where(workouts.c.workout_pk == workout_pk)
        .values(**values, version=version, updated_ms=now_ms)
    )


@dataclass(frozen=True, slots=True)
class StoredSource:
    """The chunks of one source, in the order of time."""

    source_id: str
    payloads: tuple[bytes, ...]


def stream(
    conn: Connection, user_id: str, workout_id: str, start_ms: int, end_ms: int | None
) -> list[StoredSource] | None:
    """The chunks that may hold samples of [start_ms, end_ms) of a person's workout; None: no workout."""
    recording_pk = conn.execute(
        select(workouts.c.recording_pk).where(
            workouts.c.user_id == user_id, workouts.c.workout_id == workout_id
        )
    ).scalar_one_or_none()
    if recording_pk is None:
        return None
    query = (
        select(sources.c.source_id, chunks.c.payload)
        .join(chunks, chunks.c.source_pk == sources.c.source_pk)
        .where(sources.c.recording_pk == recording_pk, chunks.c.end_ms >= start_ms)
    )
    if end_ms is not None:
        query = query.where(chunks.c.start_ms < end_ms)
    payloads: dict[str, list[bytes]] = {}
    for source_id, payload in conn.execute(query.order_by(sources.c.source_pk, chunks.c.ordinal)):
        payloads.setdefault(source_id, []).append(bytes(payload))
    return [StoredSource(source_id, tuple(each)) for source_id, each in payloads.items()]


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a request."""

    request_sha256: bytes
    response: bytes


def find_answer(conn: Connection, user_id: str, request_id: str) -> Answer | None:
    """The first answer to the request of that id."""
    row = conn.execute(
        select(answers).where(answers.c.user_id == user_id, answers.c.request_id == request_id)
    ).one_or_none()
    return None if row is None else Answer(bytes(row.request_sha256), bytes(row.response))


def keep_answer(conn: Connection, user_id: str, request_id: str, answer: Answer, now_ms: int) -> bool:
    """Keep the first answer to a request; False when another transaction kept one meanwhile."""
    statement = (
        insert_for(conn, answers)
        .values(
            user_id=user_id,
            request_id=request_id,
            request_sha256=answer.request_sha256,
            response=answer.response,
            answered_ms=now_ms,
        )
        .on_conflict_do_nothing()
        .returning(answers.c.request_id)
    )
    return conn.execute(statement).first() is not None


def delete_answers_before(conn: Connection, before_ms: int) -> int:
    """Forget answers that nobody will ask for again; how many there were."""
    return conn.execute(delete(answers).where(answers.c.answered_ms < before_ms)).rowcount


def delete_answers_about(conn: Connection, user_id: str, workout_id: str) -> None:
    """Forget the answers that hold a workout of this person."""
    rows = conn.execute(
        select(answers.c.request_id, answers.c.response).where(answers.c.user_id == user_id)
    ).all()
    about = [
        request_id
        for request_id, response in rows
        if workout_service_pb2.UpdateWorkoutResponse.FromString(bytes(response)).workout.workout_id
        == workout_id
    ]
    conn.execute(delete(answers).where(answers.c.user_id == user_id, answers.c.request_id.in_(about)))
