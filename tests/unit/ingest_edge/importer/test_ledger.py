"""The ledger: ids, states, pages, and hints that are found by what they tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest_edge.files.archives import Location
from ingest_edge.importer import FileOutcome, FileStatus, JobState, UnknownJob, open_ledger
from ingest_edge.importer.entries import Entry
from ingest_edge.importer.ledger import JobLock, JobRuns
from ingest_edge.importer.metadata import Hint

START_MS = 1_700_000_000_000


def entries(count: int) -> list[Entry]:
    return [Entry(at, Location(Path(f"/in/{at}.fit")), 10) for at in range(count)]


async def test_an_import_is_found_by_either_end_of_its_id(tmp_path: Path) -> None:
    async with await open_ledger(tmp_path) as ledger:
        job_id = await ledger.create([Path("a")])
        assert (await ledger.job(job_id[-6:].lower())).job_id == job_id
        assert (await ledger.job(job_id[:6])).job_id == job_id
        with pytest.raises(UnknownJob):
            await ledger.job("X")


async def test_progress_counts_files_and_bytes(tmp_path: Path) -> None:
    async with await open_ledger(tmp_path) as ledger:
        job_id = await ledger.create([Path("a")])
        await ledger.add_files(job_id, entries(3))
        await ledger.note_done(job_id, 1, FileOutcome(Path("/in/1.fit"), FileStatus.IMPORTED))
        progress = (await ledger.job(job_id)).progress
        assert (progress.done, progress.files, progress.bytes_done, progress.bytes_total) == (1, 3, 10, 30)
        assert [file.entry.ordinal for file in await ledger.pending(job_id, -1, 10)] == [0, 2]


async def test_an_import_whose_process_is_gone_is_interrupted(tmp_path: Path) -> None:
    async with await open_ledger(tmp_path) as ledger:
        job_id = await ledger.create([Path("a")])
        lock = JobLock(ledger.locks, job_id)
        await ledger.begin(job_id)
        assert (await ledger.job(job_id)).state is JobState.SCANNING
        with pytest.raises(JobRuns):
            JobLock(ledger.locks, job_id)
        lock.release()
        assert (await ledger.job(job_id)).state is JobState.INTERRUPTED


async def test_requeueing_keeps_what_is_finished(tmp_path: Path) -> None:
    async with await open_ledger(tmp_path) as ledger:
        job_id = await ledger.create([Path("a")])
        await ledger.add_files(job_id, entries(3))
        await ledger.note_done(job_id, 0, FileOutcome(Path("/in/0.fit"), FileStatus.IMPORTED))
        await ledger.note_done(job_id, 1, FileOutcome(Path("/in/1.fit"), FileStatus.WAITING))
        await ledger.cancel_rest(job_id)
        assert (await ledger.job(job_id)).state is JobState.CANCELLED
        await ledger.requeue(job_id)
        assert [file.entry.ordinal for file in await ledger.pending(job_id, -1, 10)] == [1, 2]
        assert await ledger.queued() == [job_id]


async def test_a_hint_is_found_by_folder_and_name_then_by_number_then_by_start(tmp_path: Path) -> None:
    hints = [
        Hint(file_name="one/1.fit", title="by folder"),
        Hint(file_name="two/1.fit", title="the other"),
        Hint(activity_id="123456", title="by number"),
        Hint(activity_id="123456", gear="shoes"),
        Hint(start_ms=START_MS + 1500, title="by start"),
    ]
    async with await open_ledger(tmp_path) as ledger:
        job_id = await ledger.create([Path("a")])
        await ledger.add_hints(job_id, hints)

        async def found(path: str, start_ms: int = 0) -> Hint | None:
            return await ledger.hint_for(job_id, Location(Path(path)), start_ms)

        assert await found("/x/one/1.fit") == Hint(title="by folder")
        assert await found("/x/a_123456.fit") == Hint(title="by number", gear="shoes")
        assert await found("/x/9.fit", START_MS) == Hint(title="by start")
        assert await found("/x/9.fit", START_MS - 5000) is None
        assert await found("/x/three/1.fit") is None
