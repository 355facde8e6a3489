"""The client's session against a server of a few lines, over nothing but queues."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest

from pulsemesh import samples
from pulsemesh.ingest import machine
from pulsemesh.ingest.session import Backoff, SessionFailed, SessionState, run_session
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import ingest_service_pb2 as wire
from pulsemesh.workout.v1 import sample_pb2

HEART_RATE = channel_pb2.CHANNEL_HEART_RATE
START_MS = 1_700_000_000_000
AT_ONCE = Backoff(first_s=0.001, most_s=0.002)


def opening() -> wire.OpenRecording:
    request = wire.OpenRecording(recording_id="0" * 26, writer_id="w", start_time_ms=START_MS)
    request.sources.add(source_id="s", channels=[HEART_RATE])
    return request


class Numbers:
    """A feed of the numbers 0 to count - 1; with `count` None it never has anything."""

    def __init__(self, count: int | None) -> None:
        self.count = count
        self.acked = 0
        self.aside: list[wire.Rejection] = []

    async def next_batch(self, source: int, sequence: int, max_samples: int) -> sample_pb2.SampleBatch | None:
        if self.count is None or sequence >= self.count:
            return None
        numbers = range(sequence, min(sequence + 3, self.count))
        times = [START_MS + number for number in numbers]
        return samples.encode_batch(source, sequence, times, {HEART_RATE: list(numbers)})

    async def wait(self) -> None:
        await asyncio.Event().wait()

    async def finish(self) -> wire.FinishRecording | None:
        return None if self.count is None else wire.FinishRecording(sample_counts=[self.count])

    async def acknowledged(self, source: int, next_sequence: int) -> None:
        self.acked = next_sequence

    async def set_aside(self, rejection: wire.Rejection) -> None:
        self.aside.append(rejection)


class Server:
    """Keeps samples in a list over any number of calls; breaks a call after `break_after` messages."""

    def __init__(self, *, break_after: int = 0, refuse: grpc.StatusCode | None = None) -> None:
        self.held: list[int] = []
        self.break_after = break_after
        self.refuse = refuse
        self.calls = 0

    def call(self) -> Call:
        self.calls += 1
        return Call(self)


class Call:
    def __init__(self, server: Server) -> None:
        self.server = server
        self.machine = machine.ServerSession(machine.Limits(), now_s=0)
        self.down: asyncio.Queue[wire.StreamSamplesResponse | BaseException] = asyncio.Queue()
        self.messages = 0

    async def write(self, request: wire.StreamSamplesRequest) -> None:
        if self.server.refuse is not None:
            self.down.put_nowait(error(self.server.refuse))
            return
        self.messages += 1
        if self.server.break_after and self.messages > self.server.break_after:
            self.down.put_nowait(error(grpc.StatusCode.UNAVAILABLE))
            return
        self.act(self.machine.receive(request, now_s=0, now_ms=START_MS))
        ack = self.machine.take_ack()
        if ack is not None:
            self.down.put_nowait(wire.StreamSamplesResponse(ack=ack))

    def act(self, effects: list[machine.ServerEffect]) -> None:
        held = self.server.held
        for effect in effects:
            match effect:
                case machine.SendResponse(response):
                    self.down.put_nowait(response)
                case machine.OpenRequested():
                    known = [machine.SourceState(len(held), frozenset({HEART_RATE}))]
                    self.act(self.machine.opened(known, start_ms=START_MS, resumed=True, now_ms=START_MS))
                case machine.StoreBatch(batch=batch):
                    assert batch is not None
                    held.extend(value or 0 for value in samples.decode_batch(batch).columns[HEART_RATE])
                    self.act(self.machine.committed(effect))
                case machine.FinishRequested():
                    self.act(self.machine.closed(wire.Closed(workout_id="W")))

    async def done_writing(self) -> None:
        return

    async def __aiter__(self) -> AsyncIterator[wire.StreamSamplesResponse]:
        while True:
            item = await self.down.get()
            if isinstance(item, BaseException):
                raise item
            yield item

    def cancel(self) -> bool:
        return True


def error(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details="as told")


async def test_everything_that_the_feed_has_arrives_and_the_workout_is_named() -> None:
    server, feed = Server(), Numbers(20)
    closed = await run_session(server.call, opening(), feed)
    assert (closed.workout_id, server.held, feed.acked) == ("W", [*range(20)], 20)


async def test_a_session_goes_on_over_as_many_breaks_as_there_are() -> None:
    server, feed = Server(break_after=3), Numbers(20)
    await run_session(server.call, opening(), feed, backoff=AT_ONCE)
    assert server.held == [*range(20)]
    assert server.calls > 3


async def test_a_refusal_that_no_repeat_would_mend_ends_the_session() -> None:
    server = Server(refuse=grpc.StatusCode.PERMISSION_DENIED)
    with pytest.raises(SessionFailed, match="as told") as caught:
        await run_session(server.call, opening(), Numbers(1), backoff=AT_ONCE)
    assert caught.value.rpc_error is not None
    assert server.calls == 1


async def test_attempts_in_a_row_that_bring_nothing_are_limited_where_wished() -> None:
    server = Server(refuse=grpc.StatusCode.UNAVAILABLE)
    states = []
    with pytest.raises(SessionFailed):
        await run_session(
            server.call,
            opening(),
            Numbers(1),
            backoff=AT_ONCE,
            max_attempts=4,
            on_event=lambda event: states.append(event.state),
        )
    assert server.calls == 4
    assert states.count(SessionState.WAITING) == 3


async def test_a_cancelled_session_ends_at_once() -> None:
    for _ in range(50):
        server = Server()
        session = asyncio.ensure_future(run_session(server.call, opening(), Numbers(None)))
        for _ in range(20):  # far enough to be waiting for the feed
            await asyncio.sleep(0)
        assert server.calls
        session.cancel()
        done, _ = await asyncio.wait({session}, timeout=5)
        assert done, "the session went on although it was cancelled"
        assert session.cancelled()
