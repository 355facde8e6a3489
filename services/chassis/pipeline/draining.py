"""The calls in flight, and how the long ones learn that the server is going away."""

from __future__ import annotations

import asyncio


class Draining:
    """Shared by all methods of one server.

    Attributes:
        started: set when the server asks streams to end.
        in_flight: calls being served now.
    """

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.in_flight = 0
        self._streams: set[asyncio.Task[object]] = set()
        self._ended: set[asyncio.Task[object]] = set()

    def opened(self, task: asyncio.Task[object]) -> None:
        """A stream began."""
        self._streams.add(task)

    def closed(self, task: asyncio.Task[object]) -> None:
        """A stream ended."""
        self._streams.discard(task)
        self._ended.discard(task)

    def was_ended(self, task: asyncio.Task[object]) -> bool:
        """True when it was we who cancelled the stream's task."""
        return task in self._ended

    async def end_streams(self, notice_s: float) -> int:
        """Give streams `notice_s` seconds to end by themselves, then cancel what is left.

        The client of a stream that is cancelled gets UNAVAILABLE with SHUTTING_DOWN and connects again.

        Returns:
            how many streams had to be cancelled.
        """
        self.started.set()
        if self._streams and notice_s > 0:
            await asyncio.wait(set(self._streams), timeout=notice_s)
        left = list(self._streams)
        for task in left:
            self._ended.add(task)
            task.cancel()
        return len(left)
