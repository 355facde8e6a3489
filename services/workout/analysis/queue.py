"""Workouts that wait for their analysis: store functions.

A job is a row, written in the transaction of whatever changed the workout, and deleted in the transaction
that stores the analysis: whoever is killed, whenever, nothing is forgotten and nothing is stored twice. A
workout has one job at most. Asking again while it is worked on makes that work void (its `generation` is
over), so that what is stored is never older than the last change.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, case, delete, func, literal, or_, select, update

from services.chassis.database import insert_for, raise_signal
from services.workout.tables import analyses, analysis_jobs, workouts

QUEUED = "analysis-queued"
"""The signal after a commit with new jobs."""

SETTLED = "analysis-settled"
"""The signal after a commit that stored an analysis or gave one up."""

CLOSED = "closed"
SPORT_CHANGED = "sport"
REVISED = "revision"
UNHIDDEN = "unhidden"
THRESHOLDS_CHANGED = "thresholds"
RECOMPUTED = "recomputation"
ALGORITHM = "algorithm"
ALLOWED = "allowed"
"""The person allows the analysis, again perhaps."""
WITHDRAWN = "withdrawn"
"""The person does not allow the analysis any more: what was computed is to be erased. No other reason takes
its place before that was done, but `ALLOWED`."""

_SUMMARISED_AGAIN = frozenset({SPORT_CHANGED, UNHIDDEN, ALLOWED})
"""While it was hidden, or not allowed, its sport may have been changed, too, and nobody worked on it."""
_IN_BACKGROUND = frozenset({THRESHOLDS_CHANGED, RECOMPUTED, ALGORITHM, ALLOWED})

LEASE_MS = 120_000
"""A process that has not settled a job by then has died, and another takes it."""

PUT_OFF_MS = 2_000
"""Until then whatever could not be reached may be back."""

MAX_ATTEMPTS = 6
FIRST_PAUSE_MS = 1_000
MAX_PAUSE_MS = 3_600_000
_MAX_ERROR = 500


@dataclass(frozen=True, slots=True)
class Job:
    """A workout to analyse.

    Attributes:
        generation: what was asked for last when the job was taken.
        summarise: its summary is to be computed again, too.
        attempts: how often it has failed.
        erase: unless the person allows the analysis, what was computed is to be erased.
    """

    workout_pk: int
    user_id: str
    generation: int
    summarise: bool
    attempts: int
    erase: bool = False


def enqueue(conn: Connection, user_id: str, workout_pk: int, reason: str, now_ms: int) -> None:
    """Ask for the analysis of a workout, once the transaction commits. One job a workout: the latest wins."""
    _add(
        conn,
        _chosen(user_id, [workout_pk]),
        reason,
        now_ms,
        None,
    )


def enqueue_many(
    conn: Connection,
    user_id: str,
    workout_pks: list[int],
    reason: str,
    now_ms: int,
    *,
    recomputation_pk: int | None = None,
) -> None:
    """The same for many workouts of one person, as parts of one recomputation."""
    for first in range(0, len(workout_pks), 500):
        chosen = _chosen(user_id, workout_pks[first : first + 500])
        _add(conn, chosen, reason, now_ms, recomputation_pk)


def enqueue_outdated(conn: Connection, algorithm: int, now_ms: int, limit: int = 1000) -> int:
    """Ask for analyses that older formulas made, or that are missing; how many were found."""
    outdated = (
        select(workouts.c.workout_pk, workouts.c.user_id)
        .join(analyses, analyses.c.workout_pk == workouts.c.workout_pk, isouter=True)
        .join(analysis_jobs, analysis_jobs.c.workout_pk == workouts.c.workout_pk, isouter=True)
        .where(
            or_(analyses.c.workout_pk.is_(None), analyses.c.algorithm < algorithm),
            analysis_jobs.c.workout_pk.is_(None),
            workouts.c.hidden.is_(False),
        )
        .order_by(workouts.c.workout_pk)
        .limit(limit)
    )
    found = conn.execute(outdated).all()
    for row in found:
        _add(
            conn,
            _chosen(row.user_id, [row.workout_pk]),
            ALGORITHM,
            now_ms,
            None,
        )
    return len(found)


def _chosen(user_id: str, workout_pks: list[int]) -> Select[int, str]:
    """The workouts of these keys that there are, held so that none of them is deleted meanwhile."""
    return (
        select(workouts.c.workout_pk, workouts.c.user_id)
        .where(workouts.c.user_id == user_id, workouts.c.workout_pk.in_(workout_pks))
        .order_by(workouts.c.workout_pk)
        .with_for_update(read=True, key_share=True)
    )


def _add(
    conn: Connection, chosen: Select[int, str], reason: str, now_ms: int, recomputation_pk: int | None
) -> None:
    wanted = chosen.subquery()
    rows = select(
        wanted.c.workout_pk,
        wanted.c.user_id,
        literal(reason),
        literal(reason in _SUMMARISED_AGAIN),
        literal(1),
        literal(int(reason in _IN_BACKGROUND)),
        literal(now_ms),
        literal(0),
        literal(0),
        literal(False),
        literal(""),
        literal(recomputation_pk, analysis_jobs.c.recomputation_pk.type),
    ).where(wanted.c.workout_pk == wanted.c.workout_pk)  # SQLite cannot parse ON CONFLICT after a bare FROM
    names = [column.name for column in _WRITTEN]
    statement = insert_for(conn, analysis_jobs).from_select(names, rows)
    new = statement.excluded
    conn.execute(
        statement.on_conflict_do_update(
            index_elements=[analysis_jobs.c.workout_pk],
            set_={
                "reason": case(
                    ((analysis_jobs.c.reason == WITHDRAWN) & (new.reason != ALLOWED), WITHDRAWN),
                    else_=new.reason,
                ),
                "summarise": or_(analysis_jobs.c.summarise, new.summarise),
                "generation": analysis_jobs.c.generation + 1,
                "priority": case(
                    (analysis_jobs.c.priority < new.priority, analysis_jobs.c.priority), else_=new.priority
                ),
                "due_ms": new.due_ms,
                "claimed_until_ms": 0,
                "attempts": 0,
                "dead": False,
                "error": "",
                "recomputation_pk": func.coalesce(new.recomputation_pk, analysis_jobs.c.recomputation_pk),
            },
        )
    )
    raise_signal(conn, QUEUED)


_WRITTEN = (
    analysis_jobs.c.workout_pk,
    analysis_jobs.c.user_id,
    analysis_jobs.c.reason,
    analysis_jobs.c.summarise,
    analysis_jobs.c.generation,
    analysis_jobs.c.priority,
    analysis_jobs.c.due_ms,
    analysis_jobs.c.claimed_until_ms,
    analysis_jobs.c.attempts,
    analysis_jobs.c.dead,
    analysis_jobs.c.error,
    analysis_jobs.c.recomputation_pk,
)


def claim(conn: Connection, now_ms: int, limit: int) -> list[Job]:
    """Take at most `limit` jobs that are due, for `LEASE_MS`; those that somebody waits for come first.

    Two processes never take the same: rows that another transaction is taking are passed over.
    """
    due = (
        select(analysis_jobs)
        .where(
            analysis_jobs.c.dead.is_(False),
            analysis_jobs.c.due_ms <= now_ms,
            analysis_jobs.c.claimed_until_ms <= now_ms,
        )
        .order_by(analysis_jobs.c.priority, analysis_jobs.c.due_ms, analysis_jobs.c.workout_pk)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = [_job(row) for row in conn.execute(due)]
    if taken:
        conn.execute(
            update(analysis_jobs)
            .where(analysis_jobs.c.workout_pk.in_([job.workout_pk for job in taken]))
            .values(claimed_until_ms=now_ms + LEASE_MS)
        )
    return taken


def drop(conn: Connection, job: Job) -> None:
    """Forget a job that was taken, unless more was asked for meanwhile."""
    mine = (analysis_jobs.c.workout_pk == job.workout_pk) & (analysis_jobs.c.generation == job.generation)
    conn.execute(delete(analysis_jobs).where(mine))
    raise_signal(conn, SETTLED)


def put_off(conn: Connection, job: Job, now_ms: int) -> None:
    """Take a job up again in a while, as if it had not been tried."""
    conn.execute(
        update(analysis_jobs)
        .where(analysis_jobs.c.workout_pk == job.workout_pk, analysis_jobs.c.generation == job.generation)
        .values(claimed_until_ms=0, due_ms=now_ms + PUT_OFF_MS)
    )


def release(conn: Connection, job: Job) -> None:
    """Let go of a job that was taken and could not be settled, where it is still there."""
    conn.execute(
        update(analysis_jobs).where(analysis_jobs.c.workout_pk == job.workout_pk).values(claimed_until_ms=0)
    )


def release_all(conn: Connection) -> None:
    """Let go of every claim: for the one process of a database, when it starts after a death."""
    conn.execute(update(analysis_jobs).where(analysis_jobs.c.claimed_until_ms > 0).values(claimed_until_ms=0))


def find(conn: Connection, workout_pk: int) -> Job | None:
    """The job of a workout, dead or alive; None when its analysis is as new as the workout."""
    row = conn.execute(select(analysis_jobs).where(analysis_jobs.c.workout_pk == workout_pk)).one_or_none()
    return None if row is None else _job(row)


def lock(conn: Connection, job: Job) -> bool:
    """Lock the job until the transaction ends; False when it was settled or asked for again meanwhile."""
    row = conn.execute(
        select(analysis_jobs.c.generation)
        .where(analysis_jobs.c.workout_pk == job.workout_pk)
        .with_for_update()
    ).one_or_none()
    return row is not None and row.generation == job.generation


def settle(conn: Connection, workout_pk: int) -> None:
    """The job is done."""
    conn.execute(delete(analysis_jobs).where(analysis_jobs.c.workout_pk == workout_pk))
    raise_signal(conn, SETTLED)


def fail(conn: Connection, job: Job, reason: str, now_ms: int) -> bool:
    """Put the job off after a failure, longer every time; True when it is given up now."""
    attempts = job.attempts + 1
    dead = attempts >= MAX_ATTEMPTS
    pause_ms = min(FIRST_PAUSE_MS * 4.0**job.attempts, MAX_PAUSE_MS) * random.uniform(0.75, 1.25)
    conn.execute(
        update(analysis_jobs)
        .where(analysis_jobs.c.workout_pk == job.workout_pk, analysis_jobs.c.generation == job.generation)
        .values(
            attempts=attempts,
            dead=dead,
            error=reason[:_MAX_ERROR].replace("\0", ""),
            due_ms=now_ms + round(pause_ms),
            claimed_until_ms=0,
        )
    )
    if dead:
        raise_signal(conn, SETTLED)
    return dead


def next_due_ms(conn: Connection, now_ms: int) -> int | None:
    """When the next job that nobody works on is due; None when there is none."""
    due_ms: int | None = conn.execute(
        select(func.min(analysis_jobs.c.due_ms)).where(
            analysis_jobs.c.dead.is_(False), analysis_jobs.c.claimed_until_ms <= now_ms
        )
    ).scalar_one()
    return due_ms


def _job(row: Any) -> Job:
    return Job(
        row.workout_pk,
        row.user_id,
        row.generation,
        row.summarise,
        row.attempts,
        erase=row.reason == WITHDRAWN,
    )
