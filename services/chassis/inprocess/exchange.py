"""What stands between the two ends of one in-process call: the place of the wire."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import grpc

from services.chassis.inprocess.pipe import Pipe

MetadataPairs = tuple[tuple[str, str | bytes], ...]

CANCELLED_DETAILS = "Locally cancelled by application!"
COLLECTED_DETAILS = "Cancelled upon garbage collection!"
DEADLINE_DETAILS = "Deadline Exceeded"


class Exchange:
    """One call.

    Attributes:
        requests, responses: the two directions, serialised.
        code: None until the call has its final status.
        finished: set with the final status.
        opened: set when the server's initial metadata are known, at the latest with the status.
    """

    def __init__(self, path: str, metadata: MetadataPairs, timeout_s: float | None) -> None:
        self.path = path
        self.metadata = metadata
        self.requests = Pipe()
        self.responses = Pipe()
        self.code: grpc.StatusCode | None = None
        self.details = ""
        self.trailing: MetadataPairs = ()
        self.initial: MetadataPairs = ()
        self.opened = asyncio.Event()
        self.finished = asyncio.Event()
        self.locally_cancelled = False
        self.server_task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._callbacks: list[Callable[[], None]] = []
        self._deadline_at = None if timeout_s is None else time.monotonic() + timeout_s
        self._timer = (
            None if timeout_s is None else self._loop.call_later(max(timeout_s, 0.0), self._deadline_passed)
        )

    @property
    def done(self) -> bool:
        """Whether the call has its final status."""
        return self.code is not None

    def time_remaining(self) -> float | None:
        """Seconds until the caller's deadline, None without one."""
        return None if self._deadline_at is None else max(self._deadline_at - time.monotonic(), 0.0)

    def open(self, initial: MetadataPairs) -> None:
        """The server sends its initial metadata; only the first time counts."""
        if not self.opened.is_set():
            self.initial = initial
            self.opened.set()

    def finish(self, code: grpc.StatusCode, details: str, trailing: MetadataPairs = ()) -> bool:
        """Give the call its final status, once; what the server wrote before can still be read.

        Returns:
            False when it had one.
        """
        if self.code is not None:
            return False
        self.code = code
        self.details = details
        self.trailing = trailing
        if self._timer is not None:
            self._timer.cancel()
        self.requests.break_off()
        self.responses.end()
        self.opened.set()
        self.finished.set()
        for callback in self._callbacks:
            self._loop.call_soon(callback)
        self._callbacks.clear()
        return True

    def abandon(self, code: grpc.StatusCode, details: str) -> bool:
        """End the call from the client's side: its handler is cancelled, unread responses are dropped."""
        if not self.finish(code, details):
            return False
        self.responses.break_off()
        if self.server_task is not None:
            self.server_task.cancel()
        return True

    def cancel(self, details: str = CANCELLED_DETAILS) -> bool:
        """The client gives up."""
        if self.code is not None:
            return False
        self.locally_cancelled = True
        return self.abandon(grpc.StatusCode.CANCELLED, details)

    def collected(self) -> None:
        """The client forgot its call; may come from any thread, and when the loop is gone."""
        if self.code is None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.cancel, COLLECTED_DETAILS)

    def when_finished(self, callback: Callable[[], Any]) -> None:
        """Call `callback` on the loop once the call has its status."""
        if self.code is not None:
            self._loop.call_soon(callback)
        else:
            self._callbacks.append(callback)

    def _deadline_passed(self) -> None:
        self.abandon(grpc.StatusCode.DEADLINE_EXCEEDED, DEADLINE_DETAILS)
