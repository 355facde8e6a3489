"""What has had its time: first answers to requests."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from services.chassis.database import Database
from services.consent.store import answers

EVERY_S = 300.0


class Housekeeping:
    """A background task of the host."""

    name = "consent housekeeping"

    def __init__(self, database: Database, clock_ms: Callable[[], int], answers_kept_h: float) -> None:
        self._database = database
        self._clock_ms = clock_ms
        self._kept_ms = int(answers_kept_h * 3_600_000)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self.clean()
            await asyncio.sleep(EVERY_S * random.uniform(0.9, 1.1))

    async def clean(self) -> int:
        """Forget answers that are too old; how many there were."""
        async with self._database.write() as transaction:
            return await transaction.run(answers.delete_before, self._clock_ms() - self._kept_ms)
