"""One import from its beginning, or from where it was left, to its end, noted in the ledger all along."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

from ingest_edge.files.archives import ArchiveLimits, ArchiveReader, Refused
from ingest_edge.files.decoder import UnreadableFile
from ingest_edge.files.isolation import FileReader
from ingest_edge.files.pulsemesh_archive import DERIVATIONS
from ingest_edge.importer.entries import Entry, Metadata, PassedOver, Scanned, scan
from ingest_edge.importer.importer import Importer, Work
from ingest_edge.importer.journal import Journal, LedgerJournal
from ingest_edge.importer.ledger import Job, JobFile, JobLock, JobState, Ledger
from ingest_edge.importer.metadata import hints_of
from ingest_edge.importer.outcome import BAD, FileOutcome, FileStatus
from ingest_edge.importer.restoration import OpenClient, Restoration
from ingest_edge.importer.restoring import Step
from ingest_edge.importer.set_aside import SetAside
from ingest_edge.spool import SpoolError
from ingest_edge.uplink import CredentialsRefused, PlatformUnreachable, Uplink

T = TypeVar("T")

_SCAN_CHUNK = 500
_PAGE = 200
_CANCEL_POLL_S = 0.5

MakeImporter = Callable[[ArchiveReader, Journal], Importer]


@dataclass(frozen=True)
class Watcher:
    """Who is told of the course of an import, besides the ledger."""

    found: Callable[[int], None] = lambda _files: None
    """Called with the number of files, as they are found and once all are."""
    done: Callable[[FileOutcome], None] = lambda _outcome: None
    step: Callable[[Step], None] = lambda _step: None
    """Called for everything that an archive of ours asked to be done again."""


class JobRunner:
    """Works on imports of one ledger.

    Args:
        make_importer: gives an importer over the spool and the uplink of this process.
        decoder: reads what exports tell, away from this process.
        scratch: where archives within archives are unpacked while they are read.
        owner: opens a client of the person whose workouts they become, for what is done with them after.
        patience_s: how long to wait at the end for a platform that is silent.
    """

    def __init__(
        self,
        ledger: Ledger,
        uplink: Uplink,
        decoder: FileReader,
        make_importer: MakeImporter,
        *,
        owner: OpenClient,
        scratch: Path,
        patience_s: float,
        limits: ArchiveLimits | None = None,
    ) -> None:
        self._ledger = ledger
        self._uplink = uplink
        self._decoder = decoder
        self._make_importer = make_importer
        self._owner = owner
        self._scratch = scratch
        self._patience_s = patience_s
        self._limits = limits or ArchiveLimits()

    async def run(self, job_id: str, watcher: Watcher | None = None) -> Job:
        """Work on an import until it ends; returns it as it ended.

        One that is cancelled here (not by `Ledger.ask_cancel`) counts as interrupted and can be resumed.

        Raises:
            JobRuns: another process works on it.
            UnknownJob: there is none.
            SpoolError, CredentialsRefused: as `Importer.run`; noted too.
        """
        job_id = (await self._ledger.job(job_id)).job_id
        lock = await asyncio.to_thread(JobLock, self._ledger.locks, job_id)
        try:
            await self._ledger.begin(job_id)
            with ArchiveReader(self._limits, self._scratch) as reader:
                await self._work(await self._ledger.job(job_id), reader, watcher or Watcher())
        except (SpoolError, CredentialsRefused) as error:
            with contextlib.suppress(SpoolError):
                await self._ledger.end(job_id, JobState.FAILED, str(error))
            raise
        finally:
            lock.release()
        return await self._ledger.job(job_id)

    async def _work(self, job: Job, reader: ArchiveReader, watcher: Watcher) -> None:
        if not job.scanned and not await self._scan(job, reader, watcher):
            return
        watcher.found((await self._ledger.job(job.job_id)).progress.files)
        aside = None if job.set_aside is None else SetAside(job.set_aside, reader)
        importer = self._make_importer(reader, LedgerJournal(self._ledger, job.job_id))
        asking = asyncio.create_task(self._stop_when_asked(job.job_id, importer))
        try:
            waiting = await self._import(job, importer, aside, watcher)
            if not await self._ledger.cancel_asked(job.job_id):
                await self._restoration(job, importer, watcher).run()
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        if aside is not None:
            await self._tell_reasons(job, aside)
        if await self._ledger.cancel_asked(job.job_id):
            await self._ledger.cancel_rest(job.job_id)
            return
        if not waiting:
            # The files themselves follow their samples; a platform that is gone now gets them later.
            self._uplink.expect_contact()
            with contextlib.suppress(PlatformUnreachable):
                await self._uplink.drained(self._patience_s)
        await self._ledger.end(job.job_id, JobState.DONE)

    async def _import(self, job: Job, importer: Importer, aside: SetAside | None, watcher: Watcher) -> int:
        """Import what is pending; returns how many files wait for the platform."""
        waiting = 0
        async for work, outcome in importer.import_all(self._works(job.job_id)):
            if outcome.status in (FileStatus.CANCELLED, FileStatus.DERIVED):
                continue
            waiting += outcome.status is FileStatus.WAITING
            if aside is not None and outcome.status in BAD:
                await asyncio.to_thread(aside.keep, work.entry)
            watcher.done(outcome)
        return waiting

    def _restoration(self, job: Job, importer: Importer, watcher: Watcher) -> Restoration:
        return Restoration(
            self._ledger,
            job.job_id,
            importer,
            self._decoder,
            self._owner,
            self._patience_s,
            watcher.done,
            watcher.step,
        )

    async def _works(self, job_id: str) -> AsyncIterator[Work]:
        after = -1
        while page := await self._ledger.pending(job_id, after, _PAGE):
            for file in page:
                yield Work(file.entry, file.spooling)
            after = page[-1].entry.ordinal

    async def _stop_when_asked(self, job_id: str, importer: Importer) -> None:
        # It is another process that asks: there is nothing to wait on but the ledger.
        while not await self._ledger.cancel_asked(job_id):  # noqa: ASYNC110
            await asyncio.sleep(_CANCEL_POLL_S)
        importer.stop()

    async def _tell_reasons(self, job: Job, aside: SetAside) -> None:
        files: list[JobFile] = []
        after = -1
        while page := await self._ledger.files(job.job_id, sorted(BAD), after):
            files += page
            after = page[-1].entry.ordinal
        if files:
            await asyncio.to_thread(aside.write_reasons, files)

    # Looking for the files.

    async def _scan(self, job: Job, reader: ArchiveReader, watcher: Watcher) -> bool:
        """Note every file there is; False where the import was cancelled meanwhile.

        A scan that is interrupted begins anew: what it had found is forgotten first.
        """
        await self._ledger.forget_scan(job.job_id)
        with contextlib.closing(scan(job.paths, self._limits, self._scratch)) as items:
            return await self._note_scan(job, items, reader, watcher)

    async def _note_scan(
        self, job: Job, items: Iterator[Scanned], reader: ArchiveReader, watcher: Watcher
    ) -> bool:
        found = passed_over = 0
        while chunk := await _uncut(asyncio.to_thread(_take, items)):
            if await self._ledger.cancel_asked(job.job_id):
                await self._ledger.cancel_rest(job.job_id)
                return False
            for item in chunk:
                passed_over += isinstance(item, PassedOver)
                if isinstance(item, Metadata):
                    await self._note_metadata(job.job_id, item, reader)
            files = [item for item in chunk if isinstance(item, Entry | Refused)]
            await self._note_files(job, files, found)
            found += len(files)
            watcher.found(found)
        await self._ledger.scanned(job.job_id, passed_over)
        return True

    async def _note_files(self, job: Job, items: list[Entry | Refused], first: int) -> None:
        entries, outcomes = [], []
        for ordinal, item in enumerate(items, first):
            if isinstance(item, Entry):
                entries.append(replace(item, ordinal=ordinal))
                continue
            members = item.location.members
            entries.append(Entry(ordinal, item.location, members[-1].size_bytes if members else -1))
            outcome = FileOutcome(
                item.location.shown, FileStatus.UNREADABLE, reason=item.reason, fault=item.fault
            )
            outcomes.append((ordinal, outcome))
        await self._ledger.add_files(job.job_id, entries, outcomes)

    async def _note_metadata(self, job_id: str, item: Metadata, reader: ArchiveReader) -> None:
        """What cannot be read tells nothing; the files themselves are imported all the same."""
        with contextlib.suppress(UnreadableFile, OSError):
            content = await asyncio.to_thread(reader.read, item.location, self._limits.max_text_bytes)
            if item.location.inner_name == DERIVATIONS:
                await self._ledger.note_derivations(job_id, item.location, content)
                return
            hints = await asyncio.to_thread(self._decoder.run, hints_of, item.location.name, content)
            await self._ledger.add_hints(job_id, hints)


async def _uncut(work: Coroutine[None, None, T]) -> T:
    """Await work in a thread to its end, even when cancelled: what it works on cannot be closed before."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _take(items: Iterator[Scanned]) -> list[Scanned]:
    return list(islice(items, _SCAN_CHUNK))
