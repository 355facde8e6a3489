"""Drives one `ServerSession`: the store behind it, the caller in front of it.

The machine decides, the driver does. Commits run while further messages arrive; their
outcomes come back to the machine in the order of the batches.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import grpc

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from pulsemesh.ingest import machine
from pulsemesh.workout.v1 import ingest_service_pb2 as wire
from pulsemesh.workout.v1 import recording_pb2
from services.chassis.consent import ConsentGate
from services.chassis.database import Database
from services.chassis.errors import Aborted, FailedPrecondition, PlatformError, Unavailable
from services.chassis.validation import validate
from services.workout.consents import channels as consents
from services.workout.events import recording_started
from services.workout.ingest import store
from services.workout.ingest.live import LiveNumbers

_FAILURE_CODES = {
    ErrorReason.ERROR_REASON_PROTOCOL_VIOLATION: grpc.StatusCode.INVALID_ARGUMENT,
    ErrorReason.ERROR_REASON_CREDIT_EXCEEDED: grpc.StatusCode.INVALID_ARGUMENT,
    # The client finds the same out by itself, and comes back.
    ErrorReason.ERROR_REASON_HEARTBEAT_MISSED: grpc.StatusCode.UNAVAILABLE,
}


class Committer(Protocol):
    """Commits batches in groups; `services.chassis.group_commit` is one."""

    async def submit(self, item: store.Commit) -> store.CommitOutcome:
        """Return once the group that holds `item` is durable."""


class Opener(Protocol):
    """Opens recordings in groups: thousands of clients come back at once after an outage."""

    async def submit(self, item: store.Opening) -> store.OpenedRecording:
        """Return once the group that holds `item` is durable."""


class ClosedRecording(Protocol):
    """The workout that a recording became, and when."""

    @property
    def workout_id(self) -> str:
        """Its id."""

    @property
    def closed_ms(self) -> int:
        """Milliseconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Backend:
    """What every session of a process shares."""

    database: Database
    opener: Opener
    committer: Committer
    close: Callable[[int], Awaitable[ClosedRecording]]
    """Makes the workout of a recording (by its key) whose sources are all complete."""
    numbers: Callable[[store.OpenedRecording, wire.OpenRecording], LiveNumbers]
    """Makes the publisher of a session's live numbers."""
    clock_ms: Callable[[], int]
    consent: ConsentGate
    """Asked before samples of the body or of places are stored."""


class Session:
    """One ingest session of one caller.

    `feed` takes what the client sent. `take` gives what is to be sent; `wake` is set whenever
    there is something new: messages, the end or a failure.
    """

    def __init__(self, backend: Backend, user_id: str, limits: machine.Limits) -> None:
        self.wake = asyncio.Event()
        self.over = False
        self.failure: BaseException | None = None
        self._backend = backend
        self._user_id = user_id
        self._machine = machine.ServerSession(limits, now_s=time.monotonic())
        self._answers: deque[wire.StreamSamplesResponse] = deque()
        self._recording: store.OpenedRecording | None = None
        self._numbers: LiveNumbers | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._channels: frozenset[int] = frozenset()

    # -- for the caller's side

    async def feed(self, request: wire.StreamSamplesRequest) -> None:
        """Take in one message of the client."""
        if request.HasField("open"):
            validate(request.open)
        elif request.HasField("finish"):
            validate(request.finish)
        now_ms = self._backend.clock_ms()
        await self._act(self._machine.receive(request, now_s=time.monotonic(), now_ms=now_ms))

    def take(self) -> wire.StreamSamplesResponse | None:
        """Return the next message to the client, None where there is none yet."""
        if self._answers:
            return self._answers.popleft()
        ack = self._machine.take_ack()
        return None if ack is None else wire.StreamSamplesResponse(ack=ack)

    async def tick(self) -> None:
        """Give up on a client that has been silent for too long."""
        await self._act(self._machine.tick(time.monotonic()))

    def seconds_to_tick(self) -> float:
        """Return after how many seconds `tick` is due."""
        return self._machine.seconds_to_tick(time.monotonic())

    @property
    def idle(self) -> bool:
        """True when nothing is being committed."""
        return not self._tasks

    async def settle(self) -> None:
        """Wait until everything that was fed is committed, or the session failed."""
        while self._tasks and self.failure is None:
            await asyncio.wait(set(self._tasks), return_when=asyncio.FIRST_COMPLETED)

    def close(self) -> None:
        """Forget the caller. Commits under way go on: they may well become durable."""
        if self._numbers is not None:
            self._numbers.close()

    # -- effects

    async def _act(self, effects: list[machine.ServerEffect]) -> None:
        for effect in effects:
            match effect:
                case machine.StoreBatch():
                    self._store(effect)
                case machine.SendResponse(response):
                    self._answer(response)
                case machine.OpenRequested(opening):
                    await self._open(opening)
                case machine.FinishRequested(finish):
                    await self._finish(finish)
                case machine.Failed(reason, message):
                    self._fail(_platform_error(reason, message))
        if effects:
            self.wake.set()

    def _answer(self, response: wire.StreamSamplesResponse) -> None:
        self._answers.append(response)
        self.over = self.over or response.HasField("closed")

    def _fail(self, error: BaseException) -> None:
        self.failure = self.failure or error
        self.wake.set()

    async def _open(self, opening: wire.OpenRecording) -> None:
        # By channel: who allows no position can still record a heart rate indoors.
        self._channels = frozenset(channel for source in opening.sources for channel in source.channels)
        await consents.require(self._backend.consent, self._user_id, self._channels)
        now_ms = self._backend.clock_ms()
        started = recording_started(
            self._user_id, opening.recording_id, opening.sport, opening.start_time_ms, now_ms
        )
        recording = await self._backend.opener.submit(store.Opening(self._user_id, opening, now_ms, started))
        self._recording = recording
        if recording.state == recording_pb2.RECORDING_STATE_DISCARDED:
            raise _discarded()
        if recording.state == recording_pb2.RECORDING_STATE_CLOSED:
            await self._act(self._machine.closed(_closed(recording.workout_id, recording.updated_ms, True)))
            return
        self._numbers = self._backend.numbers(recording, opening)
        known = [
            machine.SourceState(source.next_sequence, source.channels, source.complete)
            for source in recording.sources
        ]
        await self._act(
            self._machine.opened(known, start_ms=recording.start_ms, resumed=recording.resumed, now_ms=now_ms)
        )

    def _store(self, effect: machine.StoreBatch) -> None:
        assert self._recording is not None
        source = self._recording.sources[effect.source]
        commit = store.Commit(
            source_pk=source.source_pk,
            epoch=source.epoch,
            first_sequence=effect.first_sequence,
            count=effect.count,
            rejected=0 if effect.fault is None else effect.fault.reason,
            payload=b"" if effect.batch is None else effect.batch.SerializeToString(),
        )
        task = asyncio.ensure_future(self._commit(commit, effect))
        self._tasks.add(task)
        task.add_done_callback(self._committed_or_failed)

    async def _commit(self, commit: store.Commit, effect: machine.StoreBatch) -> None:
        # Again before every batch: a withdrawal ends a session that is under way.
        await consents.require(self._backend.consent, self._user_id, self._channels)
        outcome = await self._backend.committer.submit(commit)
        if outcome is not store.CommitOutcome.STORED:
            await self._refused(outcome)
            return
        if effect.batch is not None and self._numbers is not None:
            self._numbers.committed(effect.batch)
        await self._act(self._machine.committed(effect))
        self.wake.set()

    def _committed_or_failed(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)
        self.wake.set()

    async def _refused(self, outcome: store.CommitOutcome) -> None:
        if outcome is store.CommitOutcome.CLOSED and self._recording is not None:
            # The owner, or another writer, closed the recording under this session.
            closed = await self._backend.close(self._recording.recording_pk)
            await self._act(self._machine.closed(_closed(closed.workout_id, closed.closed_ms, True)))
            return
        self._fail(_commit_error(outcome))

    async def _finish(self, finish: wire.FinishRecording) -> None:
        assert self._recording is not None
        async with self._backend.database.write() as transaction:
            finished = await transaction.run(
                store.finish_sources,
                self._recording.recording_pk,
                self._recording.sources,
                finish,
                self._backend.clock_ms(),
            )
        await self._act(await self._finished(finished, self._recording.recording_pk))

    async def _finished(self, finished: store.Finished, recording_pk: int) -> list[machine.ServerEffect]:
        match finished.outcome:
            case store.FinishOutcome.MISSING_SAMPLES:
                return self._machine.incomplete()
            case store.FinishOutcome.WAITING:
                return self._machine.closed(wire.Closed(waiting_for=finished.waiting_for))
            case store.FinishOutcome.COMPLETE:
                closed = await self._backend.close(recording_pk)
                return self._machine.closed(_closed(closed.workout_id, closed.closed_ms, False))
            case store.FinishOutcome.CLOSED:
                return self._machine.closed(_closed(finished.workout_id, self._backend.clock_ms(), True))
            case store.FinishOutcome.FENCED:
                raise _fenced()
            case store.FinishOutcome.GONE:
                raise _discarded()


def _closed(workout_id: str, closed_ms: int, already: bool) -> wire.Closed:
    closed = wire.Closed(workout_id=workout_id, already_closed=already)
    closed.closed_at.FromMilliseconds(closed_ms)
    return closed


def _platform_error(reason: ErrorReason.ValueType, message: str) -> PlatformError:
    code = _FAILURE_CODES.get(reason, grpc.StatusCode.FAILED_PRECONDITION)
    return PlatformError(code, reason, message)


def _commit_error(outcome: store.CommitOutcome) -> PlatformError:
    match outcome:
        case store.CommitOutcome.FENCED:
            return _fenced()
        case store.CommitOutcome.GONE:
            return _discarded()
        case _:
            # A batch before this one failed; the client opens again and sends both.
            return Unavailable(0.1, "the samples before these were not stored: open the recording again")


def _fenced() -> PlatformError:
    return Aborted(
        ErrorReason.ERROR_REASON_WRITER_FENCED, "another session writes these sources now; this one is over"
    )


def _discarded() -> PlatformError:
    return FailedPrecondition(
        ErrorReason.ERROR_REASON_RECORDING_CLOSED, "the recording was discarded; nothing more is accepted"
    )
