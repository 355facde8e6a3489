"""Telling whoever keeps answers of ours that they are out of date.

The receipts themselves are the log: every process of the domain looks for new ones a few times a second, and
at once after a commit of its own. Looking back over a window of time, not beyond the last key, misses
nothing: transactions may commit in another order than that of their keys.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from services.chassis.database import Database
from services.consent.store import receipts
from services.consent.store.receipts import Change

WINDOW_MS = 30_000
"""Longer than any change takes from its receipt to its commit, and than clocks differ."""

_QUEUED = 256


class Watcher:
    """One stream's queue of batches; an empty batch says that nothing changed."""

    def __init__(self) -> None:
        self.batches: asyncio.Queue[Sequence[Change]] = asyncio.Queue(_QUEUED)
        self.overrun = False
        """Set when it was too slow: it has missed something, and its stream must end."""

    def offer(self, batch: Sequence[Change]) -> None:
        """Queue a batch, unless the queue is full."""
        try:
            self.batches.put_nowait(batch)
        except asyncio.QueueFull:
            self.overrun = True


class ChangeFeed:
    """A background task of the host; looks only while somebody watches."""

    name = "consent changes"

    def __init__(self, database: Database, clock_ms: Callable[[], int], poll_s: float) -> None:
        self._database = database
        self._clock_ms = clock_ms
        self._poll_s = poll_s
        self._watchers: set[Watcher] = set()
        self._appended = asyncio.Event()
        self._seen: frozenset[int] = frozenset()

    async def run(self) -> None:
        """Look until cancelled. While this fails nobody hears anything, so nobody trusts what they keep."""
        unsubscribe = self._database.on_signal(receipts.APPENDED, self._appended.set)
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._poll_s):
                        await self._appended.wait()
                self._appended.clear()
                if self._watchers:
                    await self._look()
        finally:
            unsubscribe()

    async def _look(self) -> None:
        async with self._database.read() as view:
            recent = await view.run(receipts.since, self._clock_ms() - WINDOW_MS)
        batch = [change for change in recent if change.receipt_pk not in self._seen]
        self._seen = frozenset(change.receipt_pk for change in recent)
        for watcher in tuple(self._watchers):
            watcher.offer(batch)

    @contextmanager
    def watch(self) -> Iterator[Watcher]:
        """Hear of every change that is committed from now on."""
        watcher = Watcher()
        self._watchers.add(watcher)
        try:
            yield watcher
        finally:
            self._watchers.discard(watcher)
