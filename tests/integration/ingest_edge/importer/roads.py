"""A way to a small platform for tests of whole imports."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from ingest_edge.files.archives import ArchiveLimits, ArchiveReader
from ingest_edge.files.isolation import FileReader
from ingest_edge.importer import (
    FileOutcome,
    Importer,
    Job,
    JobRunner,
    Journal,
    Ledger,
    Step,
    Watcher,
    open_ledger,
)
from ingest_edge.spool import Spool, SpoolLimits, open_spool
from ingest_edge.uplink import Uplink, UplinkSettings
from pulsemesh.calls.retry import RetrySettings
from pulsemesh.client import Client, connect

IMPATIENT = RetrySettings(first_pause_s=0.02, longest_pause_s=0.2)
"""Of calls to a platform that is away on purpose."""

ALL = [
    *("imported", "partial", "duplicate", "not_an_activity", "unreadable", "failed", "no_room", "waiting"),
    "cancelled",
]


@dataclass
class Road:
    """Spool, uplink, ledger and decoder of one edge."""

    home: Path
    spool: Spool
    uplink: Uplink
    client: Client
    decoder: FileReader
    ledger: Ledger
    patience_s: float = 20.0
    limits: ArchiveLimits | None = None
    owner: Client | None = None
    steps: list[Step] = field(default_factory=list)

    def runner(self) -> JobRunner:
        def make(reader: ArchiveReader, journal: Journal) -> Importer:
            return Importer(
                self.spool,
                self.uplink,
                self.client,
                self.decoder,
                writer_id="edge-1",
                patience_s=self.patience_s,
                reader=reader,
                journal=journal,
            )

        return JobRunner(
            self.ledger,
            self.uplink,
            self.decoder,
            make,
            owner=self._owner,
            scratch=self.home / "scratch",
            patience_s=self.patience_s,
            limits=self.limits,
        )

    async def run(self, *paths: Path, set_aside: Path | None = None) -> Job:
        """A new import of these, to its end."""
        self.steps.clear()
        return await self.runner().run(
            await self.ledger.create(paths, set_aside), Watcher(step=self.steps.append)
        )

    @contextlib.asynccontextmanager
    async def _owner(self) -> AsyncIterator[Client]:
        yield self.owner or self.client

    async def outcomes(self, job: Job) -> dict[str, FileOutcome]:
        """What became of the files, by the end of their paths: as much as tells them apart."""
        files = await self.ledger.files(job.job_id, ALL)
        found = [file.outcome for file in files if file.outcome is not None]
        assert len(found) == job.progress.done
        return {outcome.path.name: outcome for outcome in found}


@contextlib.asynccontextmanager
async def open_road(
    home: Path, target: str, decoder: FileReader, patience_s: float = 20.0, token: str | None = None
) -> AsyncIterator[Road]:
    limits = SpoolLimits(min_free_bytes=0)
    async with (
        await open_ledger(home) as ledger,
        await open_spool(home / "spool", limits) as spool,
        connect(target, token, retry=IMPATIENT) as client,
    ):
        uplink = Uplink(spool, client, UplinkSettings(file_pause_s=0.2))
        running = asyncio.ensure_future(uplink.run())
        try:
            yield Road(home, spool, uplink, client, decoder, ledger, patience_s)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
