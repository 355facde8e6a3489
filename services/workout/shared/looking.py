"""Looking at workouts of others: one, its analysis, its samples, a list."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Row

from pulsemesh.profile.v1 import privacy_pb2
from pulsemesh.workout.v1 import analysis_pb2, workout_pb2
from pulsemesh.workout.v1.shared_workout_service_pb2 import SharedWorkout
from services.chassis.database import Database
from services.chassis.privacy import View
from services.workout.analysis import loading
from services.workout.analysis.loading import LoadedWorkout
from services.workout.codec import SampleColumns
from services.workout.reading import Selection, cut_into_segments, with_channels
from services.workout.shared import store
from services.workout.shared.computing import shared_analysis, shared_workout
from services.workout.shared.errors import SharedNotFound
from services.workout.shared.seen import seen_by
from services.workout.shared.sight import Names, Sight, Sights
from services.workout.streams import align, downsample

AT_ONCE = 2
"""Workouts that are computed for others at the same time."""

REMEMBERED = 500

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """A workout that is seen at all."""

    row: Row[Any]
    view: View
    shared_id: str
    analysed: bool


class Looking:
    """Answers for those who look at other people's workouts."""

    def __init__(self, database: Database, sights: Sights, names: Names) -> None:
        self.database = database
        self.sights = sights
        self.names = names
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._kept: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()

    async def workout(self, viewer_id: str, owner_id: str, shared_id: str) -> SharedWorkout:
        """One workout.

        Raises:
            SharedNotFound
        """
        return await self.described(await self.find(viewer_id, owner_id, shared_id))

    async def described(self, found: Found) -> SharedWorkout:
        """A workout that was found, as it is seen; computed once for all who see the same of it."""
        key = (found.row.workout_pk, found.row.version, found.view)
        kept = self._kept.get(key)
        if kept is None:
            made = await self._computed(found, shared_workout)
            kept = self._kept[key] = made.SerializeToString()
            while len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return SharedWorkout.FromString(kept)

    async def analysis(self, viewer_id: str, owner_id: str, shared_id: str) -> analysis_pb2.Analysis:
        """The analysis of one workout.

        Raises:
            SharedNotFound
        """
        found = await self.find(viewer_id, owner_id, shared_id)
        if not found.analysed:
            raise SharedNotFound(shared_id)
        return await self._computed(found, shared_analysis)

    async def samples(self, viewer_id: str, owner_id: str, shared_id: str) -> SampleColumns:
        """What is seen of the samples, on one axis of a second.

        Raises:
            SharedNotFound
        """
        found = await self.find(viewer_id, owner_id, shared_id)

        def aligned(view: View, workout: LoadedWorkout, _: str) -> SampleColumns:
            return align(seen_by(view, workout).sources)

        return await self._computed(found, aligned)

    async def segments(
        self, viewer_id: str, owner_id: str, shared_id: str, wanted: Selection
    ) -> AsyncIterator[workout_pb2.StreamSegment]:
        """The same as the contract's segments.

        Raises:
            SharedNotFound
        """
        samples = await self.samples(viewer_id, owner_id, shared_id)

        def shortened() -> list[workout_pb2.StreamSegment]:
            chosen = with_channels(samples, wanted.channels)
            short = downsample(chosen, wanted.max_samples, wanted.method) if wanted.max_samples else chosen
            return list(cut_into_segments(short, ""))

        for segment in await asyncio.to_thread(shortened):
            yield segment

    async def find(self, viewer_id: str, owner_id: str, shared_id: str) -> Found:
        """A workout, if it is seen at all.

        Raises:
            SharedNotFound: it is not, or there is none; which, nobody can tell.
        """
        sight = await self.sights.of(viewer_id, owner_id)
        workout_pk = (await self.names.workouts()).read(shared_id)
        if workout_pk is None:
            raise SharedNotFound(shared_id)
        async with self.database.read() as view:
            row = await view.run(store.find, owner_id, workout_pk)
        found = None if row is None else self.seen(sight, row, shared_id)
        if found is None:
            raise SharedNotFound(shared_id)
        return found

    @staticmethod
    def seen(sight: Sight, row: Row[Any], shared_id: str) -> Found | None:
        """A workout's row with what is seen of it; None where that is nothing."""
        view = sight.view(store.choice_of(row))
        if not view.shows(privacy_pb2.ASPECT_WORKOUTS):
            return None
        return Found(row, view, shared_id, sight.analysed)

    async def _computed(self, found: Found, compute: Callable[[View, LoadedWorkout, str], T]) -> T:
        async with self.database.read() as view:
            workout = await view.run(_load, found.row.workout_pk)
        if workout is None:
            raise SharedNotFound(found.shared_id)
        async with self._turns:
            return await asyncio.to_thread(compute, found.view, workout, found.shared_id)


def _load(conn: Connection, workout_pk: int) -> LoadedWorkout | None:
    return loading.load(conn, workout_pk)
