"""The bounded queue between a source's callbacks and the recorder."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from ingest_edge.sensors.events import Reading, SensorEvent

logger = logging.getLogger(__name__)


class EventQueue:
    """A sink for one consumer on the same event loop.

    Readings are bounded by ``capacity``: when it is full the new reading is refused and counted, so the part
    that is kept has no holes before the overflow and the radio's callback never waits. Events about
    connections and devices are few and always enter.

    Attributes:
        emitted: readings taken.
        dropped: readings refused.
    """

    def __init__(self, capacity: int = 65_536) -> None:
        if capacity < 1:
            raise ValueError("capacity must be at least 1")
        self.emitted = 0
        self.dropped = 0
        self._capacity = capacity
        self._events: deque[SensorEvent] = deque()
        self._readings = 0
        self._closed = False
        self._refusing = False
        self._wakeup = asyncio.Event()

    def __len__(self) -> int:
        return len(self._events)

    def offer(self, event: SensorEvent) -> bool:
        """Take an event, or refuse a reading when the queue is full or closed."""
        if isinstance(event, Reading):
            if self._closed or self._readings >= self._capacity:
                self._refuse()
                return False
            self._refusing = False
            self._readings += 1
            self.emitted += 1
        self._events.append(event)
        self._wakeup.set()
        return True

    def _refuse(self) -> None:
        self.dropped += 1
        if not self._refusing:
            self._refusing = True
            logger.warning("the event queue is full: readings are dropped (%d so far)", self.dropped)

    def close(self) -> None:
        """Let the consumer finish: it gets what is queued, then the end."""
        self._closed = True
        self._wakeup.set()

    async def get_batch(self, maximum: int = 1024) -> list[SensorEvent]:
        """Wait for at least one event and return up to ``maximum`` in order; an empty list means closed."""
        while not self._events:
            if self._closed:
                return []
            self._wakeup.clear()
            await self._wakeup.wait()
        return self.take(maximum)

    def take(self, maximum: int = 1024) -> list[SensorEvent]:
        """Return up to ``maximum`` events that are here now."""
        count = min(maximum, len(self._events))
        batch = [self._events.popleft() for _ in range(count)]
        self._readings -= sum(isinstance(event, Reading) for event in batch)
        return batch

    def __aiter__(self) -> EventQueue:
        return self

    async def __anext__(self) -> SensorEvent:
        batch = await self.get_batch(1)
        if not batch:
            raise StopAsyncIteration
        return batch[0]
