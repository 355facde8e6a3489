"""kill -9 of the server, and of PostgreSQL, at random moments while writers stream."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pulsemesh import connect
from pulsemesh.ulid import new_ulid
from tests.fixtures.journal import held_samples, missing
from tests.fixtures.numbered_writers import Tally, Writer, all_streaming, compare_workouts
from tests.fixtures.platform_process import ServerProcess, running
from tests.fixtures.postgres import PostgresServer
from tests.fixtures.server_process import children_of

Strike = Callable[[], Awaitable[None]]


def _writers() -> list[Writer]:
    """Two that share a recording, and two with one each; two sources each."""
    shared = new_ulid()
    return [
        Writer("gateway-a", [1, 2], recording_id=shared),
        Writer("gateway-b", [3, 4], recording_id=shared),
        Writer("phone-c", [5, 6]),
        Writer("phone-d", [7, 8], batch_samples=300),
    ]


@asynccontextmanager
async def _streaming(server: ServerProcess, tally: Tally) -> AsyncIterator[list[Writer]]:
    """Writers that stream during the block; then all is finished and compared."""
    async with connect(server.address) as anyone:
        token = (await anyone.auth.create_token("rider")).access_token
    writers = _writers()
    async with connect(server.address, token) as client:
        try:
            for writer in writers:
                writer.start(client.ingest.open_call)
            await all_streaming(writers)
            yield writers
            await asyncio.gather(*(writer.finish() for writer in writers))
        finally:
            await asyncio.gather(*(writer.abandon() for writer in writers))
        await compare_workouts(client, writers, tally)
        workouts = [workout.recording_id async for workout in client.workouts.list()]
        assert sorted(workouts) == sorted({writer.recording_id for writer in writers})


async def _rounds(writers: list[Writer], tally: Tally, strikes: list[Strike], chance: random.Random) -> None:
    for strike in strikes:
        await asyncio.sleep(chance.uniform(0.02, 0.7))
        await strike()
        tally.rounds += 1
        await all_streaming(writers)
        for writer in writers:
            writer.raise_failure()


def _server_killer(
    server: ServerProcess, writers: list[Writer], tally: Tally, database_url: str, chance: random.Random
) -> Strike:
    """Kill the server, look at the journal that it left, start it again; now and then kill the start too."""

    async def strike() -> None:
        await asyncio.to_thread(server.kill)
        tally.kills += 1
        promised = {place: count for writer in writers for place, count in writer.acknowledged().items()}
        tally.acknowledged_missing += missing(promised, await held_samples(database_url))
        if tally.rounds % 4 == 3:
            server.launch()
            await asyncio.sleep(chance.uniform(0.2, 1.5))
            await asyncio.to_thread(server.kill)
            tally.kills += 1
        await asyncio.to_thread(server.start)

    return strike


async def _kill_while_finishing(
    server: ServerProcess, writers: list[Writer], tally: Tally, kills: int, chance: random.Random
) -> None:
    """Kill the server while it makes workouts of the recordings."""
    finishing = asyncio.gather(*(writer.finish() for writer in writers))
    for _ in range(kills):
        done, _ = await asyncio.wait([finishing], timeout=chance.uniform(0.0, 0.1))
        if done:
            break
        await asyncio.to_thread(server.kill)
        tally.kills += 1
        await asyncio.to_thread(server.start)
    await finishing


async def _kill_server_on_sqlite(folder: Path, rounds: int, seed: int) -> None:
    tally = Tally("server killed, SQLite")
    with running(ServerProcess(folder)) as server:
        async with _streaming(server, tally) as writers:
            chance = random.Random(seed)
            strike = _server_killer(server, writers, tally, f"sqlite:///{folder / 'data'}", chance)
            await _rounds(writers, tally, [strike] * rounds, chance)
            await _kill_while_finishing(server, writers, tally, max(1, rounds // 5), chance)
    tally.check()


async def _kill_server_and_postgres(
    folder: Path, postgres: PostgresServer, url: str, rounds: int, seed: int
) -> None:
    """By turns the server, PostgreSQL, and both at once."""
    tally = Tally("server and PostgreSQL killed by turns")
    environment = {"PULSEMESH_DATABASE__URL": url}
    with running(ServerProcess(folder, environment=environment)) as server:
        async with _streaming(server, tally) as writers:
            chance = random.Random(seed)
            kill_server = _server_killer(server, writers, tally, url, chance)

            async def kill_postgres() -> None:
                await asyncio.to_thread(postgres.kill)
                tally.kills += 1
                promised = {place: count for one in writers for place, count in one.acknowledged().items()}
                await asyncio.sleep(0.3)
                await asyncio.to_thread(postgres.restart)
                tally.acknowledged_missing += missing(promised, await held_samples(url))

            async def kill_both() -> None:
                await asyncio.to_thread(postgres.kill)
                await asyncio.to_thread(server.kill)
                tally.kills += 2
                await asyncio.to_thread(postgres.restart)
                await asyncio.to_thread(server.start)

            strikes: list[Strike] = [kill_postgres, kill_both, kill_server]
            await _rounds(writers, tally, (strikes * rounds)[:rounds], chance)
            await _kill_while_finishing(server, writers, tally, rounds // 5, chance)
    tally.check()


async def _end_workers(folder: Path, url: str, bus_url: str, rounds: int, seed: int) -> None:
    """By turns one of two workers is killed and the whole server is drained, as an upgrade does."""
    chance = random.Random(seed)
    tally = Tally("workers killed and servers drained by turns")
    environment = {"PULSEMESH_DATABASE__URL": url, "PULSEMESH_BUS__URL": bus_url}
    environment["PULSEMESH_STORE__LIVE_URL"] = bus_url
    with running(ServerProcess(folder, workers=2, environment=environment)) as server:
        async with _streaming(server, tally) as writers:

            async def kill_worker() -> None:
                os.kill(chance.choice(children_of(server.pid)), signal.SIGKILL)
                tally.kills += 1
                await asyncio.sleep(0.2)

            async def drain() -> None:
                await asyncio.to_thread(server.stop)
                await asyncio.to_thread(server.start)

            strikes: list[Strike] = [kill_worker, drain]
            await _rounds(writers, tally, (strikes * rounds)[:rounds], chance)
    tally.check()


async def test_a_killed_server_on_sqlite_loses_and_doubles_nothing(tmp_path: Path) -> None:
    await _kill_server_on_sqlite(tmp_path, rounds=2, seed=1)


async def test_a_killed_server_and_a_killed_postgresql_lose_and_double_nothing(
    tmp_path: Path, durable_postgres: PostgresServer, durable_url: str
) -> None:
    await _kill_server_and_postgres(tmp_path, durable_postgres, durable_url, rounds=2, seed=2)


@pytest.mark.slow
async def test_fifty_kills_of_the_server_on_sqlite_lose_and_double_nothing(tmp_path: Path) -> None:
    await _kill_server_on_sqlite(tmp_path, rounds=50, seed=11)


@pytest.mark.slow
async def test_sixty_kills_of_the_server_and_of_postgresql_lose_and_double_nothing(
    tmp_path: Path, durable_postgres: PostgresServer, durable_url: str
) -> None:
    await _kill_server_and_postgres(tmp_path, durable_postgres, durable_url, rounds=60, seed=12)


@pytest.mark.slow
async def test_workers_killed_and_servers_drained_again_and_again_lose_and_double_nothing(
    tmp_path: Path, durable_url: str, redis_url: str
) -> None:
    await _end_workers(tmp_path, durable_url, redis_url, rounds=20, seed=16)
