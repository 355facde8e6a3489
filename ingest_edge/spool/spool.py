"""The spool as the rest of the edge sees it: asynchronous, durable, bounded, for one process at a time."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar
from weakref import WeakSet

from ingest_edge.spool import (
    originals_store,
    recordings_store,
    samples_store,
    schema,
    seen_files_store,
    upkeep,
)
from ingest_edge.spool.capacity import Capacity
from ingest_edge.spool.errors import SpoolError, SpoolRefused, SpoolWriteFailed, UnknownRecording
from ingest_edge.spool.feed import SpoolFeed
from ingest_edge.spool.lock import SpoolLock
from ingest_edge.spool.records import (
    WAITING_STATES,
    NewRecording,
    Original,
    SeenFile,
    SpooledOriginal,
    SpooledRecording,
    SpoolLimits,
    SpoolState,
    SpoolStatus,
    WaitingRecording,
)
from ingest_edge.spool.signal import Signal
from ingest_edge.spool.status import collect_status
from ingest_edge.spool.store_thread import StoreThread
from pulsemesh.workout.v1 import ingest_service_pb2, recording_pb2, sample_pb2

T = TypeVar("T")
Batches = Sequence[tuple[str, sample_pb2.SampleBatch]]

_PRUNE_DELAY_S = 0.5


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def open_spool(folder: Path, limits: SpoolLimits | None = None) -> Spool:
    """Open the spool in `folder`, made where there is none.

    Raises:
        SpoolLocked: another process uses it.
        SpoolCorrupt: its file is damaged; it was moved aside, and a second call begins an empty one.
        SpoolWriteFailed, SpoolError: it cannot be opened.
    """
    limits = limits or SpoolLimits()
    await asyncio.to_thread(_make_folder, folder)
    lock = SpoolLock(folder / schema.LOCK_NAME)
    path = folder / schema.DATABASE_NAME
    store = StoreThread(path, lambda: schema.open_database(path, limits.max_bytes))
    try:
        await store.start()
    except BaseException:
        lock.release()
        raise
    return Spool(path, limits, lock, store)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SpoolWriteFailed(f"cannot make the folder {folder}: {error.strerror}") from error


class Spool:
    """Recordings, their samples and original files, until the platform has them.

    What returned is durable: it survives the death of the process and of the power. Everything runs on one
    event loop; the database has its own thread. Use as an asynchronous context manager, or call `close`.

    Attributes:
        changes: counts new recordings, new sources, finished recordings and new originals.
    """

    def __init__(self, path: Path, limits: SpoolLimits, lock: SpoolLock, store: StoreThread) -> None:
        self.path = path
        self.limits = limits
        self.changes = Signal()
        self._lock = lock
        self._store = store
        self._capacity = Capacity(path, limits)
        self._feeds: dict[str, WeakSet[SpoolFeed]] = {}
        self._acknowledgements: dict[tuple[str, int], int] = {}
        self._pruning: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Spool:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Note what was acknowledged, close the database, let others in."""
        if self._pruning is not None:
            self._pruning.cancel()
        try:
            await self._prune()
        except SpoolError:
            # What is acknowledged but not noted is acknowledged again when the session is resumed.
            self._acknowledgements.clear()
        await self._store.close()
        self._lock.release()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in a transaction of the spool's thread."""
        return await self._store.run(work)

    # Writing a recording.

    async def begin(self, new: NewRecording, sources: Iterable[recording_pb2.Source]) -> None:
        """Begin a recording.

        Raises:
            SpoolFull: too little room for another recording.
        """

        def work(connection: sqlite3.Connection) -> None:
            self._capacity.require_room_for_a_recording(connection)
            recordings_store.insert(connection, new, _now_ms())
            recordings_store.insert_sources(connection, new.recording_id, sources)

        await self.run(work)
        self.changes.notify()

    async def add_sources(self, recording_id: str, sources: Iterable[recording_pb2.Source]) -> None:
        """Add sources that appeared later, or tell more about the device of known ones."""
        described = list(sources)

        def work(connection: sqlite3.Connection) -> bool:
            before = upkeep.source_count(connection, recording_id)
            recordings_store.insert_sources(connection, recording_id, described)
            return upkeep.source_count(connection, recording_id) > before

        if await self.run(work):
            self._notify(recording_id, outdated=True)

    async def append(self, recording_id: str, source_id: str, batch: sample_pb2.SampleBatch) -> None:
        """Store one batch durably; see `append_all`."""
        await self.append_all(recording_id, [(source_id, batch)])

    async def append_all(self, recording_id: str, batches: Batches) -> None:
        """Store batches durably, all or none of them, after what their sources have.

        The spool numbers the samples: `source` and `first_sequence` of the batches are ignored.

        Raises:
            SpoolFull, SpoolWriteFailed: nothing was stored; the caller still has it and may try again.
            UnknownRecording: no such source, or the recording is finished.
            ValueError: a batch is malformed, or carries a channel that its source did not announce.
        """
        acknowledgements = self._take_acknowledgements()

        def work(connection: sqlite3.Connection) -> dict[str, int]:
            upkeep.acknowledge(connection, acknowledgements)
            self._capacity.require_room_for_samples(connection, sum(b.ByteSize() for _, b in batches))
            return {
                source_id: samples_store.append(connection, recording_id, source_id, batch, _now_ms())
                + len(batch.time_deltas_ms)
                + 1
                for source_id, batch in batches
            }

        try:
            tails = await self.run(work)
        except (SpoolRefused, ValueError, UnknownRecording):
            self._restore_acknowledgements(acknowledgements)
            raise
        feeds = self._feeds.get(recording_id)
        for feed in feeds or ():
            for source_id, tail in tails.items():
                feed.grew(source_id, tail)
        if not feeds:
            self.changes.notify()

    async def finish(self, recording_id: str, details: recording_pb2.RecordingDetails) -> None:
        """Say that no sample will be added any more. A repeat changes nothing."""
        await self.run(
            lambda connection: recordings_store.set_finished(connection, recording_id, details, _now_ms())
        )
        self._notify(recording_id)

    async def add_whole(
        self,
        new: NewRecording,
        sources: Sequence[tuple[recording_pb2.Source, Sequence[sample_pb2.SampleBatch]]],
        details: recording_pb2.RecordingDetails,
        original: Original | None = None,
    ) -> None:
        """Take a finished recording, all or nothing, in the place of a closed or failed one of the same id.

        Raises:
            SpoolFull: too little room; nothing was stored.
            ValueError: a batch is malformed.
        """
        size = sum(batch.ByteSize() for _, batches in sources for batch in batches)

        def work(connection: sqlite3.Connection) -> None:
            self._capacity.require_room_for_a_recording(connection)
            self._capacity.require_room_for_samples(connection, size)
            recordings_store.delete(connection, new.recording_id)
            recordings_store.insert(connection, new, _now_ms())
            recordings_store.insert_sources(connection, new.recording_id, [source for source, _ in sources])
            for source, batches in sources:
                for batch in batches:
                    samples_store.append(connection, new.recording_id, source.source_id, batch, _now_ms())
            recordings_store.set_finished(connection, new.recording_id, details, _now_ms())
            if original is not None:
                originals_store.enqueue(connection, original)

        await self.run(work)
        self._notify(new.recording_id)

    async def discard(self, recording_id: str) -> None:
        """Forget a recording and what was sampled: for one that never got a sample."""
        await self.run(lambda connection: recordings_store.delete(connection, recording_id))
        self._notify(recording_id)

    async def end_interrupted(self, alive_after_ms: int) -> list[SpooledRecording]:
        """Finish recordings that a death of the process left open; call it before recording anew.

        Those that were written to after `alive_after_ms` stay open and are returned, the oldest first, for
        somebody to go on with.
        """

        def work(connection: sqlite3.Connection) -> list[SpooledRecording]:
            open_ones = recordings_store.in_states(connection, [SpoolState.RECORDING])
            for recording in open_ones:
                if recording.updated_ms <= alive_after_ms:
                    upkeep.end(connection, recording, _now_ms())
            return recordings_store.in_states(connection, [SpoolState.RECORDING])

        left = await self.run(work)
        self.changes.notify()
        return left

    async def note_lost(self, recording_id: str, lost: dict[str, int]) -> None:
        """Count, by source id, samples that there was no room for."""

        def work(connection: sqlite3.Connection) -> None:
            for source_id, samples in lost.items():
                recordings_store.add_lost(connection, recording_id, source_id, samples)

        await self.run(work)

    # Reading.

    async def find(self, recording_id: str) -> SpooledRecording | None:
        """The recording with its sources, or None."""
        return await self.run(lambda connection: recordings_store.find(connection, recording_id))

    async def recordings(self, states: Sequence[SpoolState] = WAITING_STATES) -> list[SpooledRecording]:
        """Recordings in these states, the oldest first; by default those that the platform lacks."""
        return await self.run(lambda connection: recordings_store.in_states(connection, states))

    async def waiting(self) -> list[WaitingRecording]:
        """What the platform lacks and has not refused, the oldest first."""
        return await self.run(recordings_store.waiting)

    async def status(self) -> SpoolStatus:
        """What waits, and how much room there is."""
        return await self.run(lambda connection: collect_status(connection, self.path, self.limits))

    async def feed(self, recording_id: str) -> SpoolFeed:
        """A feed for a session of this recording with the sources that it has now.

        Raises:
            UnknownRecording: there is none.
        """
        recording = await self.find(recording_id)
        if recording is None:
            raise UnknownRecording(f"the spool holds no recording {recording_id}")
        feed = SpoolFeed(self, recording)
        self._feeds.setdefault(recording_id, WeakSet()).add(feed)
        # Samples may have come between the look and the entry.
        renewed = await self.find(recording_id)
        for source in renewed.sources if renewed is not None else ():
            feed.grew(source.source_id, source.next_sequence)
        if renewed is not None and len(renewed.sources) != len(recording.sources):
            feed.changed(outdated=True)
        return feed

    # What the platform said.

    def note_acknowledged(self, recording_id: str, position: int, next_sequence: int) -> None:
        """Samples below `next_sequence` are safe elsewhere. They are deleted within about a second.

        Deleting late saves a disk flush, and losing the note loses nothing: the platform repeats it.
        """
        place = (recording_id, position)
        self._acknowledgements[place] = max(self._acknowledgements.get(place, 0), next_sequence)
        if self._pruning is None or self._pruning.done():
            self._pruning = asyncio.get_running_loop().create_task(self._prune_later())

    async def set_aside(self, recording_id: str, rejection: ingest_service_pb2.Rejection) -> None:
        """Keep the samples of a rejected batch where a person finds them."""
        await self.run(
            lambda connection: samples_store.set_aside(connection, recording_id, rejection, _now_ms())
        )

    async def mark_uploading(self, recording_id: str) -> None:
        """A session for a finished recording has begun."""

        def work(connection: sqlite3.Connection) -> None:
            recording = recordings_store.find(connection, recording_id)
            if recording is not None and recording.state is SpoolState.FINISHED:
                recordings_store.set_state(connection, recording_id, SpoolState.UPLOADING, _now_ms())

        await self.run(work)

    async def close_recording(self, recording_id: str, workout_id: str) -> None:
        """The platform has all of it: delete its samples, remember what became of it."""

        def work(connection: sqlite3.Connection) -> None:
            samples_store.drop_all(connection, recording_id)
            recordings_store.set_state(
                connection, recording_id, SpoolState.CLOSED, _now_ms(), workout_id=workout_id
            )
            recordings_store.forget_old_closed(connection)
            upkeep.shrink(connection)

        await self.run(work)
        self._notify(recording_id)
        self._feeds.pop(recording_id, None)

    async def fail(self, recording_id: str, reason: str) -> None:
        """The platform will not take it: keep what is here, with the reason.

        A recording that runs is not disturbed: it goes on here, and has failed once it is finished.
        """
        await self._prune()
        await self.run(
            lambda connection: recordings_store.set_failed(connection, recording_id, reason, _now_ms())
        )
        self._notify(recording_id)

    async def retry_failed(self) -> int:
        """Put failed recordings and originals back into the queue; returns how many recordings."""

        def work(connection: sqlite3.Connection) -> int:
            failed = recordings_store.refused(connection)
            for recording in failed:
                _, details = recordings_store.details(connection, recording.recording_id)
                state = SpoolState.RECORDING if details is None else SpoolState.FINISHED
                recordings_store.set_state(connection, recording.recording_id, state, _now_ms())
            originals_store.retry_failed(connection)
            return len(failed)

        count = await self.run(work)
        self.changes.notify()
        return count

    async def originals_waiting(self) -> list[SpooledOriginal]:
        """Original files to upload, the oldest first."""
        return await self.run(lambda c: originals_store.in_state(c, originals_store.WAITING))

    async def note_file(self, seen: SeenFile) -> None:
        """Remember what became of a device file."""
        await self.run(lambda connection: seen_files_store.put(connection, seen, _now_ms()))

    async def seen_file(self, path: str) -> SeenFile | None:
        """What became of a device file, None where it was never looked at."""
        return await self.run(lambda connection: seen_files_store.get(connection, path))

    async def settle_original(self, sha256: str, failure: str = "") -> None:
        """An original was uploaded; or never will be, for this reason."""
        await self.run(lambda connection: originals_store.settle(connection, sha256, failure))

    def _notify(self, recording_id: str, *, outdated: bool = False) -> None:
        for feed in self._feeds.get(recording_id, ()):
            feed.changed(outdated=outdated)
        self.changes.notify()

    def _take_acknowledgements(self) -> dict[tuple[str, int], int]:
        taken, self._acknowledgements = self._acknowledgements, {}
        return taken

    def _restore_acknowledgements(self, taken: dict[tuple[str, int], int]) -> None:
        for (recording_id, position), next_sequence in taken.items():
            self.note_acknowledged(recording_id, position, next_sequence)

    async def _prune_later(self) -> None:
        await asyncio.sleep(_PRUNE_DELAY_S)
        try:
            await self._prune()
        except SpoolError:
            return

    async def _prune(self) -> None:
        taken = self._take_acknowledgements()
        if taken:
            await self.run(lambda connection: upkeep.acknowledge(connection, taken))
