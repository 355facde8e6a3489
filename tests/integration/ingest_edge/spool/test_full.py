"""A full spool: new recordings are refused first, then samples; what is there stays, and can leave."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ingest_edge.spool import Spool, SpoolFull, SpoolLimits, open_spool, read_status
from pulsemesh.workout.v1 import recording_pb2
from tests.integration.ingest_edge.spool.making import (
    begin,
    found,
    heart_source,
    new_recording,
    numbered_batch,
    stored_values,
)

ROOT = Path(__file__).parents[4]
SMALL = SpoolLimits(max_bytes=2 * 1024**2, min_free_bytes=0)
BATCH = 5_000


async def _fill(spool: Spool, recording_id: str) -> int:
    count = 0
    while True:
        try:
            await spool.append(recording_id, "strap/heart_rate", numbered_batch(count, BATCH))
        except SpoolFull:
            return count
        count += BATCH


async def test_a_full_spool_refuses_samples_and_keeps_every_one_it_took(tmp_path: Path) -> None:
    async with await open_spool(tmp_path, SMALL) as spool:
        recording_id = await begin(spool)
        count = await _fill(spool, recording_id)
        status = await spool.status()
        assert not status.accepts_samples
        assert status.used_bytes <= SMALL.max_bytes
        assert status.waiting_samples == count
    async with await open_spool(tmp_path, SMALL) as spool:
        assert await stored_values(spool, recording_id) == list(range(count))


async def test_no_new_recording_is_begun_in_a_nearly_full_spool_that_still_takes_samples(
    tmp_path: Path,
) -> None:
    async with await open_spool(tmp_path, SMALL) as spool:
        recording_id = await begin(spool)
        count = 0
        while (await spool.status()).accepts_new_recordings:
            await spool.append(recording_id, "strap/heart_rate", numbered_batch(count, BATCH))
            count += BATCH
        with pytest.raises(SpoolFull, match="no new recording"):
            await begin(spool)
        await spool.append(recording_id, "strap/heart_rate", numbered_batch(count, 10))


async def test_a_recording_can_be_finished_and_its_losses_noted_in_a_full_spool(tmp_path: Path) -> None:
    async with await open_spool(tmp_path, SMALL) as spool:
        recording_id = await begin(spool)
        await _fill(spool, recording_id)
        await spool.note_lost(recording_id, {"strap/heart_rate": 17})
        await spool.finish(recording_id, recording_pb2.RecordingDetails(title="a full ride"))
        recording = await found(spool, recording_id)
        assert recording.sources[0].lost == 17
        finish = await (await spool.feed(recording_id)).finish()
        assert finish is not None
        assert list(finish.sample_counts) == [recording.samples]


async def test_what_is_acknowledged_makes_room_again(tmp_path: Path) -> None:
    async with await open_spool(tmp_path, SMALL) as spool:
        recording_id = await begin(spool)
        count = await _fill(spool, recording_id)
        feed = await spool.feed(recording_id)
        await feed.acknowledged(0, count // 2)
        await spool.append(recording_id, "strap/heart_rate", numbered_batch(count, BATCH))
        held = (await found(spool, recording_id)).sources[0]
        assert (held.acknowledged, held.next_sequence) == (count // 2, count + BATCH)
        values = await stored_values(spool, recording_id, start=held.acknowledged)
        assert values == list(range(held.acknowledged, count + BATCH))


async def test_room_that_was_needed_once_goes_back_to_the_disk(tmp_path: Path) -> None:
    async with await open_spool(tmp_path, SpoolLimits(min_free_bytes=0)) as spool:
        recording_id = await begin(spool)
        batch = numbered_batch(0, 10_000)
        for _ in range(20):
            await spool.append_all(recording_id, [("strap/heart_rate", batch)] * 120)
        largest = (await spool.status()).used_bytes
        await spool.close_recording(recording_id, "")
        assert (await spool.status()).used_bytes < largest / 100
    assert largest - (tmp_path / "spool.sqlite3").stat().st_size > 10_000_000


async def test_an_import_that_does_not_fit_leaves_nothing_behind(tmp_path: Path) -> None:
    async with await open_spool(tmp_path, SMALL) as spool:
        batches = [numbered_batch(i * BATCH, BATCH) for i in range(500)]
        new = new_recording()
        with pytest.raises(SpoolFull):
            await spool.add_whole(new, [(heart_source(), batches)], recording_pb2.RecordingDetails())
        assert await spool.find(new.recording_id) is None


async def test_a_disk_with_too_little_left_refuses_samples(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    async with await open_spool(tmp_path, SpoolLimits(min_free_bytes=0)) as spool:
        recording_id = await begin(spool)
    async with await open_spool(tmp_path, SpoolLimits(min_free_bytes=free * 2)) as spool:
        with pytest.raises(SpoolFull, match="spool_min_free_bytes"):
            await spool.append(recording_id, "strap/heart_rate", numbered_batch(0, 1))
        assert (await found(spool, recording_id)).samples == 0
    status = read_status(tmp_path, SpoolLimits(min_free_bytes=free * 2))
    assert status is not None
    assert not status.accepts_samples


def _write_until_refused(command: list[str]) -> dict[tuple[str, str], int]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    *reports, last = done.stdout.splitlines()
    assert last.startswith("refused "), done.stderr
    returned = {}
    for line in reports:
        if line.startswith("refused"):
            continue
        recording_id, source_id, sequence = line.split()
        returned[recording_id, source_id] = int(sequence)
    return returned


async def _holds_exactly(folder: Path, returned: dict[tuple[str, str], int]) -> None:
    async with await open_spool(folder, SpoolLimits(min_free_bytes=0)) as spool:
        for (recording_id, source_id), sequence in returned.items():
            recording = await found(spool, recording_id)
            source = next(one for one in recording.sources if one.source_id == source_id)
            values = await stored_values(spool, recording_id, source.index)
            assert values == list(range(source.next_sequence))
            assert len(values) >= sequence


async def test_writes_that_the_system_refuses_cost_only_themselves(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "tests.integration.ingest_edge.spool.writer_process",
        str(tmp_path),
        "700000",
    ]
    returned = _write_until_refused(command)
    assert returned
    await _holds_exactly(tmp_path, returned)


def _may_mount(folder: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    attempt = ["unshare", "--mount", "sh", "-c", f"mount -t tmpfs -o size=1m tmpfs {folder}"]
    return subprocess.run(attempt, capture_output=True, check=False).returncode == 0


async def test_a_disk_that_is_really_full_costs_only_what_was_refused(tmp_path: Path) -> None:
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    disk.mkdir()
    if not _may_mount(disk):
        pytest.skip("needs the right to mount a file system")
    script = (
        f"mount -t tmpfs -o size=1m tmpfs {disk} && "
        f"{sys.executable} -m tests.integration.ingest_edge.spool.writer_process {disk} endless; "
        f"cp -r {disk} {copy}"
    )
    returned = _write_until_refused(["unshare", "--mount", "sh", "-c", script])
    assert returned
    await _holds_exactly(copy, returned)
