"""A resumable ingest session: drives `ClientSession` over a gRPC call until the recording is closed.

Calls break: the network goes, the server restarts, a laptop sleeps. The session then
opens the recording again, learns what the server holds and goes on from there. What
the feed gave out and was never acknowledged is asked for again; nothing is lost and
nothing is stored twice.
"""

from __future__ import annotations

import asyncio
import enum
import functools
import random
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import grpc
import grpc.aio

from pulsemesh.error.v1 import reason_pb2
from pulsemesh.ingest import machine
from pulsemesh.ingest.feed import Feed
from pulsemesh.workout.v1 import ingest_service_pb2 as wire

__all__ = ["Backoff", "SessionEvent", "SessionFailed", "SessionState", "StreamCall", "run_session"]

# What a later attempt may well find mended.
_PASSING = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
    }
)


class StreamCall(Protocol):
    """The part of a `grpc.aio.StreamStreamCall` that a session uses."""

    async def write(self, request: wire.StreamSamplesRequest) -> None:
        """Send one message."""

    async def done_writing(self) -> None:
        """Say that no more will be sent."""

    def __aiter__(self) -> AsyncIterator[wire.StreamSamplesResponse]:
        """Receive, until the server ends the call."""

    def cancel(self) -> bool:
        """Give the call up."""


class SessionState(enum.Enum):
    """What a session is doing."""

    CONNECTING = "connecting"
    STREAMING = "streaming"
    WAITING = "waiting"
    """The call broke; the next attempt comes after a pause."""
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """A change in a session's life, for whoever shows it."""

    state: SessionState
    attempt: int
    """Calls opened so far."""
    error: str = ""
    """Why the call broke, where it did."""
    retry_in_s: float = 0.0


class SessionFailed(Exception):
    """The session ended for a reason that another attempt would not mend.

    `rpc_error` is the call's error where the server gave one; `reason` names a fault that
    the client itself found.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: reason_pb2.ErrorReason.ValueType = reason_pb2.ERROR_REASON_UNSPECIFIED,
        rpc_error: grpc.aio.AioRpcError | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.rpc_error = rpc_error


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between attempts: exponential with full jitter, so that clients do not come back together."""

    first_s: float = 0.5
    most_s: float = 30.0

    def pause_s(self, failures: int) -> float:
        """Return how long to wait after `failures` attempts in a row that came to nothing."""
        ceiling = min(self.most_s, self.first_s * 2 ** min(failures, 16))
        return random.uniform(ceiling / 10, ceiling)


async def run_session(
    open_call: Callable[[], StreamCall],
    open_recording: wire.OpenRecording,
    feed: Feed,
    *,
    on_event: Callable[[SessionEvent], None] | None = None,
    backoff: Backoff | None = None,
    max_attempts: int | None = None,
) -> wire.Closed:
    """Stream everything that `feed` has and will have, until its sources are closed.

    `open_call` begins a new `StreamSamples` call, credentials included. Breaks are mended
    by new calls for as long as it takes, or for `max_attempts` calls in a row that bring
    nothing. Raises `SessionFailed` where another attempt would not help: the writer was
    fenced by a newer one, the caller is not allowed, the recording was discarded.
    """
    pauses = backoff or Backoff()
    notify = on_event or (lambda event: None)
    failures = attempt = 0
    held: list[int] = [0] * len(open_recording.sources)
    while True:
        attempt += 1
        notify(SessionEvent(SessionState.CONNECTING, attempt))
        streaming = functools.partial(notify, SessionEvent(SessionState.STREAMING, attempt))
        one = _Call(open_call, open_recording, feed, streaming, held)
        try:
            closed = await one.run()
        except _Broken as broken:
            failures = 0 if one.progressed else failures + 1
            if max_attempts is not None and failures >= max_attempts:
                raise SessionFailed(str(broken), rpc_error=broken.rpc_error) from broken
            pause = pauses.pause_s(failures)
            notify(SessionEvent(SessionState.WAITING, attempt, str(broken), pause))
            await asyncio.sleep(pause)
        else:
            notify(SessionEvent(SessionState.CLOSED, attempt))
            return closed


class _Broken(Exception):
    """The call is over, the recording is not."""

    def __init__(self, message: str, rpc_error: grpc.aio.AioRpcError | None = None) -> None:
        super().__init__(message)
        self.rpc_error = rpc_error


class _Call:
    """One call: a task that reads, and a loop that writes what may be written."""

    def __init__(
        self,
        open_call: Callable[[], StreamCall],
        open_recording: wire.OpenRecording,
        feed: Feed,
        on_streaming: Callable[[], None],
        held: list[int],
    ) -> None:
        """`held` is what the server was last known to hold of each source; it is kept up to date."""
        self.progressed = False
        self._open_call = open_call
        self._open = wire.OpenRecording()
        self._open.CopyFrom(open_recording)
        self._open.client_time_ms = time.time_ns() // 1_000_000
        self._feed = feed
        self._on_streaming = on_streaming
        self._held = held
        self._machine = machine.ClientSession(self._open, now_s=time.monotonic())
        self._changed = asyncio.Event()
        self._closed: wire.Closed | None = None

    async def run(self) -> wire.Closed:
        call = self._open_call()
        reader = asyncio.ensure_future(self._read(call))
        writer = asyncio.ensure_future(self._write(call))
        try:
            await asyncio.wait({reader, writer}, return_when=asyncio.FIRST_COMPLETED)
            if reader.done() and self._closed is None:
                reader.result()
            if writer.done() and self._closed is None:
                writer.result()
            if self._closed is None:
                # The writer ends early only with the call: the reader knows why.
                await reader
        except grpc.aio.AioRpcError as error:
            raise self._judged(error) from error
        except (asyncio.InvalidStateError, grpc.aio.UsageError, EOFError) as error:
            raise _Broken(f"the call ended: {error}") from error
        finally:
            call.cancel()
            await _end(reader, writer)
        if self._closed is None:
            raise _Broken("the server ended the call before the recording was closed")
        return self._closed

    def _judged(self, error: grpc.aio.AioRpcError) -> Exception:
        message = f"{error.code().name}: {error.details()}"
        if error.code() in _PASSING:
            return _Broken(message, error)
        return SessionFailed(message, rpc_error=error)

    # -- reading

    async def _read(self, call: StreamCall) -> None:
        async for response in call:
            await self._act(call, self._machine.receive(response, time.monotonic()))
            self._changed.set()
            if self._closed is not None:
                return

    async def _act(self, call: StreamCall, effects: list[machine.ClientEffect]) -> None:
        for effect in effects:
            match effect:
                case machine.SendRequest(request):
                    await call.write(request)
                case machine.Opened(next_sequences):
                    self._note_held(next_sequences)
                    self._on_streaming()
                case machine.Acknowledged(source, next_sequence):
                    self.progressed = True
                    self._held[source] = next_sequence
                    await self._feed.acknowledged(source, next_sequence)
                case machine.SetAside(rejection):
                    await self._feed.set_aside(rejection)
                case machine.Ended(closed):
                    self.progressed = True
                    self._closed = closed
                case machine.Failed(reason, message):
                    if reason == reason_pb2.ERROR_REASON_HEARTBEAT_MISSED:
                        raise _Broken(message)
                    raise SessionFailed(message, reason=reason)

    def _note_held(self, next_sequences: tuple[int, ...]) -> None:
        """An earlier call got further than its acks told: that was progress, too."""
        if any(now > before for now, before in zip(next_sequences, self._held, strict=True)):
            self.progressed = True
        self._held[:] = next_sequences

    # -- writing

    async def _write(self, call: StreamCall) -> None:
        await self._act(call, self._machine.start(time.monotonic()))
        while self._closed is None:
            self._changed.clear()
            await self._act(call, self._machine.tick(time.monotonic()))
            if await self._send_wanted(call) or await self._send_finish(call):
                continue
            await self._wait()

    async def _send_wanted(self, call: StreamCall) -> bool:
        for wanted in self._machine.wanted():
            batch = await self._feed.next_batch(wanted.source, wanted.sequence, wanted.max_samples)
            if batch is None:
                continue
            # While the feed was asked, an ack or a rejection may have moved the cursor.
            if self._machine.credit < 1 or self._machine.state is not machine.ClientState.STREAMING:
                return True
            if self._machine.cursor(wanted.source) != batch.first_sequence:
                return True
            await self._act(call, self._machine.send_batch(batch, time.monotonic()))
            return True
        return False

    async def _send_finish(self, call: StreamCall) -> bool:
        if self._machine.state is not machine.ClientState.STREAMING:
            return False
        finish = await self._feed.finish()
        if finish is None or self._machine.state is not machine.ClientState.STREAMING:
            return False
        counts = list(finish.sample_counts)
        if any(self._machine.cursor(source) < count for source, count in enumerate(counts)):
            return False
        await self._act(call, self._machine.finish(finish, time.monotonic()))
        return True

    async def _wait(self) -> None:
        """Wait until the feed may have more, the server has said something, or a heartbeat is due."""
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(self._changed.wait())]
        if self._machine.wanted():
            waits.append(asyncio.ensure_future(self._feed.wait()))
        timeout = self._machine.seconds_to_tick(time.monotonic()) + 0.01
        try:
            await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(*waits)


async def _end(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait until they have ended; our own cancellation goes through."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen; whatever it was, it was looked at before or no longer matters
