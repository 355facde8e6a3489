"""From the outbox to the bus: one active relay per service, whatever the number of processes."""

from __future__ import annotations

import asyncio
import contextlib
import random

import structlog

from services.chassis import outbox
from services.chassis.bus.port import BusUnavailable, EventBus
from services.chassis.database import Database, Lease, StoreUnavailable

ROLE = "relay"
MAX_BATCH_BYTES = 4 * 1024 * 1024
MAX_PAUSE_S = 5.0

_log = structlog.get_logger(__name__)


class Relay:
    """Publishes a service's outbox in the order of its ids, and deletes what was published.

    A crash between the two publishes those rows again: delivery is at least once, and consumers recognise the
    repeat. Two relays at the same time (one that lost its role without knowing) are harmless for the same
    reason, and both go through the rows in the same order, so first deliveries stay in order.
    """

    def __init__(
        self,
        database: Database,
        bus: EventBus,
        *,
        batch: int = 500,
        poll: float = 0.25,
        takeover: float = 2.0,
    ) -> None:
        """
        Args:
            batch: the most rows published at once.
            poll: seconds between looks for rows that another process appended; one's own wake the relay at
            once. takeover: seconds between attempts to become the active relay.
        """
        self._database = database
        self._bus = bus
        self._batch = batch
        self._poll = poll
        self._takeover = takeover
        self._appended = asyncio.Event()
        self.published = 0

    def wake(self) -> None:
        """There may be new rows."""
        self._appended.set()

    async def run(self) -> None:
        """Relay until cancelled; survives the absence of the store and of the bus."""
        unsubscribe = self._database.on_signal(outbox.APPENDED, self.wake)
        failures = 0
        try:
            while True:
                try:
                    async with self._database.leadership(ROLE) as lease:
                        if lease is not None:
                            await self._lead(lease)
                    failures = 0
                    await asyncio.sleep(self._takeover * random.uniform(0.75, 1.25))
                except StoreUnavailable as error:
                    failures += 1
                    await self._pause("relay_waits_for_store", error, failures)
        finally:
            unsubscribe()

    async def publish_all(self) -> int:
        """Publish what is there now and return how many; for tests and for a last flush at shutdown."""
        total = 0
        while count := await self._publish_batch():
            total += count
        return total

    async def _lead(self, lease: Lease) -> None:
        _log.info("relay_leads", schema=self._database.schema)
        failures = 0
        while lease.held():
            self._appended.clear()
            try:
                count = await self._publish_batch()
                failures = 0
            except BusUnavailable as error:
                failures += 1
                await self._pause("relay_waits_for_bus", error, failures)
                continue
            if count < self._batch:
                await self._wait_for_rows()

    async def _publish_batch(self) -> int:
        async with self._database.read() as transaction:
            rows = await transaction.run(outbox.waiting, self._batch, MAX_BATCH_BYTES)
        if not rows:
            return 0
        await self._bus.publish([row.envelope for row in rows])
        async with self._database.write() as transaction:
            await transaction.run(outbox.remove, [row.id for row in rows])
        self.published += len(rows)
        return len(rows)

    async def _wait_for_rows(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._poll):
                await self._appended.wait()

    async def _pause(self, what: str, error: StoreUnavailable | BusUnavailable, failures: int) -> None:
        pause = min(max(error.retry_after, 0.1 * 2.0 ** min(failures, 10)), MAX_PAUSE_S)
        _log.warning(what, schema=self._database.schema, reason=str(error), pause_s=pause)
        await asyncio.sleep(pause * random.uniform(0.75, 1.25))
