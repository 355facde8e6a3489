"""What nobody asks for and somebody must do: telling of gear that is worn by age, forgetting old answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sqlalchemy import Connection

from services.chassis.database import Database
from services.profile.gear import alerting
from services.profile.gear.store import inventory
from services.profile.gear.store import wear as store

EVERY_S = 900.0
ANSWERS_KEPT_MS = 86_400_000
_AT_ONCE = 100


class GearWatch:
    """A background task of the host. With several processes only one of them works at a time."""

    name = "gear watch"

    def __init__(self, database: Database, clock_ms: Callable[[], int], *, every_s: float = EVERY_S) -> None:
        self._database = database
        self._clock_ms = clock_ms
        self._every_s = every_s

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            async with self._database.leadership("gear-watch") as lease:
                if lease is not None:
                    await self.look()
            await asyncio.sleep(self._every_s)

    async def look(self) -> int:
        """One round; returns how many pieces of gear had come to a step by their age."""
        now_ms = self._clock_ms()
        async with self._database.write() as transaction:
            await transaction.run(inventory.forget_answers, now_ms - ANSWERS_KEPT_MS)
        seen = 0
        while True:
            async with self._database.read() as view:
                due = await view.run(store.due, now_ms, _AT_ONCE)
            for row in due:
                # A transaction for each person's gear: their locks are not held together.
                async with self._database.write() as transaction:
                    await transaction.run(_look_at, row.user_id, row.gear_pk, now_ms)
            seen += len(due)
            if len(due) < _AT_ONCE:
                return seen


def _look_at(conn: Connection, user_id: str, gear_pk: int, now_ms: int) -> None:
    inventory.lock_owner(conn, user_id)
    # Whatever becomes of it, it is not due at the same moment again; what is retired is looked at anew when
    # it is restored.
    store.settle_due(conn, gear_pk, now_ms)
    alerting.gear_changed(conn, user_id, gear_pk, now_ms)
