"""One direction of a call: serialised messages in order, with flow control by bytes."""

from __future__ import annotations

import asyncio
from collections import deque

WINDOW_BYTES = 65_536
"""HTTP/2's initial window: a writer waits once so much is unread."""

MESSAGE_OVERHEAD_BYTES = 5
"""The length prefix of a gRPC message, so that empty messages count too."""


class PipeBroken(Exception):
    """The reader will read no more."""


class Pipe:
    """Many writers, one reader at a time."""

    __slots__ = ("_broken", "_bytes", "_ended", "_messages", "_reader", "_writers")

    def __init__(self) -> None:
        self._messages: deque[bytes] = deque()
        self._bytes = 0
        self._ended = False
        self._broken = False
        self._reader: asyncio.Future[None] | None = None
        self._writers: deque[asyncio.Future[None]] = deque()

    async def put(self, message: bytes) -> None:
        """Hand over one message; waits while the window is full.

        Raises:
            PipeBroken: nobody will read it.
        """
        while self._bytes >= WINDOW_BYTES and not self._broken:
            waiter = asyncio.get_running_loop().create_future()
            self._writers.append(waiter)
            try:
                await waiter
            finally:
                if not waiter.done():
                    waiter.cancel()
        self.put_nowait(message)

    def put_nowait(self, message: bytes) -> None:
        """Hand over one message, whatever the window says.

        Raises:
            PipeBroken: nobody will read it.
        """
        if self._broken:
            raise PipeBroken
        self._messages.append(message)
        self._bytes += len(message) + MESSAGE_OVERHEAD_BYTES
        _wake(self._reader)

    async def get(self) -> bytes | None:
        """The next message, or None after the last."""
        while not self._messages:
            if self._ended or self._broken:
                return None
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        message = self._messages.popleft()
        self._bytes -= len(message) + MESSAGE_OVERHEAD_BYTES
        self._wake_writers()
        return message

    def end(self) -> None:
        """The writer is done; what was written can still be read."""
        self._ended = True
        _wake(self._reader)

    def break_off(self) -> None:
        """Nobody reads or writes any more."""
        self._broken = True
        self._messages.clear()
        self._bytes = 0
        _wake(self._reader)
        self._wake_writers()

    def _wake_writers(self) -> None:
        while self._writers and (self._broken or self._bytes < WINDOW_BYTES):
            waiter = self._writers.popleft()
            if not waiter.done():
                waiter.set_result(None)
                if not self._broken:
                    return


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
