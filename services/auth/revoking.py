"""From what was revoked in the database to every process that watches."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from services.auth.store import revocations as store
from services.auth.store.revocations import REVOKED, RevocationRow
from services.chassis.auth import Revocation
from services.chassis.database import Database

POLL_S = 1.0
"""Seconds between looks for what other processes revoked; one's own is seen at once."""
OVERLAP_MS = 30_000
"""Transactions commit in another order than they begin, and clocks differ: so far back every look goes again.
"""


class RevocationFeed:
    """Follows the table for one watcher."""

    def __init__(self, database: Database, clock_ms: Callable[[], int], poll_s: float = POLL_S) -> None:
        self._database = database
        self._clock_ms = clock_ms
        self._poll_s = poll_s

    async def follow(self, ending: asyncio.Event) -> AsyncIterator[list[Revocation]]:
        """Everything that matters, then what is new; an empty list says that nothing was, a poll long.

        Ends when `ending` is set.
        """
        changed = asyncio.Event()
        unsubscribe = self._database.on_signal(REVOKED, changed.set)
        try:
            seen: dict[int, float] = {}
            since_ms = 0
            while not ending.is_set():
                changed.clear()
                now_ms = self._clock_ms()
                async with self._database.read() as view:
                    rows = await view.run(store.since, since_ms, now_ms)
                yield _new(rows, seen)
                since_ms = now_ms - OVERLAP_MS
                self._forget(seen, now_ms)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._poll_s):
                        await changed.wait()
        finally:
            unsubscribe()

    @staticmethod
    def _forget(seen: dict[int, float], now_ms: int) -> None:
        for key in [key for key, forget_at_s in seen.items() if forget_at_s * 1000 <= now_ms]:
            del seen[key]


def _new(rows: list[RevocationRow], seen: dict[int, float]) -> list[Revocation]:
    new = [row for row in rows if row.revocation_pk not in seen]
    seen.update((row.revocation_pk, row.entry.forget_at_s) for row in new)
    return [row.entry for row in new]
