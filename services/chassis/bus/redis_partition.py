"""One partition of one group, served by the process that holds its lease."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import structlog
from google.protobuf.message import DecodeError
from redis.exceptions import ResponseError

from pulsemesh.event.v1.envelope_pb2 import Envelope
from services.chassis.bus.delivery import RetryPolicy, deliver, deliver_one_by_one
from services.chassis.bus.port import EventHandler
from services.chassis.bus.redis_layout import FIELD, Layout
from services.chassis.redis_client import DOWN, RedisClient

OWNER = "owner"
"""The one consumer name: the lease says which process it is, and its pending entries pass to the next."""

POLL_S = 5.0
MAX_PAUSE_S = 2.0
SUSPICIOUS_DELIVERIES = 3
"""Entries that came so often go one by one: one of them may kill the process."""
FATAL_DELIVERIES = 8
"""The first entry that came so often and was never settled is parked unhandled."""

Entry = tuple[bytes, dict[bytes, bytes] | None]

_log = structlog.get_logger(__name__)


class PartitionWorker:
    """Reads, delivers and acknowledges; first what an earlier owner left unacknowledged."""

    def __init__(
        self,
        client: RedisClient,
        layout: Layout,
        *,
        partition: int,
        group: str,
        types: Collection[str],
        handler: EventHandler,
        policy: RetryPolicy,
        batch: int,
    ) -> None:
        self._client = client
        self._layout = layout
        self._stream = layout.stream(partition)
        self._group = group
        self._types = types
        self._handler = handler
        self._policy = policy
        self._batch = batch
        self._news = asyncio.Event()
        self._stopping = False

    def wake(self) -> None:
        """There may be new entries."""
        self._news.set()

    def stop(self) -> None:
        """End after the batch that is being handled."""
        self._stopping = True
        self._news.set()

    async def run(self) -> None:
        """Serve the partition until `stop` or cancellation; survives the absence of the server."""
        failures = 0
        while not self._stopping:
            try:
                await self._recover()
                failures = 0
                await self._follow()
            except (*DOWN, ResponseError) as error:
                failures += 1
                await self._after_failure(error, failures)

    async def _follow(self) -> None:
        while not self._stopping:
            self._news.clear()
            entries = await self._read(">")
            if entries:
                await self._settle(entries)
            else:
                await self._wait_for_news()

    async def _recover(self) -> None:
        """Settle the entries that were delivered to an owner and never acknowledged, oldest first."""
        while not self._stopping:
            entries = await self._read("0")
            if not entries:
                return
            await self._settle(entries, await self._deliveries())

    async def _read(self, after: str) -> list[Entry]:
        answer: Any = await self._client.xreadgroup(
            self._group, OWNER, {self._stream: after}, count=self._batch
        )
        return list(answer[0][1]) if answer else []

    async def _deliveries(self) -> dict[bytes, int]:
        """How often each of the oldest pending entries was delivered."""
        rows: Any = await self._client.xpending_range(self._stream, self._group, "-", "+", self._batch)
        return {row["message_id"]: row["times_delivered"] for row in rows}

    async def _settle(self, entries: Sequence[Entry], deliveries: dict[bytes, int] | None = None) -> None:
        wanted = await self._decoded(entries)
        if deliveries and max(deliveries.values()) > SUSPICIOUS_DELIVERIES:
            await self._settle_suspicious(wanted, deliveries)
        else:
            await deliver(self._handler, [envelope for _, envelope in wanted], self._policy)
        await self._acknowledge([entry_id for entry_id, _ in entries])

    async def _settle_suspicious(
        self, wanted: list[tuple[bytes, Envelope]], deliveries: dict[bytes, int]
    ) -> None:
        """One by one, so that only the event that kills its process stays; in the end that one is parked."""
        for position, (entry_id, envelope) in enumerate(wanted):
            count = deliveries.get(entry_id, 0)
            if position == 0 and count > FATAL_DELIVERIES:
                await self._handler.park(envelope, "delivered again and again, never settled", count)
            else:
                await deliver_one_by_one(self._handler, [envelope], self._policy, Counter())
            await self._acknowledge([entry_id])

    async def _decoded(self, entries: Sequence[Entry]) -> list[tuple[bytes, Envelope]]:
        """The envelopes that this group wants; what is not an envelope is put aside."""
        decoded: list[tuple[bytes, Envelope]] = []
        for entry_id, fields in entries:
            if not fields:  # trimmed while pending
                continue
            try:
                envelope = Envelope.FromString(fields[FIELD])
            except (DecodeError, KeyError):
                _log.error("event_unreadable", stream=self._stream, entry=entry_id.decode())
                await self._client.xadd(self._layout.unreadable, dict(fields), maxlen=10_000)  # type: ignore[arg-type]
                continue
            if envelope.type in self._types:
                decoded.append((entry_id, envelope))
        return decoded

    async def _acknowledge(self, entry_ids: Sequence[bytes]) -> None:
        if entry_ids:
            await self._client.xack(self._stream, self._group, *entry_ids)

    async def _wait_for_news(self) -> None:
        try:
            async with asyncio.timeout(POLL_S * random.uniform(0.8, 1.2)):
                await self._news.wait()
        except TimeoutError:
            pass  # pub/sub promises nothing: look again from time to time

    async def _after_failure(self, error: Exception, failures: int) -> None:
        if isinstance(error, ResponseError) and not isinstance(error, DOWN):
            if not str(error).startswith("NOGROUP"):
                _log.exception("partition_worker_failed", stream=self._stream, group=self._group)
            elif failures == 1 and await self._create_group():
                return
        pause = min(0.05 * 2.0 ** min(failures, 10), MAX_PAUSE_S) * random.uniform(0.75, 1.25)
        await asyncio.sleep(pause)
        if isinstance(error, ResponseError):
            await self._create_group()

    async def _create_group(self) -> bool:
        """A group starts with the oldest event that is kept: a new consumer misses nothing."""
        try:
            await self._client.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except ResponseError as error:
            return str(error).startswith("BUSYGROUP")
        except DOWN:
            return False
        return True
