"""The SQL of overviews of long streams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, case, delete, func, insert, select

from services.workout.tables import chunks, overviews, sources, workouts

ALIGNED = 0
"""In `overviews.series`: all sources on one axis of time. Otherwise it is the key of a source."""


@dataclass(frozen=True, slots=True)
class Heading:
    """What a workout's stream is made of.

    Attributes:
        sources: source_pk, source_id, description, and how many samples lie in chunks that touch the window;
            only those with samples.
    """

    workout_pk: int
    version: int
    sources: tuple[Row[Any, Any, Any, Any], ...]


def heading(conn: Connection, user_id: str, workout_id: str, window: tuple[int, int]) -> Heading | None:
    """What the stream of a person's workout is made of; None: there is no such workout."""
    touched = case(
        ((chunks.c.end_ms >= window[0]) & (chunks.c.start_ms < window[1]), chunks.c.samples), else_=0
    )
    row = conn.execute(
        select(workouts.c.workout_pk, workouts.c.version, workouts.c.recording_pk).where(
            workouts.c.user_id == user_id, workouts.c.workout_id == workout_id
        )
    ).one_or_none()
    if row is None:
        return None
    held = (
        select(sources.c.source_pk, func.sum(touched).label("samples"))
        .join(chunks, chunks.c.source_pk == sources.c.source_pk)
        .where(sources.c.recording_pk == row.recording_pk)
        .group_by(sources.c.source_pk)
        .subquery()
    )
    found = conn.execute(
        select(sources.c.source_pk, sources.c.source_id, sources.c.description, held.c.samples)
        .join(held, held.c.source_pk == sources.c.source_pk)
        .order_by(sources.c.source_pk)
    )
    return Heading(row.workout_pk, row.version, tuple(found.all()))


def coarsest(conn: Connection, workout_pk: int, series: int) -> Sequence[Row[Any]]:
    """The tiles of the coarsest level; none: there is no overview yet."""
    mine = (overviews.c.workout_pk == workout_pk) & (overviews.c.series == series)
    level = select(func.max(overviews.c.level)).where(mine).scalar_subquery()
    return conn.execute(
        select(overviews).where(mine, overviews.c.level == level).order_by(overviews.c.ordinal)
    ).all()


def tiles(
    conn: Connection, workout_pk: int, series: int, level: int, window: tuple[int, int]
) -> Sequence[Row[Any]]:
    """The tiles of a level that touch [start_ms, end_ms), in the order of time."""
    return conn.execute(
        select(overviews)
        .where(
            overviews.c.workout_pk == workout_pk,
            overviews.c.series == series,
            overviews.c.level == level,
            overviews.c.end_ms >= window[0],
            overviews.c.start_ms < window[1],
        )
        .order_by(overviews.c.ordinal)
    ).all()


def source_chunks(conn: Connection, source_pk: int, window: tuple[int, int]) -> list[bytes]:
    """The chunks of a source that may hold samples of [start_ms, end_ms), in the order of time."""
    return [
        bytes(payload)
        for payload in conn.execute(
            select(chunks.c.payload)
            .where(
                chunks.c.source_pk == source_pk, chunks.c.end_ms >= window[0], chunks.c.start_ms < window[1]
            )
            .order_by(chunks.c.ordinal)
        ).scalars()
    ]


def put(
    conn: Connection, workout_pk: int, version: int, series: int, rows: Iterable[Mapping[str, Any]]
) -> bool:
    """Keep an overview; False when the workout is not of that version any more."""
    row = conn.execute(
        select(workouts.c.version).where(workouts.c.workout_pk == workout_pk).with_for_update()
    ).one_or_none()
    if row is None or row.version != version:
        return False
    conn.execute(delete(overviews).where(overviews.c.workout_pk == workout_pk, overviews.c.series == series))
    conn.execute(insert(overviews), [dict(each) for each in rows])
    return True
