"""The ledger as the importer and the commands see it: asynchronous, shared between processes."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from ingest_edge.files.archives import Location
from ingest_edge.importer.entries import Entry
from ingest_edge.importer.ledger import files_store, jobs_store, lock, restoring_store, schema
from ingest_edge.importer.ledger.records import ArchivedFile, Job, JobFile, JobState, Spooling
from ingest_edge.importer.metadata import Hint
from ingest_edge.importer.outcome import FileOutcome
from ingest_edge.importer.restoring.facts import ArchivedFacts
from ingest_edge.importer.restoring.steps import Step
from ingest_edge.spool import SpoolWriteFailed
from ingest_edge.spool.store_thread import StoreThread
from pulsemesh.ulid import new_ulid

T = TypeVar("T")

_LOCKS = "imports"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def open_ledger(home: Path) -> Ledger:
    """Open the ledger in `home`, made where there is none.

    Raises:
        SpoolError: it cannot be opened.
    """
    path = home / schema.DATABASE_NAME

    def connect() -> sqlite3.Connection:
        try:
            home.mkdir(mode=0o700, parents=True, exist_ok=True)
            return schema.open_database(path)
        except (OSError, sqlite3.Error) as error:
            raise SpoolWriteFailed(f"cannot open {path}: {error}") from error

    store = StoreThread(path, connect)
    await store.start()
    return Ledger(home / _LOCKS, store)


class Ledger:
    """Imports and their files. Use as an asynchronous context manager, or call `close`.

    Ids of imports may be shortened where they remain the only ones. Every method raises `UnknownJob` for one
    that there is not, and `SpoolError` where the database cannot be used.

    Attributes:
        locks: the folder of the locks of imports; see `JobLock`.
    """

    def __init__(self, locks: Path, store: StoreThread) -> None:
        self.locks = locks
        self._store = store

    async def __aenter__(self) -> Ledger:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the database."""
        await self._store.close()

    async def create(self, paths: Sequence[Path], set_aside: Path | None = None) -> str:
        """Note a new import of these files, folders and archives; returns its id."""
        job_id = new_ulid()
        whole = [Path(os.path.abspath(path)) for path in paths]  # noqa: ASYNC240 - looks at no file
        aside = None if set_aside is None else Path(os.path.abspath(set_aside))  # noqa: ASYNC240
        await self._run(lambda connection: jobs_store.add(connection, job_id, whole, aside, _now_ms()))
        return job_id

    async def job(self, job_id: str) -> Job:
        """One import."""
        job = await self._of(job_id, lambda connection, key: jobs_store.get(connection, key, _now_ms()))
        return await asyncio.to_thread(self._as_it_is, job)

    async def jobs(self, most: int = 50) -> list[Job]:
        """The newest imports, the newest first."""
        found = await self._run(lambda connection: jobs_store.latest(connection, most, _now_ms()))
        return [await asyncio.to_thread(self._as_it_is, job) for job in found]

    async def queued(self) -> list[str]:
        """The ids of imports that wait for somebody to begin."""
        return await self._run(jobs_store.queued)

    async def files(
        self, job_id: str, statuses: Sequence[str], after: int = -1, most: int = 500
    ) -> list[JobFile]:
        """A page of an import's files with these outcomes (the empty text: none yet), in their order."""
        return await self._of(
            job_id, lambda connection, key: files_store.page(connection, key, statuses, after, most)
        )

    # The course of an import.

    async def begin(self, job_id: str) -> None:
        """This process begins to work on it."""
        await self._of(job_id, lambda connection, key: jobs_store.begin(connection, key, _now_ms()))

    async def end(self, job_id: str, state: JobState, reason: str = "") -> None:
        """It has ended so."""
        await self._of(
            job_id, lambda connection, key: jobs_store.set_state(connection, key, state, _now_ms(), reason)
        )

    async def ask_cancel(self, job_id: str) -> None:
        """Ask whoever works on it to stop."""
        await self._of(job_id, jobs_store.ask_cancel)

    async def cancel_asked(self, job_id: str) -> bool:
        """Whether that was asked."""
        return await self._of(job_id, jobs_store.cancel_asked)

    async def cancel_rest(self, job_id: str) -> None:
        """Name what has no outcome as cancelled, and the import too."""

        def work(connection: sqlite3.Connection, key: int) -> None:
            files_store.cancel_pending(connection, key, _now_ms())
            jobs_store.set_state(connection, key, JobState.CANCELLED, _now_ms())

        await self._of(job_id, work)

    async def requeue(self, job_id: str) -> None:
        """Let it be gone on with; what was done stays done."""
        await self._of(job_id, jobs_store.requeue)

    # Its files.

    async def forget_scan(self, job_id: str) -> None:
        """Forget what an interrupted scan had found."""

        def work(connection: sqlite3.Connection, key: int) -> None:
            files_store.forget_scan(connection, key)
            restoring_store.forget(connection, key)

        await self._of(job_id, work)

    async def add_files(
        self, job_id: str, entries: Sequence[Entry], outcomes: Sequence[tuple[int, FileOutcome]] = ()
    ) -> None:
        """Add files that a scan found, and the outcomes of those of them that are not opened."""

        def work(connection: sqlite3.Connection, key: int) -> None:
            files_store.add(connection, key, entries)
            for ordinal, outcome in outcomes:
                files_store.note_done(connection, key, ordinal, outcome, _now_ms())

        await self._of(job_id, work)

    async def add_hints(self, job_id: str, hints: Sequence[Hint]) -> None:
        """Add what an export tells of files."""
        await self._of(job_id, lambda connection, key: files_store.add_hints(connection, key, hints))

    async def scanned(self, job_id: str, passed_over: int) -> None:
        """All of its files are known."""
        await self._of(job_id, lambda connection, key: jobs_store.set_scanned(connection, key, passed_over))

    async def pending(self, job_id: str, after: int, most: int) -> list[JobFile]:
        """Files without an outcome, in order, after that ordinal."""
        return await self._of(
            job_id, lambda connection, key: files_store.next_pending(connection, key, after, most)
        )

    async def hint_for(self, job_id: str, location: Location, start_ms: int) -> Hint | None:
        """What the exports in this import tell of a file; `start_ms` is when its activity began."""
        return await self._of(
            job_id, lambda connection, key: files_store.hint_for(connection, key, location, start_ms)
        )

    async def note_spooling(self, job_id: str, ordinal: int, read: Spooling) -> None:
        """A file was read and goes into the spool next."""
        await self._of(
            job_id, lambda connection, key: files_store.note_spooling(connection, key, ordinal, read)
        )

    async def note_done(self, job_id: str, ordinal: int, outcome: FileOutcome) -> None:
        """A file has its outcome."""
        await self._of(
            job_id,
            lambda connection, key: files_store.note_done(connection, key, ordinal, outcome, _now_ms()),
        )

    async def file(self, job_id: str, ordinal: int) -> JobFile | None:
        """A file without an outcome."""
        found = await self.pending(job_id, ordinal - 1, 1)
        return found[0] if found and found[0].entry.ordinal == ordinal else None

    # What archives of ours ask to be done again.

    async def note_archived(self, job_id: str, entry: Entry, facts: ArchivedFacts) -> None:
        """A workout of an archive was read."""
        await self._of(
            job_id, lambda connection, key: restoring_store.note_archived(connection, key, entry, facts)
        )

    async def note_derivations(self, job_id: str, location: Location, content: bytes) -> None:
        """An archive tells, at `location`, how its workouts came of others."""
        await self._of(
            job_id,
            lambda connection, key: restoring_store.note_derivations(connection, key, location, content),
        )

    async def archives(self, job_id: str) -> list[str]:
        """Archives of which a workout was read, by their keys."""
        return await self._of(job_id, restoring_store.archives)

    async def archived_files(self, job_id: str, archive: str) -> list[ArchivedFile]:
        """The workouts of an archive that were read, in their order."""
        return await self._of(job_id, lambda connection, key: restoring_store.files(connection, key, archive))

    async def derivations(self, job_id: str, archive: str) -> bytes:
        """What an archive tells of them, as it has it."""
        return await self._of(
            job_id, lambda connection, key: restoring_store.derivations(connection, key, archive)
        )

    async def note_step(self, job_id: str, archive: str, step: Step) -> None:
        """What became of a step."""
        await self._of(
            job_id, lambda connection, key: restoring_store.note_step(connection, key, archive, step)
        )

    async def steps(self, job_id: str, archive: str | None = None) -> list[Step]:
        """The steps so far, of one archive or of all."""
        return await self._of(job_id, lambda connection, key: restoring_store.steps(connection, key, archive))

    async def _of(self, job_id: str, work: Callable[[sqlite3.Connection, int], T]) -> T:
        return await self._run(lambda connection: work(connection, jobs_store.key(connection, job_id)))

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._store.run(work)

    def _as_it_is(self, job: Job) -> Job:
        """An import whose process is gone is interrupted, whatever it noted last."""
        if job.state not in (JobState.SCANNING, JobState.RUNNING) or lock.is_held(self.locks, job.job_id):
            return job
        return replace(job, state=JobState.INTERRUPTED)
