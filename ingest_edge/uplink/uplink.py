"""The uplink: brings every recording in the spool to the platform, and the original files after them.

What is being recorded goes at once; what waited goes the oldest first, a few at a time. Breaks mend by
themselves. Only an answer that another attempt would not change ends a recording's way, and then its samples
stay in the spool with the reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from ingest_edge.files.archives import ArchiveReader, ArchiveRefused, Location, members_of
from ingest_edge.spool import (
    WAITING_STATES,
    Original,
    SamplesGone,
    Spool,
    SpooledOriginal,
    SpooledRecording,
    SpoolError,
    SpoolFeed,
    SpoolState,
    WaitingRecording,
)
from ingest_edge.spool.signal import Signal
from ingest_edge.uplink.terms import (
    PASSING,
    CredentialsRefused,
    PlatformUnreachable,
    Settled,
    UplinkProgress,
    UplinkSettings,
    text_of,
)
from pulsemesh.client import Client
from pulsemesh.errors import PulsemeshError, Unauthenticated, Unimplemented
from pulsemesh.ingest.session import SessionEvent, SessionState
from pulsemesh.workout.v1 import ingest_service_pb2

_SETTLE_S = 0.3


class Uplink:
    """Runs the sessions of one spool.

    Args:
        on_change: called after anything that a display may want to show.
    """

    def __init__(
        self,
        spool: Spool,
        client: Client,
        settings: UplinkSettings | None = None,
        *,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        self._spool = spool
        self._client = client
        self._settings = settings or UplinkSettings()
        self._on_change = on_change
        self._activity = Signal()
        self._backlog = asyncio.Semaphore(self._settings.backlog_sessions)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._feeds: dict[str, SpoolFeed] = {}
        self._sessions: dict[str, SessionState] = {}
        self._settled: dict[str, Settled] = {}
        self._files = ArchiveReader(scratch=spool.path.parent / "scratch")
        self._ended = False
        self._heard_at = time.monotonic()
        self.trouble = ""
        """Why the platform cannot be reached now; empty when it can."""
        self.refused = ""
        """Why the platform refuses our credentials; empty when it does not."""

    @property
    def connected(self) -> bool:
        """A session is open."""
        return SessionState.STREAMING in self._sessions.values()

    def progress(self, recording_id: str) -> UplinkProgress | None:
        """How far a recording is, None while it has no session."""
        feed = self._feeds.get(recording_id)
        return None if feed is None else UplinkProgress(*feed.progress)

    async def run(self) -> None:
        """Upload what there is and what comes, until cancelled.

        Raises:
            SpoolError: the spool cannot be used any more.
        """
        self._ended = False
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._upload_originals())
                await self._start_sessions(group)
        except BaseExceptionGroup as failures:
            # The first one ended the others.
            raise failures.exceptions[0] from None
        finally:
            self._files.close()
            self._tasks.clear()
            self._sessions.clear()
            self._ended = True
            self._changed()

    def forget(self, recording_id: str) -> None:
        """Forget how a recording's way ended: it is about to be tried anew."""
        self._settled.pop(recording_id, None)

    async def settled(self, recording_id: str) -> Settled:
        """Wait until a recording's way has ended; see `forget`. Needs `run`."""
        seen = -1
        while recording_id not in self._settled:
            self._require_running()
            seen = await self._activity.changed(seen)
        return self._settled[recording_id]

    async def drained(self, patience_s: float) -> None:
        """Wait until nothing waits any more. Needs `run`.

        Raises:
            PlatformUnreachable: nothing was heard of the platform for `patience_s` seconds.
            CredentialsRefused: the platform refuses our credentials.
        """
        while await self._something_waits():
            await self.wait_while_reachable(self._activity.count, patience_s)

    async def wait_while_reachable(self, seen: int, patience_s: float) -> int:
        """Wait for a change after `seen` (see `changes`).

        Raises:
            PlatformUnreachable, CredentialsRefused: as `drained`.
        """
        self._require_running()
        if self.refused:
            raise CredentialsRefused(self.refused)
        silence = time.monotonic() - self._heard_at
        if not self.connected and silence >= patience_s:
            raise PlatformUnreachable(self.trouble or "no answer")
        # Some changes, such as originals that become due, are seen only by looking again.
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(self._activity.changed(seen), 0.5)
        return seen

    def _require_running(self) -> None:
        if self._ended:
            # Why, `run` has raised.
            raise SpoolError("the uplink has ended")

    @property
    def changes(self) -> int:
        """Counts what happened."""
        return self._activity.count

    def expect_contact(self) -> None:
        """Start the measure of the platform's silence anew."""
        self._heard_at = time.monotonic()

    # Recordings.

    async def _start_sessions(self, group: asyncio.TaskGroup) -> None:
        seen = -1
        while True:
            for recording in await self._spool.waiting():
                self._start_session(group, recording)
            seen = await self._spool.changes.changed(seen)

    def _start_session(self, group: asyncio.TaskGroup, recording: WaitingRecording) -> None:
        if recording.recording_id in self._tasks:
            return
        if recording.state is SpoolState.RECORDING and not recording.samples:
            # A recording that no sensor ever joins shall leave no trace on the platform.
            return
        self._settled.pop(recording.recording_id, None)
        if not self._tasks:
            self.expect_contact()
        upload = self._upload if recording.state is SpoolState.RECORDING else self._upload_in_turn
        self._tasks[recording.recording_id] = group.create_task(upload(recording.recording_id))

    async def _upload_in_turn(self, recording_id: str) -> None:
        async with self._backlog:
            await self._upload(recording_id)

    async def _upload(self, recording_id: str) -> None:
        try:
            recording = await self._spool.find(recording_id)
            if recording is None or recording.state not in WAITING_STATES:
                return
            settled = await self._until_settled(recording_id)
            if settled.failure:
                await self._spool.fail(recording_id, settled.failure)
            else:
                await self._spool.close_recording(recording_id, settled.workout_id)
            self._settled[recording_id] = settled
        finally:
            self._sessions.pop(recording_id, None)
            self._feeds.pop(recording_id, None)
            self._tasks.pop(recording_id, None)
        self._changed()

    async def _until_settled(self, recording_id: str) -> Settled:
        while True:
            try:
                settled = await self._session(recording_id)
            except (Unauthenticated, Unimplemented) as error:
                # Not this recording's fault: somebody has to renew a token or to correct an address.
                self.refused = text_of(error)
                self._changed()
                await asyncio.sleep(self._settings.refused_pause_s)
            except (PulsemeshError, SamplesGone) as error:
                if isinstance(error, PulsemeshError) and error.code in PASSING:
                    # A token could not be had, say; the session itself waits such things out.
                    self._note_trouble(text_of(error))
                    await asyncio.sleep(self._settings.file_pause_s)
                    continue
                return Settled(failure=text_of(error))
            except OSError as error:
                self.refused = f"the token cannot be read: {error}"
                self._changed()
                await asyncio.sleep(self._settings.refused_pause_s)
            else:
                if settled is not None:
                    return settled

    async def _session(self, recording_id: str) -> Settled | None:
        """One session with the sources of now; None when sources were added meanwhile."""
        feed = await self._spool.feed(recording_id)
        await self._spool.mark_uploading(recording_id)
        self._feeds[recording_id] = feed
        opening = _opening(feed.recording)
        run = asyncio.ensure_future(
            self._client.ingest.run(opening, feed, on_event=lambda event: self._heard(recording_id, event))
        )
        outdated = asyncio.ensure_future(feed.until_outdated())
        try:
            await asyncio.wait({run, outdated}, return_when=asyncio.FIRST_COMPLETED)
            if not run.done():
                # Sensors are found one after the other: one new session for several of them.
                await asyncio.sleep(_SETTLE_S)
            return await self._judged(run.result(), recording_id, feed) if run.done() else None
        finally:
            run.cancel()
            outdated.cancel()
            await asyncio.gather(run, outdated, return_exceptions=True)

    async def _judged(self, closed: ingest_service_pb2.Closed, recording_id: str, feed: SpoolFeed) -> Settled:
        """What a close means for us: it is the end only where the platform holds all that we have."""
        finished = await feed.finish() is not None
        answers_us = not closed.already_closed
        brought_by_others = not feed.offered
        if finished and (answers_us or brought_by_others):
            return _settled(closed, feed)
        missing = await self._missing(recording_id)
        if finished and not missing:
            # Ours, and only the answer to our finish was lost.
            return _settled(closed, feed)
        return Settled(
            failure=f"RECORDING_CLOSED: somebody closed it at the platform; {missing} samples are not there"
        )

    async def _missing(self, recording_id: str) -> int:
        """Samples of ours that the platform lacks; where it does not say, those not acknowledged."""
        recording = await self._spool.find(recording_id)
        assert recording is not None
        try:
            there = await self._client.recordings.get(recording_id)
        except PulsemeshError:
            return recording.waiting_samples
        held = {source.source_id: source.next_sequence for source in there.sources}
        return sum(
            max(source.next_sequence - held.get(source.source_id, 0), 0) for source in recording.sources
        )

    def _heard(self, recording_id: str, event: SessionEvent) -> None:
        self._sessions[recording_id] = event.state
        if event.state in (SessionState.STREAMING, SessionState.CLOSED):
            self._heard_at = time.monotonic()
            self.trouble = self.refused = ""
        elif event.state is SessionState.WAITING:
            self.trouble = event.error
        self._changed()

    # Original files.

    async def _upload_originals(self) -> None:
        while True:
            seen = self._activity.count
            for original in await self._due_originals():
                await self._upload_original(original)
            changed = asyncio.ensure_future(self._activity.changed(seen))
            spooled = asyncio.ensure_future(self._spool.changes.changed(self._spool.changes.count))
            try:
                await asyncio.wait({changed, spooled}, timeout=5, return_when=asyncio.FIRST_COMPLETED)
            finally:
                changed.cancel()
                spooled.cancel()

    async def _due_originals(self) -> list[SpooledOriginal]:
        """Those whose recording has arrived. One whose recording failed waits until that is tried again."""
        due = []
        for waiting in await self._spool.originals_waiting():
            recording = await self._spool.find(waiting.original.recording_id)
            if recording is None or recording.state is SpoolState.CLOSED:
                due.append(waiting)
        return due

    async def _upload_original(self, waiting: SpooledOriginal) -> None:
        original = waiting.original
        content, problem = await asyncio.to_thread(_content, self._files, original)
        if not problem:
            try:
                await self._client.files.upload(
                    content, name=original.name, recording_id=original.recording_id
                )
            except (Unauthenticated, Unimplemented) as error:
                self.refused = text_of(error)
                self._changed()
                await asyncio.sleep(self._settings.refused_pause_s)
                return
            except PulsemeshError as error:
                if error.code in PASSING:
                    self._note_trouble(text_of(error))
                    await asyncio.sleep(self._settings.file_pause_s)
                    return
                problem = text_of(error)
            except OSError as error:
                problem = f"cannot be read: {error}"
        await self._spool.settle_original(original.sha256, problem)
        if not problem:
            self._heard_at = time.monotonic()
            self.trouble = self.refused = ""
        self._changed()

    async def _something_waits(self) -> bool:
        return bool(await self._spool.waiting()) or bool(await self._due_originals())

    def _note_trouble(self, trouble: str) -> None:
        self.trouble = trouble
        self._changed()

    def _changed(self) -> None:
        self._activity.notify()
        if self._on_change is not None:
            self._on_change()


def _opening(recording: SpooledRecording) -> ingest_service_pb2.OpenRecording:
    return ingest_service_pb2.OpenRecording(
        recording_id=recording.recording_id,
        writer_id=recording.writer_id,
        sport=recording.sport,
        sub_sport=recording.sub_sport,
        start_time_ms=recording.start_time_ms,
        sources=[source.description for source in recording.sources],
    )


def _settled(closed: ingest_service_pb2.Closed, feed: SpoolFeed) -> Settled:
    # Where we sent samples before, the workout is ours and only the answer was lost.
    return Settled(
        workout_id=closed.workout_id,
        duplicate=closed.already_closed and not feed.offered,
        waiting_for=tuple(closed.waiting_for),
    )


def _content(files: ArchiveReader, original: Original) -> tuple[bytes, str]:
    """The file's bytes, and why they cannot be sent as those that were read; empty when they can."""
    try:
        content = files.read(Location(Path(original.path), members_of(original.members)))
    except (OSError, ArchiveRefused) as error:
        return b"", f"cannot be read: {error}"
    changed = hashlib.sha256(content).hexdigest() != original.sha256
    return content, "was changed since it was imported" if changed else ""
