"""Bounded queues per watcher, and who watches what."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from services.chassis.live.port import QUEUE_MESSAGES


class Watcher:
    """One watcher's queue: when it is full, the oldest message gives way."""

    def __init__(self, capacity: int = QUEUE_MESSAGES) -> None:
        self._messages: deque[bytes] = deque(maxlen=capacity)
        self._arrived = asyncio.Event()
        self._ended = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """See `LiveSubscription.dropped`."""
        return self._dropped

    def offer(self, message: bytes) -> None:
        """Queue the message, never waiting."""
        if len(self._messages) == self._messages.maxlen:
            self._dropped += 1
        self._messages.append(message)
        self._arrived.set()

    def end(self) -> None:
        """Let the iteration stop after what is queued."""
        self._ended = True
        self._arrived.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._messages:
                yield self._messages.popleft()
            if self._ended:
                return
            self._arrived.clear()
            await self._arrived.wait()


class FanOut:
    """The watchers of each topic."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[Watcher]] = {}

    def add(self, topic: str) -> Watcher:
        """A new watcher of `topic`."""
        watcher = Watcher()
        self._watchers.setdefault(topic, set()).add(watcher)
        return watcher

    def remove(self, topic: str, watcher: Watcher) -> bool:
        """Forget a watcher; returns whether it was the last of its topic."""
        watcher.end()
        watchers = self._watchers.get(topic, set())
        watchers.discard(watcher)
        if not watchers:
            self._watchers.pop(topic, None)
        return not watchers

    def watched(self, topic: str) -> bool:
        """Whether anybody watches `topic`."""
        return topic in self._watchers

    def offer(self, topic: str, message: bytes) -> None:
        """Give the message to all who watch."""
        for watcher in tuple(self._watchers.get(topic, ())):
            watcher.offer(message)

    def end(self) -> None:
        """End every watcher."""
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.end()
