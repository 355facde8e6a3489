"""Closing a recording: its journal becomes a workout, its samples become chunks, once and for all.

Decoding and compressing take long for long recordings, so they run in a worker thread between a read and a
write: the write checks that nothing was added meanwhile, and the whole is repeated if something was. Neither
the event loop nor the one writer of SQLite waits for the work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection, Row

from pulsemesh.event.v1 import envelope_pb2
from pulsemesh.workout.v1 import recording_pb2, recording_service_pb2
from services.chassis import outbox
from services.chassis.database import Database
from services.chassis.errors import Unavailable
from services.workout import compaction, events
from services.workout.analysis import queue
from services.workout.errors import RecordingDiscarded, RecordingIncomplete, RecordingNotFound
from services.workout.ingest.live import topic
from services.workout.store import recordings, workouts

P = ParamSpec("P")
Result = TypeVar("Result")

_ATTEMPTS = 5

_COMPACTING = ThreadPoolExecutor(1, thread_name_prefix="compaction")
"""Recordings are compacted one after the other. Compaction holds the interpreter for most of its time:
several at once would finish no sooner, and everybody else's calls would wait for each of them in turn."""


class Publish(Protocol):
    """The publishing half of the live port."""

    def publish(self, topic: str, message: bytes) -> Awaitable[None]:
        """Give `message` to whoever listens to `topic` now."""
        ...


@dataclass(frozen=True, slots=True)
class ClosedWorkout:
    """The workout that a recording became.

    Attributes:
        event: what was put into the outbox; None when the recording had been closed before.
        samples: what the recording held, of all sources.
    """

    workout_id: str
    recording_pk: int
    closed_ms: int
    event: envelope_pb2.Envelope | None
    samples: int = 0

    @property
    def already_closed(self) -> bool:
        """True when this closing found the workout made."""
        return self.event is None


async def close_when_complete(
    database: Database, recording_pk: int, now_ms: int, live: Publish | None = None
) -> ClosedWorkout:
    """Make the workout of a recording whose sources are all complete; a repeat returns the same workout.

    Once it is committed, `live` tells the watchers.

    Raises:
        RecordingIncomplete, RecordingDiscarded, RecordingNotFound: there is nothing to close.
        StoreUnavailable: nothing was closed, or it is not known; repeat.
    """
    return await _close(database, recording_pk, now_ms, live, incomplete=False)


async def close_now(
    database: Database, recording_pk: int, now_ms: int, live: Publish | None = None
) -> ClosedWorkout:
    """The same with whatever samples there are; its writers can add no more.

    A recording without any sample becomes a workout without numbers: whoever asked is told an id, always.

    Raises:
        RecordingDiscarded, RecordingNotFound: there is nothing to close.
        StoreUnavailable: nothing was closed, or it is not known; repeat.
    """
    return await _close(database, recording_pk, now_ms, live, incomplete=True)


def close_recording(conn: Connection, recording_pk: int, now_ms: int) -> ClosedWorkout:
    """All of `close_now` but the watchers, inside one write transaction: for short recordings and for tests.

    Raises:
        RecordingDiscarded, RecordingNotFound: there is nothing to close.
    """
    found = recordings.lock(conn, recording_pk)
    closed = _closed_before(conn, found, recording_pk)
    if closed is not None:
        return closed
    journalled = _journalled(conn, recording_pk)
    return _write(conn, journalled.sources, compaction.prepare(journalled, now_ms), now_ms)


async def announce_closed(live: Publish, closed: ClosedWorkout) -> None:
    """Tell the watchers of a recording that it is a workout now."""
    message = recording_service_pb2.WatchRecordingResponse(
        state=recording_pb2.RECORDING_STATE_CLOSED, workout_id=closed.workout_id, samples=closed.samples
    )
    message.committed_at.FromMilliseconds(closed.closed_ms)
    await live.publish(topic(closed.recording_pk), message.SerializeToString())


async def _in_turn(work: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
    """Do `work` in the thread for compaction once it is free."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_COMPACTING, partial(work, *args, **kwargs))


async def _close(
    database: Database, recording_pk: int, now_ms: int, live: Publish | None, *, incomplete: bool
) -> ClosedWorkout:
    for _ in range(_ATTEMPTS):
        async with database.read() as view:
            journalled = await view.run(_read, recording_pk, incomplete)
        if isinstance(journalled, ClosedWorkout):
            return journalled
        prepared = await _in_turn(compaction.prepare, journalled, now_ms)
        async with database.write() as transaction:
            closed = await transaction.run(_apply, recording_pk, prepared, now_ms)
        if closed is not None:
            if live is not None and not closed.already_closed:
                await announce_closed(live, closed)
            return closed
    raise Unavailable(0.5, "samples keep arriving while the recording is being closed")


def _read(
    conn: Connection, recording_pk: int, incomplete: bool
) -> compaction.JournalledRecording | ClosedWorkout:
    closed = _closed_before(conn, recordings.find_by_key(conn, recording_pk), recording_pk)
    if closed is not None:
        return closed
    journalled = _journalled(conn, recording_pk)
    if not incomplete and not all(source.complete for source in journalled.sources):
        raise RecordingIncomplete(journalled.recording.recording_id)
    return journalled


def _closed_before(
    conn: Connection, found: recordings.RecordingRow | None, recording_pk: int
) -> ClosedWorkout | None:
    if found is None:
        raise RecordingNotFound(str(recording_pk))
    if found.recording.state == recordings.DISCARDED:
        raise RecordingDiscarded(found.recording.recording_id)
    if found.recording.state == recordings.CLOSED:
        return _as_closed(workouts.of_recording(conn, recording_pk))
    return None


def _journalled(conn: Connection, recording_pk: int) -> compaction.JournalledRecording:
    found = recordings.find_by_key(conn, recording_pk)
    if found is None:
        raise RecordingNotFound(str(recording_pk))
    keys = [source.source_pk for source in found.sources]
    return compaction.JournalledRecording(found.recording, found.sources, recordings.batches(conn, keys))


def _apply(
    conn: Connection, recording_pk: int, prepared: compaction.PreparedWorkout, now_ms: int
) -> ClosedWorkout | None:
    """Write what was prepared; None when something was added to the recording since."""
    found = recordings.lock(conn, recording_pk)
    closed = _closed_before(conn, found, recording_pk)
    if closed is not None:
        return closed
    assert found is not None
    if compaction.state_of(found.recording, found.sources) != prepared.state:
        return None
    return _write(conn, found.sources, prepared, now_ms)


def _write(
    conn: Connection, sources: Sequence[Row[Any]], prepared: compaction.PreparedWorkout, now_ms: int
) -> ClosedWorkout:
    recording_pk = prepared.workout["recording_pk"]
    recordings.refuse_samples(conn, recording_pk)
    workouts.add(conn, prepared.workout, prepared.chunks)
    recordings.delete_journal(conn, [source.source_pk for source in sources])
    recordings.mark_closed(conn, recording_pk, prepared.message.workout_id, now_ms)
    event = events.workout_recorded(prepared.message, now_ms)
    outbox.append(conn, event)
    workout = workouts.of_recording(conn, recording_pk)
    queue.enqueue(conn, workout.user_id, workout.workout_pk, queue.CLOSED, now_ms)
    samples = sum(source.next_sequence for source in sources)
    return ClosedWorkout(prepared.message.workout_id, recording_pk, now_ms, event, samples)


def _as_closed(workout: Row[Any]) -> ClosedWorkout:
    return ClosedWorkout(workout.workout_id, workout.recording_pk, workout.created_ms, None)
