"""The bus and a consumer killed while workouts are recorded: each event has its effect once."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pulsemesh import Client, connect
from pulsemesh.workout.v1 import ingest_service_pb2
from services.chassis import outbox
from services.chassis.database import Database, open_database
from services.chassis.migrations import chassis_metadata
from tests.chaos.consumer_process import EVENTS, NAME, PARTITIONS, SCHEMA, subject
from tests.fixtures.counted import effects_of, metadata
from tests.fixtures.numbered_writers import Tally, Writer, compare_workouts, numbered_batch
from tests.fixtures.platform_process import ROOT, ServerProcess, running
from tests.fixtures.quick_platform import quick_platform
from tests.fixtures.server_process import Guard
from tests.fixtures.valkey import ValkeyServer
from tests.fixtures.waiting import eventually

SAMPLES = 50


class ConsumerProcess:
    """The consumer of `consumer_process`, to be killed and started again."""

    def __init__(self, bus_url: str, database_url: str) -> None:
        self._command = [sys.executable, "-m", "tests.chaos.consumer_process", bus_url, database_url]
        self._process: subprocess.Popen[str] | None = None
        self._guard: Guard | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        self._guard = Guard(self._process.pid)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "ready\n"

    def kill(self) -> None:
        if self._process is not None and self._guard is not None:
            self._guard.dismiss()
            self._process.kill()
            self._process.communicate()
            self._process = None


@contextmanager
def _consuming(bus_url: str, database_url: str) -> Iterator[ConsumerProcess]:
    consumer = ConsumerProcess(bus_url, database_url)
    try:
        consumer.start()
        yield consumer
    finally:
        consumer.kill()


@asynccontextmanager
async def _databases(url: str) -> AsyncIterator[tuple[Database, Database]]:
    """The consumer's database, with its tables, and the workout service's."""
    counting, workout = open_database(url, schema=SCHEMA), open_database(url, schema="workout")
    try:
        await counting.change_schema(chassis_metadata.create_all)
        await counting.change_schema(metadata.create_all)
        yield counting, workout
    finally:
        await counting.close()
        await workout.close()


async def _record(client: Client, number: int) -> Writer:
    """A whole workout in one call."""
    writer = Writer("phone", [number])
    writer.feed.grow(SAMPLES)
    response = await client.ingest.append(
        ingest_service_pb2.AppendSamplesRequest(
            open=writer.opening(),
            batches=[numbered_batch(0, number, 0, SAMPLES)],
            finish=ingest_service_pb2.FinishRecording(sample_counts=[SAMPLES]),
        )
    )
    assert response.closed.workout_id
    return writer


async def _backlog(database: Database) -> int:
    async with database.read() as transaction:
        waiting, _ = await transaction.run(outbox.backlog)
    return waiting


@asynccontextmanager
async def _served(folder: Path, url: str, valkey: ValkeyServer, workers: int) -> AsyncIterator[str]:
    """The address of a platform on PostgreSQL and Valkey: in this process, or of several `workers`."""
    bus = {"url": valkey.url, "partitions": PARTITIONS}
    stores = dict.fromkeys(("limits_url", "cache_url", "live_url"), valkey.url)
    if not workers:
        settings = {"database": {"url": url}, "bus": bus, "store": stores}
        async with quick_platform(folder, settings) as platform:
            yield platform.address
        return
    groups: dict[str, dict[str, Any]] = {"database": {"url": url}, "bus": bus, "store": stores}
    environment = {
        f"PULSEMESH_{group}__{name}".upper(): str(value)
        for group, values in groups.items()
        for name, value in values.items()
    }
    with running(ServerProcess(folder, workers=workers, environment=environment)) as server:
        yield server.address


class Recording:
    """Records workouts one after the other."""

    def __init__(self, client: Client) -> None:
        self.writers: list[Writer] = []
        self._client = client

    async def record(self, workouts: int) -> None:
        for _ in range(workouts):
            self.writers.append(await _record(self._client, len(self.writers) + 1))


async def _one_round(
    recording: Recording,
    valkey: ValkeyServer,
    consumer: ConsumerProcess,
    backlog: Database,
    chance: random.Random,
) -> None:
    """The bus dies, then the consumer; both come back."""
    await recording.record(chance.randint(1, 4))
    await asyncio.sleep(chance.uniform(0.0, 0.3))
    await asyncio.to_thread(valkey.kill)
    await recording.record(5)
    assert await _backlog(backlog) >= 5 * len(EVENTS)
    if chance.random() < 0.5:
        await asyncio.to_thread(consumer.kill)
        await asyncio.to_thread(valkey.restart)
    else:
        await asyncio.to_thread(valkey.restart)
        await asyncio.sleep(chance.uniform(0.0, 1.0))
        await asyncio.to_thread(consumer.kill)
    await asyncio.to_thread(consumer.start)
    await recording.record(chance.randint(1, 4))


async def _record_while_the_bus_dies(
    folder: Path, url: str, valkey: ValkeyServer, *, rounds: int, workers: int, seed: int
) -> None:
    chance = random.Random(seed)
    tally = Tally("Valkey and the consumer killed", rounds=rounds, kills=2 * rounds)
    async with _databases(url) as (counting, workout), _served(folder, url, valkey, workers) as address:
        async with connect(address) as anyone:
            token = (await anyone.auth.create_token("rider")).access_token
        async with connect(address, token) as client:
            recording = Recording(client)
            with _consuming(valkey.url, url) as consumer:
                for _ in range(rounds):
                    await _one_round(recording, valkey, consumer, workout, chance)
                await _all_counted(counting, workout, recording.writers)
            await compare_workouts(client, recording.writers, tally)
        effects = Counter(one for one, _ in await effects_of(counting, NAME))
    expected = {subject(name, one.recording_id) for name in EVENTS for one in recording.writers}
    tally.reconnects, tally.batches_acknowledged = 0, len(recording.writers)
    tally.more = {
        "workouts": len(recording.writers),
        "events": len(expected),
        "events lost": len(expected - effects.keys()),
        "events doubled": effects.total() - len(effects),
    }
    tally.check()
    assert effects == Counter(expected)


async def _all_counted(counting: Database, workout: Database, writers: list[Writer]) -> None:
    async def counted() -> bool:
        effects = await effects_of(counting, NAME)
        return len(effects) >= len(EVENTS) * len(writers) and await _backlog(workout) == 0

    await eventually(counted, 60)
    await asyncio.sleep(0.5)  # a repeat would come now


async def test_events_of_a_killed_bus_reach_a_killed_consumer_once(
    tmp_path: Path, durable_url: str, own_valkey: ValkeyServer
) -> None:
    await _record_while_the_bus_dies(tmp_path, durable_url, own_valkey, rounds=1, workers=0, seed=5)


@pytest.mark.slow
async def test_events_reach_the_consumer_once_through_thirty_deaths_of_the_bus(
    tmp_path: Path, durable_url: str, own_valkey: ValkeyServer
) -> None:
    await _record_while_the_bus_dies(tmp_path, durable_url, own_valkey, rounds=30, workers=2, seed=15)
