"""What nobody asks for and somebody must do: forgetting old answers, and handles that lead nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from services.chassis.database import Database
from services.profile.handles import LEADS_ON_FOR_MS
from services.profile.store import answers, handles

EVERY_S = 3_600.0
ANSWERS_KEPT_MS = 86_400_000


class Housekeeping:
    """A background task of the host. With several processes only one of them works at a time."""

    name = "profile housekeeping"

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            async with self._database.leadership("profile-housekeeping") as lease:
                if lease is not None:
                    await self.tidy()

    async def tidy(self) -> None:
        """One round."""
        now_ms = self._clock_ms()
        async with self._database.write() as transaction:
            await transaction.run(answers.delete_before, now_ms - ANSWERS_KEPT_MS)
            await transaction.run(handles.forget_released, now_ms - LEADS_ON_FOR_MS)
