"""Searching old workouts for a new segment.

Workouts whose box holds the segment are looked at in the order of their keys, some at a time; the key of the
last one is kept with the segment, so that a search goes on where a process that died had left it. A workout
that changes meanwhile finds the segment by itself (see `step`), and what was found in its older state is not
stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Connection, Row, select

from services.chassis.database import Database
from services.workout.codec import concatenate, decode_chunk
from services.workout.routes.course import Course, decode_course
from services.workout.routes.store import lock_track
from services.workout.segments import store
from services.workout.segments.efforts import NEEDED, Effort, KnownSegment, efforts_of_sources
from services.workout.segments.passing import comes_near
from services.workout.store.workouts import StoredSource, stream
from services.workout.tables import workouts

POLL_S = 5.0
"""Seconds between looks for segments that other processes stored; one's own wake the finder at once."""

BATCH = 10

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Found:
    """The efforts in the state of a workout that `generation` names."""

    workout_pk: int
    generation: int
    efforts: Sequence[Effort]


class SegmentFinder:
    """A background task of the host. With several processes only one of them works at a time."""

    name = "workout segments"

    def __init__(self, database: Database, clock_ms: Callable[[], int], *, poll_s: float = POLL_S) -> None:
        self._database = database
        self._clock_ms = clock_ms
        self._poll_s = poll_s
        self._wanted = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        unsubscribe = self._database.on_signal(store.SEARCH, self._wanted.set)
        try:
            while True:
                self._wanted.clear()
                if not await self.work():
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._poll_s):
                            await self._wanted.wait()
        finally:
            unsubscribe()

    async def work(self) -> int:
        """Search the next few workouts of the oldest segment that waits; how many steps were made, 0 or 1."""
        async with self._database.read() as view:
            if await view.run(store.next_search) is None:
                return 0
        async with self._database.leadership("workout-segments") as lease:
            if lease is None:
                return 0
            return await self._search()

    async def _search(self) -> int:
        async with self._database.read() as view:
            segment = await view.run(store.next_search)
            if segment is None:
                return 0
            near = await view.run(store.tracks_near, segment, BATCH)
        known = KnownSegment(segment.segment_pk, segment.version, decode_course(bytes(segment.course)))
        found = [await self._look(known, segment.user_id, track) for track in near]
        async with self._database.write() as transaction:
            await transaction.run(_store, segment, found, len(near) < BATCH)
        return 1

    async def _look(self, segment: KnownSegment, user_id: str, track: Row[Any]) -> _Found:
        efforts: list[Effort] = []
        if await asyncio.to_thread(_near, segment.course, bytes(track.course)):
            async with self._database.read() as view:
                sources = await view.run(_samples, user_id, track.workout_pk)
            try:
                efforts = await asyncio.to_thread(_efforts, segment, sources)
            except Exception:
                # A workout that cannot be read must not keep the others from being searched.
                _log.exception("workout_not_searched", workout_pk=track.workout_pk)
        return _Found(track.workout_pk, track.generation, efforts)


def _near(segment: Course, course: bytes) -> bool:
    return comes_near(segment, decode_course(course))


def _samples(conn: Connection, user_id: str, workout_pk: int) -> list[StoredSource]:
    workout_id = conn.execute(
        select(workouts.c.workout_id).where(workouts.c.workout_pk == workout_pk)
    ).scalar_one_or_none()
    return [] if workout_id is None else stream(conn, user_id, workout_id, 0, None) or []


def _efforts(segment: KnownSegment, sources: Sequence[StoredSource]) -> list[Effort]:
    decoded = [
        concatenate([decode_chunk(payload).only(NEEDED) for payload in source.payloads]).sorted_by_time()
        for source in sources
    ]
    return efforts_of_sources(decoded, [segment])


def _store(conn: Connection, segment: Row[Any], found: Sequence[_Found], last: bool) -> None:
    # Tracks first, then the segment: whoever stores or deletes a workout takes them in this order.
    current = [each for each in found if lock_track(conn, each.workout_pk, each.generation)]
    locked = store.lock_search(conn, segment.segment_pk, segment.version, segment.search_cursor)
    if locked is None:
        return  # edited, deleted, or begun anew meanwhile
    for each in current:
        store.replace_efforts(conn, locked.user_id, each.workout_pk, each.efforts, locked.segment_pk)
    searched = locked.searched + len(found)
    values = {"searched": searched, "search_total": max(locked.search_total, searched)}
    if found:
        values["search_cursor"] = found[-1].workout_pk
    if last:
        values |= {"search_state": store.DONE, "search_total": searched}
    store.change(conn, locked.segment_pk, values)
