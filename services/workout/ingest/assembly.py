"""Puts the parts of ingest together for one process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pulsemesh.workout.v1.ingest_service_pb2 import OpenRecording
from services.chassis.consent import ConsentGate
from services.chassis.database import Database
from services.chassis.group_commit import GroupCommitter
from services.chassis.live import LiveChannel
from services.workout.closing import ClosedWorkout, close_when_complete
from services.workout.ingest import store
from services.workout.ingest.limits import stream_limits, unary_limits
from services.workout.ingest.live import LiveNumbers
from services.workout.ingest.servicer import IngestServicer
from services.workout.ingest.session import Backend
from services.workout.settings import WorkoutSettings


@dataclass(frozen=True, slots=True)
class Ingest:
    """The servicer, and the committers behind it."""

    servicer: IngestServicer
    _opener: GroupCommitter[store.Opening, store.OpenedRecording]
    _committer: GroupCommitter[store.Commit, store.CommitOutcome]

    async def close(self) -> None:
        """Commit what was accepted, then stop."""
        await self._opener.close()
        await self._committer.close()


def assemble(
    database: Database,
    live: LiveChannel,
    clock_ms: Callable[[], int],
    settings: WorkoutSettings,
    consent: ConsentGate,
) -> Ingest:
    """Build ingest over the workout service's database."""
    opener = GroupCommitter(database, store.open_recordings)
    committer = GroupCommitter(database, partial(store.commit_batches, clock_ms=clock_ms))

    async def close(recording_pk: int) -> ClosedWorkout:
        return await close_when_complete(database, recording_pk, clock_ms(), live)

    def numbers(recording: store.OpenedRecording, opening: OpenRecording) -> LiveNumbers:
        held = sum(source.next_sequence for source in recording.sources)
        return LiveNumbers(recording.recording_pk, opening, live, clock_ms, held=held)

    backend = Backend(
        database=database,
        opener=opener,
        committer=committer,
        close=close,
        numbers=numbers,
        clock_ms=clock_ms,
        consent=consent,
    )
    servicer = IngestServicer(backend, stream_limits(settings), unary_limits(settings))
    return Ingest(servicer, opener, committer)
