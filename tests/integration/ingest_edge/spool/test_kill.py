"""kill -9 at random moments: every append that returned is there, once and in order."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ingest_edge.spool import SpoolLimits, open_spool
from tests.integration.ingest_edge.spool.making import found, stored_values

ROOT = Path(__file__).parents[4]
LIMITS = SpoolLimits(min_free_bytes=0)


def _write_until_killed(folder: Path, lines: int) -> dict[tuple[str, str], int]:
    """Appends that returned, by recording and source; the writer dies while it goes on."""
    command = [
        sys.executable,
        "-m",
        "tests.integration.ingest_edge.spool.writer_process",
        str(folder),
        "endless",
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        returned: dict[tuple[str, str], int] = {}
        for line in writer.stdout:
            lines -= 1
            if lines == 0:
                writer.send_signal(signal.SIGKILL)
            if not line.endswith("\n"):
                break
            recording_id, source_id, sequence = line.split()
            returned[recording_id, source_id] = int(sequence)
    assert writer.returncode == -signal.SIGKILL
    return returned


async def _check(folder: Path, returned: dict[tuple[str, str], int]) -> tuple[int, int]:
    """Samples that the writer was promised, and samples that are there."""
    promised = kept = 0
    async with await open_spool(folder, LIMITS) as spool:
        for (recording_id, source_id), sequence in returned.items():
            recording = await found(spool, recording_id)
            source = next(one for one in recording.sources if one.source_id == source_id)
            values = await stored_values(spool, recording_id, source.index)
            assert values == list(range(source.next_sequence))
            assert len(values) >= sequence
            promised += sequence
            kept += len(values)
    return promised, kept


@pytest.mark.parametrize("round_number", range(5))
async def test_a_killed_writer_lost_nothing_that_it_was_promised(tmp_path: Path, round_number: int) -> None:
    moment = random.Random(round_number).randint(3, 400)
    returned = _write_until_killed(tmp_path, moment)
    promised, kept = await _check(tmp_path, returned)
    print(f"round {round_number}: killed after {moment} appends; {promised} samples promised, {kept} kept")
    assert promised <= kept


@pytest.mark.slow
async def test_fifty_killed_writers_of_one_spool_lost_nothing(tmp_path: Path) -> None:
    chance = random.Random(50)
    returned: dict[tuple[str, str], int] = {}
    for _ in range(50):
        returned |= _write_until_killed(tmp_path, chance.randint(1, 600))
    promised, kept = await _check(tmp_path, returned)
    print(f"50 rounds: {promised} samples promised, {kept} kept")
    assert promised <= kept


async def test_the_lock_of_a_killed_process_holds_nobody_up(tmp_path: Path) -> None:
    _write_until_killed(tmp_path, 2)
    async with await open_spool(tmp_path, LIMITS) as spool:
        assert len(await spool.recordings()) == 1
