"""The database locked, stopped or gone for seconds while writers stream: they wait, and nothing is lost."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pulsemesh import connect
from services.workout.settings import WorkoutSettings
from tests.fixtures.numbered_writers import Tally, Writer, all_streaming, compare_workouts
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.quick_platform import quick_platform
from tests.fixtures.server_process import children_of
from tests.fixtures.waiting import eventually

CREDIT = WorkoutSettings().ingest_credit


@asynccontextmanager
async def _streaming(
    folder: Path, tally: Tally, settings: Mapping[str, Any] | None = None
) -> AsyncIterator[list[Writer]]:
    async with quick_platform(folder, settings, heartbeat_s=1.0) as served, connect(served.address) as anyone:
        token = (await anyone.auth.create_token("rider")).access_token
        writers = [Writer(f"phone-{one}", [2 * one, 2 * one + 1]) for one in (1, 2)]
        async with connect(served.address, token) as client:
            try:
                for writer in writers:
                    writer.start(client.ingest.open_call, samples_a_turn=20)
                await all_streaming(writers)
                yield writers
                await asyncio.gather(*(writer.finish() for writer in writers))
            finally:
                await asyncio.gather(*(writer.abandon() for writer in writers))
            await compare_workouts(client, writers, tally)


async def _acknowledged_more(writers: list[Writer]) -> None:
    marks = [writer.feed.acknowledged_samples for writer in writers]
    await eventually(
        lambda: all(one.feed.acknowledged_samples > mark for one, mark in zip(writers, marks, strict=True)),
        60,
    )


async def _until_credit_is_used_up(writers: list[Writer]) -> None:
    """Wait until every writer has sent what it may; then see that it keeps the rest and no ack comes."""
    await eventually(lambda: all(one.feed.batches_in_flight == CREDIT for one in writers), 60)
    acknowledged = [writer.feed.acknowledged_samples for writer in writers]
    kept = [writer.feed.samples for writer in writers]
    await asyncio.sleep(1.0)
    assert [writer.feed.acknowledged_samples for writer in writers] == acknowledged
    assert all(writer.feed.batches_in_flight == CREDIT for writer in writers)
    assert all(writer.feed.samples > count for writer, count in zip(writers, kept, strict=True))
    for writer in writers:
        writer.raise_failure()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """A foreign program in the middle of a write to the SQLite file."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


@contextmanager
def _stopped(postgres: PostgresServer) -> Iterator[None]:
    """Every process of PostgreSQL stands still; its connections stay open."""
    pids = [postgres.pid, *children_of(postgres.pid)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in reversed(pids):
            os.kill(pid, signal.SIGCONT)


async def _lock_sqlite(folder: Path, rounds: int, seconds: float) -> None:
    tally = Tally("SQLite locked by another program")
    async with _streaming(folder, tally) as writers:
        for _ in range(rounds):
            await _acknowledged_more(writers)
            with _locked(folder / "workout.db"):
                tally.rounds += 1
                await _until_credit_is_used_up(writers)
                await asyncio.sleep(seconds)
            await _acknowledged_more(writers)
        assert [writer.broken for writer in writers] == [[], []]
    tally.check()


async def _stop_postgres(
    folder: Path, postgres: PostgresServer, url: str, rounds: int, seconds: float
) -> None:
    tally = Tally("PostgreSQL stopped (SIGSTOP)")
    async with _streaming(folder, tally, {"database": {"url": url}}) as writers:
        for _ in range(rounds):
            await _acknowledged_more(writers)
            with _stopped(postgres):
                tally.rounds += 1
                await _until_credit_is_used_up(writers)
                await asyncio.sleep(seconds)
            await _acknowledged_more(writers)
        assert [writer.broken for writer in writers] == [[], []]
    tally.check()


async def _halt_postgres(
    folder: Path, postgres: PostgresServer, url: str, rounds: int, seconds: float
) -> None:
    tally = Tally("PostgreSQL shut down and started")
    async with _streaming(folder, tally, {"database": {"url": url}}) as writers:
        for _ in range(rounds):
            await _acknowledged_more(writers)
            await asyncio.to_thread(postgres.halt)
            tally.rounds += 1
            await _until_credit_is_used_up(writers)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(postgres.restart)
            await _acknowledged_more(writers)
        assert [writer.broken for writer in writers] == [[], []]
    tally.check()


async def test_a_locked_sqlite_file_stops_the_credit_and_loses_nothing(tmp_path: Path) -> None:
    await _lock_sqlite(tmp_path, rounds=1, seconds=2)


async def test_a_stopped_postgresql_stops_the_credit_and_loses_nothing(
    tmp_path: Path, durable_postgres: PostgresServer, durable_url: str
) -> None:
    await _stop_postgres(tmp_path, durable_postgres, durable_url, rounds=1, seconds=1)


@pytest.mark.slow
async def test_a_sqlite_file_locked_again_and_again_loses_nothing(tmp_path: Path) -> None:
    await _lock_sqlite(tmp_path, rounds=10, seconds=8)


@pytest.mark.slow
async def test_a_postgresql_stopped_again_and_again_loses_nothing(
    tmp_path: Path, durable_postgres: PostgresServer, durable_url: str
) -> None:
    await _stop_postgres(tmp_path, durable_postgres, durable_url, rounds=10, seconds=10)


@pytest.mark.slow
async def test_a_postgresql_shut_down_again_and_again_loses_nothing(
    tmp_path: Path, durable_postgres: PostgresServer, durable_url: str
) -> None:
    await _halt_postgres(tmp_path, durable_postgres, durable_url, rounds=10, seconds=5)
