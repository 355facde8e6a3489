"""Working on requests: one at a time, begun again after whatever ended the last attempt."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Row

from pulsemesh.consent.v1 import rights_pb2
from services.chassis.bus import EventBus
from services.chassis.database import Database
from services.consent.rights import store
from services.consent.rights.domains import Domain
from services.consent.rights.erasing import erase_everywhere
from services.consent.rights.exporting import make_archive, sweep
from services.consent.rights.progress import Progress, RequestEnded, trouble_of

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
        *,
        scratch: Path,
    ) -> None:
        """
        Args:
            scratch: a folder of this work alone, for the parts of archives.
        """
        self._database = database
        self._domains = domains
        self._bus = bus
        self._clock_ms = clock_ms
        self._pace = pace
        self._scratch = scratch
        self._requested = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled."""
        unsubscribe = self._database.on_signal(store.REQUESTED, self._requested.set)
        try:
            while True:
                self._requested.clear()
                async with self._database.leadership("rights") as lease:
                    if lease is not None:
                        await self.work(lease.held)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._pace.poll_s):
                        await self._requested.wait()
        finally:
            unsubscribe()

    async def work(self, may_go_on: Callable[[], bool] = lambda: True) -> None:
        """Work on what is due now, for as long as this process is the one that does."""
        await asyncio.to_thread(sweep, self._scratch)
        async with self._database.write() as transaction:
            await transaction.run(store.forget_expired, self._clock_ms())
        async with self._database.read() as view:
            rows = await view.run(store.due, self._clock_ms())
        for row in rows:
            if not may_go_on():
                return
            try:
                await self._one(row)
            except RequestEnded:
                _log.info("rights_request_ended", rights_request_id=row.rights_request_id)
            except Exception as error:
                await self._put_off(row, error)

    async def _put_off(self, row: Row[Any], error: Exception) -> None:
        pause_ms = min(FIRST_PAUSE_MS * 2 ** min(row.attempts, 12), MAX_PAUSE_MS)
        async with self._database.write() as transaction:
            await transaction.run(store.put_off, row.request_pk, self._clock_ms() + pause_ms)
        # Its kind only: the words of a failure may name the person.
        _log.error(
            "rights_request_failed",
            rights_request_id=row.rights_request_id,
            attempts=row.attempts + 1,
            error=trouble_of(error),
        )

    async def _one(self, row: Row[Any]) -> None:
        async with self._database.write() as transaction:
            if not await transaction.run(store.begin, row.request_pk):
                return
        progress = Progress(self._database, row)
        if row.kind == rights_pb2.RIGHTS_KIND_EXPORT:
            await self._export(row, progress)
        else:
            await self._erase(row, progress)

    async def _export(self, row: Row[Any], progress: Progress) -> None:
        made_at = datetime.fromtimestamp(self._clock_ms() / 1000, UTC).isoformat(timespec="seconds")
        size = await make_archive(
            self._database,
            row.request_pk,
            row.user_id,
            self._domains,
            progress,
            made_at=made_at,
            scratch=self._scratch,
        )
        now_ms = self._clock_ms()
        await progress.write(
            state=rights_pb2.RIGHTS_STATE_DONE,
            done_ms=now_ms,
            expires_ms=now_ms + self._pace.archive_kept_ms,
            size_bytes=size,
        )

    async def _erase(self, row: Row[Any], progress: Progress) -> None:
        # Without a person everything is erased, and the process ended before it could say so.
        if row.user_id is not None:
            await erase_everywhere(
                row.user_id, self._domains, self._bus, progress, settling_s=self._pace.settling_s
            )
            await progress.write(user_id=None)
        await self._database.scrub()  # of the user id in the request itself
        await progress.write(state=rights_pb2.RIGHTS_STATE_DONE, done_ms=self._clock_ms())
