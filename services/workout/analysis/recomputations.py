"""Changes that touch many workouts, and how far the work on them is: store functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, case, delete, exists, func, insert, select

from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import athlete_pb2
from services.chassis.errors import RequestIdReused
from services.workout.analysis import queue
from services.workout.tables import analysis_jobs, recomputations

KEPT_MS = 30 * 86_400_000
"""How long a finished one can be asked for, and its request be recognised."""


@dataclass(frozen=True, slots=True)
class Asked:
    """By what a repeat of a request is recognised; an empty id never is."""

    request_id: str
    digest: bytes


def answered(conn: Connection, user_id: str, asked: Asked) -> athlete_pb2.Recomputation | None:
    """The recomputation that this request began when it came first.

    Raises:
        RequestIdReused: another request had the same id.
    """
    if not asked.request_id:
        return None
    row = conn.execute(
        select(recomputations.c.recomputation_id, recomputations.c.request_sha256).where(
            recomputations.c.user_id == user_id, recomputations.c.request_id == asked.request_id
        )
    ).one_or_none()
    if row is None:
        return None
    if bytes(row.request_sha256) != asked.digest:
        raise RequestIdReused(asked.request_id)
    return progress(conn, user_id, row.recomputation_id)


def begin(
    conn: Connection, user_id: str, workout_pks: Sequence[int], reason: str, *, asked: Asked, now_ms: int
) -> athlete_pb2.Recomputation:
    """Queue these workouts as one recomputation; it may have none, and is finished then."""
    recomputation_id = new_ulid(now_ms)
    conn.execute(
        insert(recomputations).values(
            recomputation_id=recomputation_id,
            user_id=user_id,
            request_id=asked.request_id or None,
            request_sha256=asked.digest,
            total=len(workout_pks),
            created_ms=now_ms,
        )
    )
    key = conn.execute(
        select(recomputations.c.recomputation_pk).where(recomputations.c.recomputation_id == recomputation_id)
    ).scalar_one()
    queue.enqueue_many(conn, user_id, list(workout_pks), reason, now_ms, recomputation_pk=key)
    _forget_old(conn, user_id, now_ms)
    begun = progress(conn, user_id, recomputation_id)
    assert begun is not None
    return begun


def progress(conn: Connection, user_id: str, recomputation_id: str) -> athlete_pb2.Recomputation | None:
    """How far a person's recomputation is; None when there is none of that id.

    A workout that a later change touches, too, is counted by that one from then on.
    """
    row = conn.execute(
        select(recomputations).where(
            recomputations.c.user_id == user_id, recomputations.c.recomputation_id == recomputation_id
        )
    ).one_or_none()
    if row is None:
        return None
    waiting, failed = conn.execute(
        select(
            func.coalesce(func.sum(case((analysis_jobs.c.dead.is_(False), 1), else_=0)), 0),
            func.coalesce(func.sum(case((analysis_jobs.c.dead.is_(True), 1), else_=0)), 0),
        ).where(analysis_jobs.c.recomputation_pk == row.recomputation_pk)
    ).one()
    message = athlete_pb2.Recomputation(
        recomputation_id=recomputation_id,
        total=row.total,
        done=row.total - int(waiting),
        failed=int(failed),
        finished=not waiting,
    )
    message.created_at.FromMilliseconds(row.created_ms)
    return message


def _forget_old(conn: Connection, user_id: str, now_ms: int) -> None:
    waiting = exists().where(analysis_jobs.c.recomputation_pk == recomputations.c.recomputation_pk)
    conn.execute(
        delete(recomputations).where(
            recomputations.c.user_id == user_id, recomputations.c.created_ms < now_ms - KEPT_MS, ~waiting
        )
    )
