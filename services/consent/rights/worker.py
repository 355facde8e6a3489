"""Working on requests: one at a time, begun again after whatever ended the last attempt."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import Row

from pulsemesh.consent.v1 import rights_pb2
from services.chassis.bus import EventBus
from services.chassis.database import Database
from services.consent.rights import store
from services.consent.rights.domains import Domain
from services.consent.rights.erasing import erase_everywhere
from services.consent.rights.exporting import make_archive

FIRST_PAUSE_MS, MAX_PAUSE_MS = 2_000, 3_600_000

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take or stay.

    Attributes:
        settling_s: see `erase_everywhere`.
        poll_s: between looks for requests that other processes took.
        archive_kept_ms: for which an export can be fetched.
    """

    settling_s: float
    poll_s: float
    archive_kept_ms: int


class RightsWorker:
    """A background task of the host; one process at a time works."""

    name = "rights of people"

    def __init__(
        self,
        database: Database,
        domains: Sequence[Domain],
        bus: EventBus,
        clock_ms: Callable[[], int],
        pace: Pace,
    ) -> None:
        self._database = database
        self._domains = domains
        self._bus = bus
        self._clock_ms = clock_ms
        self._pace = pace
        self._requested = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        unsubscribe = self._database.on_signal(store.REQUESTED, self._requested.set)
        try:
            while True:
                self._requested.clear()
                async with self._database.leadership("rights") as lease:
                    if lease is not None:
                        await self.work()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pace.poll_s):
                        await self._requested.wait()
        finally:
            unsubscribe()

    async def work(self) -> None:
        """Work on what is due now."""
        async with self._database.write() as transaction:
            await transaction.run(store.forget_expired, self._clock_ms())
        async with self._database.read() as view:
            rows = await view.run(store.due, self._clock_ms())
        for row in rows:
            try:
                await self._one(row)
            except asyncio.CancelledError:
                raise
            except Exception:
                pause_ms = min(FIRST_PAUSE_MS * 2 ** min(row.attempts, 12), MAX_PAUSE_MS)
                async with self._database.write() as transaction:
                    await transaction.run(store.put_off, row.request_pk, self._clock_ms() + pause_ms)
                _log.exception("rights_request_failed", rights_request_id=row.rights_request_id)

    async def _one(self, row: Row[Any]) -> None:
        async with self._database.write() as transaction:
            if not await transaction.run(store.begin, row.request_pk):
                return
        progress = _Progress(self._database, row)
        if row.kind == rights_pb2.RIGHTS_KIND_EXPORT:
            await self._export(row, progress)
        else:
            await self._erase(row, progress)

    async def _export(self, row: Row[Any], progress: _Progress) -> None:
        made_at = datetime.fromtimestamp(self._clock_ms() / 1000, UTC).isoformat(timespec="seconds")
        size = await make_archive(
            self._database, row.request_pk, row.user_id, self._domains, progress.exported, made_at=made_at
        )
        now_ms = self._clock_ms()
        await progress.write(
            state=rights_pb2.RIGHTS_STATE_DONE,
            done_ms=now_ms,
            expires_ms=now_ms + self._pace.archive_kept_ms,
            size_bytes=size,
        )

    async def _erase(self, row: Row[Any], progress: _Progress) -> None:
        # Without a person all domains have answered, and the process ended before it could say so.
        if row.user_id is not None:
            progress.message.places.extend(
                await erase_everywhere(
                    row.user_id,
                    self._domains,
                    self._bus,
                    progress.erased,
                    settling_s=self._pace.settling_s,
                )
            )
        await progress.write(state=rights_pb2.RIGHTS_STATE_DONE, done_ms=self._clock_ms())


class _Progress:
    """How far a request is, kept for whoever asks."""

    def __init__(self, database: Database, row: Row[Any]) -> None:
        self.message = rights_pb2.RightsRequest.FromString(bytes(row.progress))
        del self.message.places[:]
        self._database = database
        self._request_pk = row.request_pk

    async def exported(self, domain: str, size: int, trouble: str) -> None:
        """A domain handed over its part, or could not."""
        self._of(domain).bytes = size
        await self._tell(domain, trouble)

    async def erased(self, domain: str, trouble: str) -> None:
        """A domain erased its part, or could not."""
        await self._tell(domain, trouble)

    async def write(self, **values: Any) -> None:
        """Write it down, with other columns of the request."""
        async with self._database.write() as transaction:
            await transaction.run(store.note, self._request_pk, self.message, **values)

    async def _tell(self, domain: str, trouble: str) -> None:
        entry = self._of(domain)
        entry.done, entry.trouble = not trouble, trouble
        await self.write()

    def _of(self, domain: str) -> rights_pb2.DomainProgress:
        for entry in self.message.domains:
            if entry.domain == domain:
                return entry
        return self.message.domains.add(domain=domain)
