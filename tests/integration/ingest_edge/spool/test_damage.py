"""A damaged spool is said, moved aside whole, and never silently emptied."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from ingest_edge.spool import SpoolCorrupt, SpoolError, SpoolLimits, SpoolLocked, open_spool, read_status
from tests.integration.ingest_edge.spool.making import begin, numbered_batch

LIMITS = SpoolLimits(min_free_bytes=0)


async def _filled(folder: Path) -> Path:
    async with await open_spool(folder, LIMITS) as spool:
        recording_id = await begin(spool)
        for start in range(0, 50_000, 5_000):
            await spool.append(recording_id, "strap/heart_rate", numbered_batch(start, 5_000))
    return folder / "spool.sqlite3"


def _garbage_inside(content: bytes) -> bytes:
    middle = len(content) // 2 // 4096 * 4096
    return content[:middle] + b"\xa5" * 8192 + content[middle + 8192 :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "garbage inside": _garbage_inside,
    "a broken header": lambda content: b"\0" * 100 + content[100:],
    "cut in half": lambda content: content[: len(content) // 2],
    "not a database": lambda content: b"the wrong file" * 1000,
}


def _set_aside(folder: Path) -> list[Path]:
    return [
        file for file in folder.glob("spool.sqlite3.damaged-*") if not file.name.endswith(("-wal", "-shm"))
    ]


@pytest.mark.parametrize("damage", DAMAGES)
async def test_a_damaged_spool_is_moved_aside_whole_and_the_error_says_where(
    tmp_path: Path, damage: str
) -> None:
    path = await _filled(tmp_path)
    content = DAMAGES[damage](path.read_bytes())
    path.write_bytes(content)
    with pytest.raises(SpoolCorrupt) as raised:
        await open_spool(tmp_path, LIMITS)
    aside = _set_aside(tmp_path)
    assert aside
    assert aside[0].read_bytes() == content
    assert str(path) in str(raised.value)
    assert str(aside[0]) in str(raised.value)
    assert ".recover" in str(raised.value)


async def test_after_a_damaged_spool_the_next_start_goes_on_empty_and_status_remembers(
    tmp_path: Path,
) -> None:
    path = await _filled(tmp_path)
    path.write_bytes(_garbage_inside(path.read_bytes()))
    with pytest.raises(SpoolCorrupt):
        await open_spool(tmp_path, LIMITS)
    async with await open_spool(tmp_path, LIMITS) as spool:
        assert await spool.recordings() == []
        await begin(spool)
    status = read_status(tmp_path, LIMITS)
    assert status is not None
    assert len(status.damaged_files) == 1


async def test_a_database_of_somebody_else_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "spool.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    with pytest.raises(SpoolError, match="not a spool"):
        await open_spool(tmp_path, LIMITS)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM recipes").fetchone() == (0,)
    connection.close()


async def test_a_spool_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    path = await _filled(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SpoolError, match="newer"):
        await open_spool(tmp_path, LIMITS)
    assert path.exists()


async def test_a_second_process_is_told_who_has_the_spool(tmp_path: Path) -> None:
    async with await open_spool(tmp_path, LIMITS):
        with pytest.raises(SpoolLocked, match=str(os.getpid())):
            await open_spool(tmp_path, LIMITS)


async def test_status_can_be_read_while_the_spool_is_in_use(tmp_path: Path) -> None:
    async with await open_spool(tmp_path, LIMITS) as spool:
        recording_id = await begin(spool)
        await spool.append(recording_id, "strap/heart_rate", numbered_batch(0, 10))
        status = read_status(tmp_path, LIMITS)
        assert status is not None
        assert status.waiting_samples == 10


async def test_where_nothing_was_recorded_there_is_no_status(tmp_path: Path) -> None:
    assert read_status(tmp_path, LIMITS) is None


async def test_nobody_else_may_read_the_spool(tmp_path: Path) -> None:
    path = await _filled(tmp_path / "new")
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
