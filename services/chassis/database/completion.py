"""Work that runs to its end although whoever waits for it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Completion:
    """Keeps the tasks that must not be cut off: a commit, a rollback, the return of a connection."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Let `work` run in the background; it must handle its own errors."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await `work`; a cancellation reaches the caller only after the work is done.

        Raises:
            asyncio.CancelledError: the caller was cancelled meanwhile; the work has ended, its result is
            lost.
        """
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        cancelled: asyncio.CancelledError | None = None
        while not task.done():
            try:
                await asyncio.shield(task)
            except asyncio.CancelledError as error:
                cancelled = error
            except BaseException:  # the work's own failure: raised below, once
                break
        if cancelled is not None:
            if not task.cancelled():
                task.exception()  # marks it as seen
            raise cancelled
        return task.result()

    async def settle(self) -> None:
        """Wait for all that is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)
