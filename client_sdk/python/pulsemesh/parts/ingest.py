"""Sending samples as they are measured."""

from __future__ import annotations

import asyncio
import os
import platform
import time
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime
from types import TracebackType
from typing import Self

import grpc

from pulsemesh import samples
from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.error.v1 import reason_pb2
from pulsemesh.errors import FailedPrecondition, PulsemeshError, from_rpc_error
from pulsemesh.ingest.feed import Feed
from pulsemesh.ingest.session import SessionEvent, SessionFailed, StreamCall, run_session
from pulsemesh.parts.memory_feed import MemoryFeed
from pulsemesh.parts.times import Sport, SubSport, as_sport, as_sub_sport, milliseconds
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import ingest_service_pb2, ingest_service_pb2_grpc, recording_pb2

__all__ = ["Ingest", "LiveRecording"]

# After so many samples the producer lets others have their turn.
_TURN = 32

_METHOD = "pulsemesh.workout.v1.IngestService.StreamSamples"

OnEvent = Callable[[SessionEvent], None]


class Ingest:
    """Ingest sessions: resumable, exactly once, acknowledged when durable."""

    def __init__(self, channel: PolicyChannel) -> None:
        self._channel = channel
        self._stub = ingest_service_pb2_grpc.IngestServiceStub(channel.for_stub())

    async def run(
        self,
        open_recording: ingest_service_pb2.OpenRecording,
        feed: Feed,
        *,
        on_event: OnEvent | None = None,
        max_attempts: int | None = None,
    ) -> ingest_service_pb2.Closed:
        """Stream everything that `feed` has and will have, until its sources are closed.

        Breaks are mended by new calls, by default for as long as it takes; a refused token is
        replaced once. Raises a `PulsemeshError` where another attempt would not help.
        """
        credentials = self._channel.credentials
        refreshed = ""
        while True:
            token = await credentials.token()
            try:
                return await run_session(
                    self.open_call, open_recording, feed, on_event=on_event, max_attempts=max_attempts
                )
            except SessionFailed as failure:
                error = _as_error(failure)
                refused = error.code is grpc.StatusCode.UNAUTHENTICATED and token != refreshed
                if not refused or not await credentials.refresh(token):
                    raise error from failure
                refreshed = await credentials.token()

    def open_call(self) -> StreamCall:
        """Begin a bare `StreamSamples` call with this client's credentials, for `run_session`."""
        call: StreamCall = self._stub.StreamSamples()
        return call

    async def append(
        self, request: ingest_service_pb2.AppendSamplesRequest
    ) -> ingest_service_pb2.AppendSamplesResponse:
        """Send samples in a single call that returns when they are committed; a repeat changes nothing."""
        return await self._stub.AppendSamples(request)

    def record(
        self,
        sport: Sport,
        channels: Iterable[str],
        *,
        title: str = "",
        sub_sport: SubSport = "unspecified",
        start: datetime | int | None = None,
        recording_id: str = "",
        capacity: int = 100_000,
        on_event: OnEvent | None = None,
        max_attempts: int | None = None,
    ) -> LiveRecording:
        """Return a recording of one source to use with `async with` and to `add` samples to.

        `channels` are the names of what its samples carry, such as `heart_rate`. Samples live
        in memory until they are acknowledged, at most `capacity` of them. For samples that must
        survive the process use `pulsemesh-edge`, or a `Feed` of your own with `run`.
        """
        names = list(channels)
        numbers = [_channel(name) for name in names]
        opening = ingest_service_pb2.OpenRecording(
            recording_id=recording_id or new_ulid(),
            writer_id=f"{platform.node()[:80] or 'unnamed'}/{os.getpid()}",
            sport=as_sport(sport),
            sub_sport=as_sub_sport(sub_sport),
            start_time_ms=milliseconds(start) if start is not None else time.time_ns() // 1_000_000,
            sources=[recording_pb2.Source(source_id="samples", channels=numbers)],
        )
        finish = ingest_service_pb2.FinishRecording(details=recording_pb2.RecordingDetails(title=title))
        feed = MemoryFeed(1, capacity=capacity)
        return LiveRecording(self, opening, finish, feed, on_event=on_event, max_attempts=max_attempts)


class LiveRecording:
    """A recording that its process makes sample by sample.

    Leaving the `async with` block finishes the recording and waits until the platform has
    made a workout of it. Leaving it by an exception breaks the session off and leaves the
    recording open, to be resumed by its id, closed or discarded.
    """

    def __init__(
        self,
        ingest: Ingest,
        opening: ingest_service_pb2.OpenRecording,
        finish: ingest_service_pb2.FinishRecording,
        feed: MemoryFeed,
        *,
        on_event: OnEvent | None,
        max_attempts: int | None,
    ) -> None:
        self.recording_id = opening.recording_id
        self.workout_id = ""
        """The workout, once the block is left; empty while other writers owe samples."""
        self.closed: ingest_service_pb2.Closed | None = None
        self._ingest = ingest
        self._opening = opening
        self._finish = finish
        self._on_event = on_event
        self._max_attempts = max_attempts
        self._feed = feed
        self._session: asyncio.Task[ingest_service_pb2.Closed] | None = None

    @property
    def unacknowledged(self) -> int:
        """Samples that the platform has not committed yet."""
        return self._feed.unacknowledged

    @property
    def rejections(self) -> list[ingest_service_pb2.Rejection]:
        """Batches that the platform will never take, with the reasons."""
        return self._feed.rejections

    async def add(self, time: datetime | int | None = None, **values: float | None) -> None:
        """Add one sample: `await recording.add(heart_rate=142, power=230)`.

        `time` is when it was measured (now by default), as a datetime with a zone or in
        milliseconds since 1970 UTC; values by channel name, in the channel's unit, None where
        absent. Waits where too many samples are unacknowledged. Raises what ended the session
        where it has ended.
        """
        integers: dict[int, int] = {
            _channel(name): samples.to_wire(_channel(name), value)
            for name, value in values.items()
            if value is not None
        }
        moment = milliseconds(time) if time is not None else _now_ms()
        self._check()
        if self._feed.full:
            await self._wait_for(self._feed.room())
        elif self._feed.unacknowledged % _TURN == 0:
            # A producer that never waits for anything else would keep the session from its work.
            await asyncio.sleep(0)
        self._feed.add(0, moment, integers)

    async def flush(self) -> None:
        """Return when the platform has committed every sample added so far.

        Raises what ended the session where it has ended.
        """
        if self._feed.unacknowledged:
            await self._wait_for(self._feed.drained())

    async def _wait_for(self, state: Coroutine[None, None, None]) -> None:
        """Wait until the feed is in a state, or the session has ended."""
        reached = asyncio.ensure_future(state)
        try:
            await asyncio.wait({reached, self._running()}, return_when=asyncio.FIRST_COMPLETED)
            if not reached.done():
                self._check()
        finally:
            reached.cancel()

    def _check(self) -> None:
        """Raise what ended the session, where it has ended."""
        session = self._running()
        if session.done():
            session.result()
            raise FailedPrecondition(
                "the recording was closed from elsewhere",
                reason=reason_pb2.ERROR_REASON_RECORDING_CLOSED,
                method=_METHOD,
            )

    def _running(self) -> asyncio.Task[ingest_service_pb2.Closed]:
        if self._session is None:
            raise RuntimeError("the recording is not open: use `async with`")
        return self._session

    async def __aenter__(self) -> Self:
        run = self._ingest.run(
            self._opening, self._feed, on_event=self._on_event, max_attempts=self._max_attempts
        )
        self._session = asyncio.create_task(run)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session = self._running()
        if error is not None:
            # Not `await session`: suppressing its cancellation would suppress this task's own. And again
            # while it lasts: a session that is about to end a wait of its own may miss the first.
            while not session.done():
                session.cancel()
                await asyncio.wait({session}, timeout=0.1)
            if not session.cancelled():
                session.exception()
            return
        self._feed.end(self._finish)
        try:
            self.closed = await session
        finally:
            session.cancel()
        self.workout_id = self.closed.workout_id


def _channel(name: str) -> channel_pb2.Channel.ValueType:
    spec = samples.CHANNEL_BY_NAME.get(name)
    if spec is None:
        raise ValueError(f"{name}: no such channel; there are {', '.join(samples.CHANNEL_BY_NAME)}")
    return channel_pb2.Channel.ValueType(spec.channel)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _as_error(failure: SessionFailed) -> PulsemeshError:
    if failure.rpc_error is not None:
        return from_rpc_error(failure.rpc_error, method=_METHOD)
    return PulsemeshError(
        str(failure), code=grpc.StatusCode.FAILED_PRECONDITION, reason=failure.reason, method=_METHOD
    )
