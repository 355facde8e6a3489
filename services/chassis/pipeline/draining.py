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
        self._idle: asyncio.Event | None = None
        self._streams: set[asyncio.Task[object]] = set()
        self._ended: set[asyncio.Task[object]] = set()

    def enter(self, stream: asyncio.Task[object] | None) -> None:
        """A call begins; `stream` is its task where it may be long."""
        self.in_flight += 1
        if stream is not None:
            self._streams.add(stream)

    def leave(self, stream: asyncio.Task[object] | None) -> None:
        """A call has ended."""
        self.in_flight -= 1
        if stream is not None:
            self._streams.discard(stream)
            self._ended.discard(stream)
        if self._idle is not None and not self.in_flight:
            self._idle.set()

    def was_ended(self, task: asyncio.Task[object]) -> bool:
        """True when it was we who cancelled the stream's task."""
        return task in self._ended

    async def wait_idle(self, timeout_s: float) -> bool:
        """Wait until no call is in flight; False when `timeout_s` passed before."""
        if not self.in_flight:
            return True
        self._idle = asyncio.Event()
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

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
