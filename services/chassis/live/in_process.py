"""Live messages within one process."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from services.chassis.live.fan_out import FanOut
from services.chassis.live.port import MAX_MESSAGE_BYTES, LiveSubscription


class InProcessLive:
    """The `LiveChannel` of one process."""

    def __init__(self) -> None:
        self._topics = FanOut()

    async def publish(self, topic: str, message: bytes) -> None:
        """See `LiveChannel.publish`."""
        require_short(message)
        self._topics.offer(topic, message)

    def watched(self, topic: str) -> bool:
        """See `LiveChannel.watched`: here it is always certain."""
        return self._topics.watched(topic)

    @asynccontextmanager
    async def subscribe(self, topic: str) -> AsyncGenerator[LiveSubscription]:
        """See `LiveChannel.subscribe`."""
        watcher = self._topics.add(topic)
        try:
            yield watcher
        finally:
            self._topics.remove(topic, watcher)

    async def close(self) -> None:
        """See `LiveChannel.close`."""
        self._topics.end()


def require_short(message: bytes) -> None:
    """
    Raises:
        ValueError: the message is longer than the port allows.
    """
    if len(message) > MAX_MESSAGE_BYTES:
        raise ValueError(f"a live message has {len(message)} bytes; at most {MAX_MESSAGE_BYTES} are allowed")
