"""Watching a recording: its newest committed numbers, then every update, until it is over.

The watcher subscribes first and then reads what is committed, so nothing falls in between. Live messages may
be lost, so the state is looked up again whenever none came for a while: the last word always arrives.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection

from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import recording_pb2, sample_pb2
from pulsemesh.workout.v1.recording_service_pb2 import WatchRecordingResponse
from services.chassis.database import Database
from services.chassis.errors import ShuttingDown
from services.chassis.live.port import LiveChannel, LiveSubscription
from services.workout.errors import RecordingNotFound
from services.workout.ingest.live import latest_values, topic
from services.workout.store import recordings

LOOK_AGAIN_S = 5.0

_OVER = (recording_pb2.RECORDING_STATE_CLOSED, recording_pb2.RECORDING_STATE_DISCARDED)


class Watching:
    """Follows recordings for whoever asks.

    Args:
        look_again_s: seconds without a message after which the state is read from the database.
    """

    def __init__(
        self,
        database: Database,
        live: LiveChannel,
        clock_ms: Callable[[], int],
        look_again_s: float = LOOK_AGAIN_S,
    ) -> None:
        self._database = database
        self._live = live
        self._clock_ms = clock_ms
        self._look_again_s = look_again_s

    async def follow(
        self, user_id: str, recording_id: str, draining: asyncio.Event
    ) -> AsyncIterator[WatchRecordingResponse]:
        """Yield the numbers; ends after the message that says closed or discarded.

        Raises:
            RecordingNotFound: there is none of that id, or it was deleted meanwhile.
            ShuttingDown: the server goes away; watch again.
        """
        async with self._database.read() as view:
            row = await view.run(recordings.find, user_id, recording_id)
        if row is None:
            raise RecordingNotFound(recording_id)
        async with self._live.subscribe(topic(row.recording.recording_pk)) as subscription:
            async for message in self._messages(user_id, recording_id, subscription, draining):
                yield message
                if message.state in _OVER:
                    return

    async def _messages(
        self, user_id: str, recording_id: str, subscription: LiveSubscription, draining: asyncio.Event
    ) -> AsyncIterator[WatchRecordingResponse]:
        latest = await self._committed(user_id, recording_id)
        yield latest
        reader = _Reader(subscription, draining)
        try:
            while True:
                received = await reader.next(self._look_again_s)
                if received is not None:
                    yield WatchRecordingResponse.FromString(received)
                    continue
                current = await self._committed(user_id, recording_id)
                if (current.state, current.samples) != (latest.state, latest.samples):
                    yield current
                    latest = current
        finally:
            await reader.close()

    async def _committed(self, user_id: str, recording_id: str) -> WatchRecordingResponse:
        async with self._database.read() as view:
            message = await view.run(committed_numbers, user_id, recording_id)
        if message is None:
            raise RecordingNotFound(recording_id)
        message.committed_at.FromMilliseconds(self._clock_ms())
        return message


class _Reader:
    """Takes messages one by one, with patience, without losing one when the patience ends."""

    def __init__(self, subscription: LiveSubscription, draining: asyncio.Event) -> None:
        self._messages = aiter(subscription)
        self._next: asyncio.Future[bytes] | None = None
        self._drained = asyncio.ensure_future(draining.wait())

    async def next(self, patience_s: float) -> bytes | None:
        """The next message, or None when none came in time.

        Raises:
            ShuttingDown: the server is draining, or the live channel was closed.
        """
        if self._next is None:
            self._next = asyncio.ensure_future(anext(self._messages))
        waiting: set[asyncio.Future[Any]] = {self._next, self._drained}
        done, _ = await asyncio.wait(waiting, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        if self._next in done:
            arrived, self._next = self._next, None
            try:
                return arrived.result()
            except StopAsyncIteration:
                raise ShuttingDown from None
        if self._drained in done:
            raise ShuttingDown
        return None

    async def close(self) -> None:
        """Stop waiting."""
        for waiting in (self._next, self._drained):
            if waiting is not None:
                waiting.cancel()
                with suppress(asyncio.CancelledError, StopAsyncIteration):
                    await waiting


def committed_numbers(conn: Connection, user_id: str, recording_id: str) -> WatchRecordingResponse | None:
    """Store function: where a person's recording stands, with the newest value of every channel."""
    row = recordings.find(conn, user_id, recording_id)
    if row is None:
        return None
    message = WatchRecordingResponse(
        state=recording_pb2.RecordingState.ValueType(row.recording.state),
        samples=sum(source.next_sequence - source.rejected_samples for source in row.sources),
        workout_id=row.recording.workout_id or "",
    )
    for _, source_id, payload in recordings.latest_batches(conn, [row.recording.recording_pk]):
        batch = sample_pb2.SampleBatch.FromString(payload)
        for channel, (value, time_ms) in sorted(latest_values(batch).items()):
            message.values.add(
                source_id=source_id,
                channel=channel_pb2.Channel.ValueType(channel),
                value=value,
                time_ms=time_ms,
            )
    return message
