"""What is over is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from services.auth.oauth.browsing import Browsing
from services.auth.oauth.device_pairing import REMEMBERED_MS
from services.auth.oauth.store import codes, devices
from services.chassis.database import Database

EVERY_S = 300.0


class OAuthHousekeeping:
    """A background task of the host."""

    name = "forgetting codes"

    def __init__(
        self, database: Database, browsing: Browsing, clock_ms: Callable[[], int], every_s: float = EVERY_S
    ) -> None:
        self._database = database
        self._browsing = browsing
        self._clock_ms = clock_ms
        self._every_s = every_s

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            await self.forget()

    async def forget(self) -> None:
        """Drop codes that are of no use to anybody."""
        now_ms = self._clock_ms()
        async with self._database.write() as transaction:
            await transaction.run(codes.forget, now_ms)
            await transaction.run(devices.forget, now_ms - REMEMBERED_MS)
        await self._browsing.forget()
