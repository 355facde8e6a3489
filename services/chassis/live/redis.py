"""Live messages between the processes of a cell, by Redis pub/sub."""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog
from redis.exceptions import ResponseError

from services.chassis.cancellation import end_tasks
from services.chassis.live.channel_listener import ChannelListener
from services.chassis.live.fan_out import FanOut
from services.chassis.live.in_process import require_short
from services.chassis.live.port import LiveSubscription
from services.chassis.redis_client import DOWN, open_redis

OUTGOING_MESSAGES = 4_096
PIPELINE_MESSAGES = 256
PAUSE_S = 0.25

_log = structlog.get_logger(__name__)


class RedisLive:
    """The `LiveChannel` between processes.

    Publishers put into a bounded queue that one task sends; while the server is slow or down the oldest
    messages
    are dropped, and `dropped` counts them. One connection listens for all topics that are watched here.
    """

    def __init__(self, url: str, *, namespace: str = "pulsemesh") -> None:
        self._client = open_redis(url)
        self._prefix = f"{namespace}:live:"
        self._topics = FanOut()
        self._listener = ChannelListener(self._client)
        self._changing = asyncio.Lock()
        self._outgoing: deque[tuple[str, bytes]] = deque(maxlen=OUTGOING_MESSAGES)
        self._queued = asyncio.Event()
        self._sender: asyncio.Task[None] | None = None
        self.dropped = 0

    async def publish(self, topic: str, message: bytes) -> None:
        """See `LiveChannel.publish`."""
        require_short(message)
        if self._sender is None:
            self._sender = asyncio.create_task(self._send(), name="live-sender")
        if len(self._outgoing) == OUTGOING_MESSAGES:
            self.dropped += 1
        self._outgoing.append((self._prefix + topic, message))
        self._queued.set()

    def watched(self, topic: str) -> bool:
        """See `LiveChannel.watched`: other processes may watch what this one does not know of."""
        return True

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncGenerator[LiveSubscription]:
        """See `LiveChannel.subscribe`."""
        watcher = self._topics.add(topic)
        try:
            await self._follow(topic)
            yield watcher
        finally:
            if self._topics.remove(topic, watcher):
                await self._unfollow(topic)

    async def close(self) -> None:
        """See `LiveChannel.close`."""
        self._topics.end()
        if self._sender is not None:
            await end_tasks(self._sender)
        await self._listener.close()
        await self._client.aclose()

    async def _follow(self, topic: str) -> None:
        async with self._changing:
            channel = self._prefix + topic
            if not self._listener.listens_to(channel):
                await self._listener.add(channel, functools.partial(self._topics.offer, topic))

    async def _unfollow(self, topic: str) -> None:
        async with self._changing:
            if not self._topics.watched(topic):  # nobody came back meanwhile
                await self._listener.remove(self._prefix + topic)

    async def _send(self) -> None:
        while True:
            await self._queued.wait()
            self._queued.clear()
            while self._outgoing:
                count = min(len(self._outgoing), PIPELINE_MESSAGES)
                messages = [self._outgoing.popleft() for _ in range(count)]
                try:
                    await self._send_together(messages)
                except (*DOWN, ResponseError) as error:
                    self.dropped += len(messages)
                    _log.warning("live_messages_dropped", count=len(messages), reason=str(error))
                    await asyncio.sleep(PAUSE_S)

    async def _send_together(self, messages: list[tuple[str, bytes]]) -> None:
        async with self._client.pipeline(transaction=False) as pipeline:
            for channel, message in messages:
                pipeline.publish(channel, message)
            await pipeline.execute()
