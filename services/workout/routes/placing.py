"""Finding the route of each workout's course.

Candidates are read, then held against the course in a worker thread, then the answer is written if the course
is still the same: neither the event loop nor SQLite's only writer waits for the geometry.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import structlog
from sqlalchemy import Connection

from services.chassis.database import Database, StoreUnavailable
from services.workout.codec.columns import Int64Array
from services.workout.routes import store
from services.workout.routes.course import Course, decode_course, decode_times
from services.workout.routes.likeness import SHORTEST_M, compare
from services.workout.routes.matching import Matched
from services.workout.routes.progress import Passage, Progress, passage, progress
from services.workout.routes.store import Candidate

POLL_S = 5.0
"""Seconds between looks for what other processes stored; one's own tracks wake the placer at once."""

_BATCH = 50
_SURE = 0.97

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Unplaced:
    """A track to be placed, with the routes that it may be on, of those up to `newest_pk`."""

    workout_pk: int
    user_id: str
    sport: int
    generation: int
    course: Course
    times_ms: Int64Array
    candidates: Sequence[Candidate]
    newest_pk: int


@dataclass(frozen=True, slots=True)
class Placed:
    """The route of a track (None: one of its own, if it is long enough), and how it fared there."""

    route_pk: int | None
    passage: Passage


class RoutePlacer:
    """A background task of the host. With several processes only one of them works at a time."""

    name = "workout routes"

    def __init__(self, database: Database, clock_ms: Callable[[], int], *, poll_s: float = POLL_S) -> None:
        self._database = database
        self._clock_ms = clock_ms
        self._poll_s = poll_s
        self._stored = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        unsubscribe = self._database.on_signal(store.UNPLACED, self._stored.set)
        try:
            while True:
                self._stored.clear()
                if not await self.work():
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._poll_s):
                            await self._stored.wait()
        finally:
            unsubscribe()

    async def work(self) -> int:
        """Place what waits; returns how many tracks that were."""
        async with self._database.read() as view:
            if not await view.run(store.unplaced, 1):
                return 0
        async with self._database.leadership("workout-routes") as lease:
            if lease is None:
                return 0
            async with self._database.read() as view:
                waiting = await view.run(store.unplaced, _BATCH)
            for workout_pk in waiting:
                await self._place(workout_pk)
            return len(waiting)

    async def _place(self, workout_pk: int) -> None:
        try:
            await place(self._database, workout_pk, self._clock_ms())
        except (StoreUnavailable, asyncio.CancelledError):
            raise
        except Exception:
            # A track that cannot be placed must not keep the others from it: it stays without a route.
            _log.exception("track_not_placed", workout_pk=workout_pk)
            async with self._database.write() as transaction:
                await transaction.run(store.place_track, workout_pk, None, 0.0, 0.0)


async def place(database: Database, workout_pk: int, now_ms: int) -> bool:
    """Find the route of a workout now; False when there is nothing to place, or its track changed
    meanwhile."""
    async with database.read() as view:
        unplaced = await view.run(read_unplaced, workout_pk)
    if unplaced is None:
        return False
    placed = await asyncio.to_thread(find_place, unplaced)
    async with database.write() as transaction:
        return await transaction.run(store_place, unplaced, placed, now_ms)


def read_unplaced(conn: Connection, workout_pk: int) -> Unplaced | None:
    """Store function: the track with its candidates; None when it has gone or was placed."""
    row = store.find_track(conn, workout_pk)
    if row is None or row.placed:
        return None
    course = decode_course(bytes(row.course))
    newest = store.newest_route(conn, row.user_id)
    found: list[Candidate] = []
    if course.length_m >= SHORTEST_M:
        found = store.candidates(conn, row.user_id, row.sport, course, without=workout_pk)
    times_ms = decode_times(bytes(row.course_times), row.start_ms)
    return Unplaced(workout_pk, row.user_id, row.sport, row.generation, course, times_ms, found, newest)


def find_place(unplaced: Unplaced) -> Placed:
    """Hold the course against each candidate; the one it shares most with is its route. Pure."""
    best = best_candidate(unplaced.course, unplaced.candidates)
    if best is None:
        own = Progress(unplaced.course.along_m, unplaced.times_ms.astype(np.float64))
        return Placed(None, _passage(unplaced, unplaced.course, own))
    candidate, matched = best
    along = progress(matched, unplaced.times_ms)
    return Placed(candidate.route_pk, _passage(unplaced, candidate.course, along))


def store_place(conn: Connection, unplaced: Unplaced, placed: Placed, now_ms: int) -> bool:
    """Store function: write the answer, beginning a route where there is none; False when it is outdated."""
    if not store.lock_track(conn, unplaced.workout_pk, unplaced.generation):
        return False
    if placed.route_pk is not None and store.lock_route(conn, placed.route_pk) is None:
        return False  # its last workout went meanwhile: look again
    route_pk = placed.route_pk
    if route_pk is None and unplaced.course.length_m >= SHORTEST_M:
        meanwhile = _begun_meanwhile(conn, unplaced)
        if meanwhile is not None:
            placed, route_pk = meanwhile, meanwhile.route_pk
        else:
            route_pk = store.add_route(
                conn,
                unplaced.user_id,
                unplaced.sport,
                model_pk=unplaced.workout_pk,
                course=unplaced.course,
                now_ms=now_ms,
            )
    store.place_track(
        conn, unplaced.workout_pk, route_pk, placed.passage.elapsed_s, placed.passage.distance_m
    )
    return True


def best_candidate(course: Course, candidates: Sequence[Candidate]) -> tuple[Candidate, Matched] | None:
    """The candidate of whose way the course is, with most in common; None where it goes its own."""
    best: tuple[Candidate, Matched] | None = None
    for candidate in candidates:
        likeness = compare(candidate.course, course)
        if likeness is None or not likeness.same:
            continue
        if best is None or _share(likeness.matched) > _share(best[1]):
            best = (candidate, likeness.matched)
        if _share(likeness.matched) >= _SURE:
            break
    return best


def _share(matched: Matched) -> float:
    return min(matched.model_share, matched.track_share)


def _begun_meanwhile(conn: Connection, unplaced: Unplaced) -> Placed | None:
    """The place on a route that another workout began after the candidates were read, if that is its way."""
    newer = store.candidates(
        conn,
        unplaced.user_id,
        unplaced.sport,
        unplaced.course,
        without=unplaced.workout_pk,
        after_pk=unplaced.newest_pk,
    )
    best = best_candidate(unplaced.course, newer)
    if best is None:
        return None
    along = progress(best[1], unplaced.times_ms)
    return Placed(best[0].route_pk, _passage(unplaced, best[0].course, along))


def _passage(unplaced: Unplaced, model: Course, along: Progress) -> Passage:
    passed = passage(along, model.length_m)
    if passed is not None:
        return passed
    first, last = float(unplaced.times_ms[0]), float(unplaced.times_ms[-1])
    return Passage(first, last, unplaced.course.length_m)
