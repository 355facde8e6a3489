"""Watching another person's recording."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from sqlalchemy import Connection, Row

from pulsemesh.profile.v1 import privacy_pb2
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import recording_pb2
from pulsemesh.workout.v1.recording_service_pb2 import WatchRecordingResponse
from pulsemesh.workout.v1.shared_workout_service_pb2 import SharedRecording, WatchSharedRecordingResponse
from services.workout.errors import RecordingNotFound
from services.workout.shared import store
from services.workout.shared.errors import SharedNotFound
from services.workout.shared.live import LiveFilter
from services.workout.shared.looking import Looking
from services.workout.streams.merging import LATITUDE, LONGITUDE
from services.workout.watching import Watching, committed_numbers

DECIDED_AGAIN_S = 5.0
"""How long a watcher goes on by what was decided, at most."""

TOLD_ONLY_EVERY_MS = 600_000
"""The end of a recording that nobody sees is told at full ten minutes: when somebody came home is hidden."""

_OVER = (recording_pb2.RECORDING_STATE_CLOSED, recording_pb2.RECORDING_STATE_DISCARDED)


class SharedWatching:
    """Follows recordings of others."""

    def __init__(self, looking: Looking, watching: Watching, clock_ms: Callable[[], int]) -> None:
        self._database, self._sights, self._names = looking.database, looking.sights, looking.names
        self._looking = looking
        self._watching = watching
        self._clock_ms = clock_ms

    async def recordings(self, viewer_id: str, owner_id: str) -> list[SharedRecording]:
        """Those that can be watched now: of which something would be seen."""
        view = (await self._sights.of(viewer_id, owner_id)).view()
        if not view.shows(privacy_pb2.ASPECT_LIVE):
            return []
        names = await self._names.recordings()
        found = []
        async with self._database.read() as transaction:
            for row in await transaction.run(store.open_recordings, owner_id):
                message = await transaction.run(committed_numbers, owner_id, row.recording_id)
                watched = LiveFilter(positioned=await transaction.run(_positioned, row))
                if message is not None and watched.show(view, message.values):
                    found.append(_recording(row, names.write(row.recording_pk)))
        return sorted(found, key=lambda each: each.shared_id)

    async def follow(
        self, viewer_id: str, owner_id: str, shared_id: str, draining: asyncio.Event
    ) -> AsyncIterator[WatchSharedRecordingResponse]:
        """Yield what is seen, until the recording is over.

        Raises:
            SharedNotFound: there is none that the caller may watch, or no longer.
            ShuttingDown: the server goes away; watch again.
        """
        row = await self._find(viewer_id, owner_id, shared_id)
        async with self._database.read() as view:
            watched = LiveFilter(positioned=await view.run(_positioned, row))
        seen, decided_at = (await self._sights.of(viewer_id, owner_id)).view(), time.monotonic()
        async with aclosing(self._numbers(owner_id, row, shared_id, draining)) as messages:
            async for message in messages:
                if time.monotonic() - decided_at > DECIDED_AGAIN_S:
                    seen, decided_at = (await self._sights.of(viewer_id, owner_id)).view(), time.monotonic()
                if not seen.shows(privacy_pb2.ASPECT_LIVE):
                    raise SharedNotFound(shared_id)
                if message.state in _OVER:
                    await self._wait_where_hidden(watched, draining)
                    yield await self._last(viewer_id, owner_id, message)
                    return
                values = watched.show(seen, message.values)
                if values:
                    yield WatchSharedRecordingResponse(
                        state=recording_pb2.RECORDING_STATE_OPEN, values=values
                    )

    async def _numbers(
        self, owner_id: str, row: Row[Any], shared_id: str, draining: asyncio.Event
    ) -> AsyncGenerator[WatchRecordingResponse, None]:
        try:
            async for message in self._watching.follow(owner_id, row.recording_id, draining):
                yield message
        except RecordingNotFound:
            raise SharedNotFound(shared_id) from None

    async def _find(self, viewer_id: str, owner_id: str, shared_id: str) -> Row[Any]:
        """A recording that goes on and may be watched."""
        view = (await self._sights.of(viewer_id, owner_id)).view()
        recording_pk = (await self._names.recordings()).read(shared_id)
        if recording_pk is None:
            raise SharedNotFound(shared_id)
        async with self._database.read() as transaction:
            row = await transaction.run(store.find_recording, owner_id, recording_pk)
        if row is None or not view.shows(privacy_pb2.ASPECT_LIVE):
            raise SharedNotFound(shared_id)
        return row

    async def _wait_where_hidden(self, watched: LiveFilter, draining: asyncio.Event) -> None:
        if not watched.hidden:
            return
        rest_s = (TOLD_ONLY_EVERY_MS - self._clock_ms() % TOLD_ONLY_EVERY_MS) / 1000
        try:
            await asyncio.wait_for(draining.wait(), rest_s)
        except TimeoutError:
            return

    async def _last(
        self, viewer_id: str, owner_id: str, message: WatchRecordingResponse
    ) -> WatchSharedRecordingResponse:
        response = WatchSharedRecordingResponse(state=message.state)
        if message.workout_id:
            async with self._database.read() as view:
                workout_pk = await view.run(store.own_key, owner_id, message.workout_id)
            if workout_pk is not None:
                shared_id = (await self._names.workouts()).write(workout_pk)
                try:
                    await self._looking.find(viewer_id, owner_id, shared_id)
                    response.shared_workout_id = shared_id
                except SharedNotFound:
                    pass  # the owner made this one private
        return response


def _positioned(conn: Connection, row: Row[Any]) -> bool:
    """Whether any source of a recording may tell positions."""
    described = [recording_pb2.Source.FromString(each) for each in store.descriptions(conn, row.recording_pk)]
    return any({LATITUDE, LONGITUDE} & {int(channel) for channel in each.channels} for each in described)


def _recording(row: Row[Any], shared_id: str) -> SharedRecording:
    return SharedRecording(
        shared_id=shared_id,
        user_id=row.user_id,
        sport=sport_pb2.Sport.ValueType(row.sport),
        sub_sport=sport_pb2.SubSport.ValueType(row.sub_sport),
    )
