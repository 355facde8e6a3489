"""Telling tasks of one event loop that something changed, without losing a change or waking anybody twice."""

from __future__ import annotations

import asyncio


class Signal:
    """A counter of changes that tasks can wait on. Used on one event loop only.

    A waiter hands in the count it has seen, so a change between its look and its wait is never missed.
    """

    def __init__(self) -> None:
        self.count = 0
        self._event = asyncio.Event()

    def notify(self) -> None:
        """Say that something changed."""
        self.count += 1
        self._event.set()
        self._event = asyncio.Event()

    async def changed(self, seen: int) -> int:
        """Wait until the count differs from `seen`; returns the new count."""
        while self.count == seen:
            await self._event.wait()
        return self.count
