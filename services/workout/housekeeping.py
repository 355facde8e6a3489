"""What nobody asks for and somebody must do: closing what was abandoned, forgetting old answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from sqlalchemy import Connection

from services.chassis import outbox
from services.chassis.database import Database
from services.workout import events
from services.workout.closing import Publish, close_now
from services.workout.errors import RecordingDiscarded, RecordingNotFound
from services.workout.settings import WorkoutSettings
from services.workout.store import recordings, workouts

COMPLETE_FOR_MS = 60_000
"""A recording that is whole is closed by its last writer at once; after a minute that writer is gone."""

_BATCH = 50
_HOUR_MS = 3_600_000

_log = structlog.get_logger(__name__)


class Housekeeping:
    """A background task of the host. With several processes only one of them works at a time."""

    name = "workout housekeeping"

    def __init__(
        self, database: Database, live: Publish, clock_ms: Callable[[], int], settings: WorkoutSettings
    ) -> None:
        self._database = database
        self._live = live
        self._clock_ms = clock_ms
        self._settings = settings

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(self._settings.housekeeping_every_s)
            async with self._database.leadership("workout-housekeeping") as lease:
                if lease is not None:
                    await self.tidy()

    async def tidy(self) -> int:
        """One round; returns how many recordings were closed or discarded."""
        now_ms = self._clock_ms()
        async with self._database.write() as transaction:
            before_ms = now_ms - round(self._settings.answers_kept_h * _HOUR_MS)
            await transaction.run(workouts.delete_answers_before, before_ms)
        idle_since_ms = now_ms - round(self._settings.abandoned_after_h * _HOUR_MS)
        async with self._database.read() as view:
            keys = await view.run(recordings.abandoned, idle_since_ms, now_ms - COMPLETE_FOR_MS, _BATCH)
        for recording_pk in keys:
            await self._end(recording_pk, now_ms)
        return len(keys)

    async def _end(self, recording_pk: int, now_ms: int) -> None:
        """Close the recording; one without any sample and detail is discarded: nobody asked for a workout."""
        try:
            async with self._database.write() as transaction:
                discarded = await transaction.run(_discard_if_empty, recording_pk, now_ms)
            if not discarded:
                closed = await close_now(self._database, recording_pk, now_ms, self._live)
                _log.info("abandoned_recording_closed", workout_id=closed.workout_id)
        except (RecordingDiscarded, RecordingNotFound):
            return  # its owner was faster
        except Exception:
            # One recording that cannot be closed must not keep the others from it.
            _log.exception("abandoned_recording_not_closed", recording_pk=recording_pk)


def _discard_if_empty(conn: Connection, recording_pk: int, now_ms: int) -> bool:
    row = recordings.lock(conn, recording_pk)
    if row is None or row.recording.state in (recordings.CLOSED, recordings.DISCARDED):
        return False
    if row.recording.details or any(source.next_sequence for source in row.sources):
        return False
    recording = row.recording
    recordings.discard(conn, recording.user_id, recording.recording_id, now_ms)
    outbox.append(conn, events.recording_discarded(recording.user_id, recording.recording_id, now_ms))
    return True
