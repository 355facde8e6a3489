"""The network between writers and the server: cut, stalled, half-open, flapping."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pulsemesh import connect, target
from tests.chaos.proxy import TcpProxy
from tests.fixtures.numbered_writers import Tally, Writer, all_streaming, compare_workouts
from tests.fixtures.quick_platform import HEARTBEAT_S, quick_platform
from tests.fixtures.waiting import eventually

PATIENCE_S = 30.0


@pytest.fixture
def quick_pings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dead connection is found out as with the SDK's own options, only sooner."""
    pings = ("grpc.keepalive_time_ms", "grpc.keepalive_timeout_ms", "grpc.http2.ping_timeout_ms")
    quick: dict[str, int | str] = dict.fromkeys(pings, 1_000)
    known = dict(target._OPTIONS)
    assert quick.keys() <= known.keys()
    monkeypatch.setattr(target, "_OPTIONS", tuple((known | quick).items()))


@asynccontextmanager
async def _through_proxy(
    folder: Path, tally: Tally, *, batch_samples: int = 20, samples_a_turn: int = 5
) -> AsyncIterator[tuple[TcpProxy, list[Writer]]]:
    """Two writers, each with a connection of its own through the proxy; finished and compared at the end."""
    server = {"listen": "127.0.0.1:0", "minimum_ping_interval_s": 0.5, "drain_grace_s": 3.0}
    async with quick_platform(folder, {"server": server}) as served, connect(served.address) as direct:
        token = (await direct.auth.create_token("rider")).access_token
        port = int(served.address.rpartition(":")[2])
        writers = [
            Writer(f"phone-{one}", [2 * one, 2 * one + 1], batch_samples=batch_samples) for one in (1, 2)
        ]
        async with (
            TcpProxy(port) as proxy,
            connect(proxy.address, token) as first,
            connect(proxy.address, token) as second,
            connect(served.address, token) as reader,
        ):
            try:
                for writer, client in zip(writers, (first, second), strict=True):
                    writer.start(client.ingest.open_call, samples_a_turn=samples_a_turn)
                await all_streaming(writers)
                yield proxy, writers
                await asyncio.gather(*(writer.finish() for writer in writers))
            finally:
                await asyncio.gather(*(writer.abandon() for writer in writers))
            await compare_workouts(reader, writers, tally)


async def _until_noticed(writers: list[Writer]) -> float:
    """Wait until every session has given its call up; the seconds that it took the slowest."""
    before, began = [len(writer.broken) for writer in writers], time.monotonic()
    await eventually(
        lambda: all(len(one.broken) > count for one, count in zip(writers, before, strict=True)), PATIENCE_S
    )
    return time.monotonic() - began


async def _until_acknowledged(writers: list[Writer]) -> None:
    """Wait until every writer has got an ack for something that it has now."""
    marks = [writer.feed.acknowledged_samples for writer in writers]
    await eventually(
        lambda: all(one.feed.acknowledged_samples > mark for one, mark in zip(writers, marks, strict=True)),
        PATIENCE_S,
    )


async def test_cut_connections_lose_and_double_nothing(tmp_path: Path) -> None:
    tally = Tally("connections cut")
    async with _through_proxy(tmp_path, tally) as (proxy, writers):
        for _ in range(5):
            await _until_acknowledged(writers)
            proxy.cut()
            tally.rounds += 1
            await _until_noticed(writers)
    tally.check()
    assert tally.reconnects >= 2 * tally.rounds


@pytest.mark.parametrize("batch_samples", [20, 4000], ids=["small batches", "large batches"])
async def test_a_stalled_connection_is_noticed_by_its_missing_heartbeats(
    tmp_path: Path, batch_samples: int
) -> None:
    tally = Tally("network stalled")
    turn = 5 if batch_samples < 100 else 500
    async with _through_proxy(tmp_path, tally, batch_samples=batch_samples, samples_a_turn=turn) as (
        proxy,
        writers,
    ):
        await _until_acknowledged(writers)
        proxy.stall()
        tally.rounds += 1
        seconds = await _until_noticed(writers)
        assert all("nothing heard" in writer.broken[0] for writer in writers), writers[0].broken
        for writer in writers:
            writer.pause()
        proxy.resume()
        await all_streaming(writers)
    tally.more = {"noticed after heartbeats": round(seconds / HEARTBEAT_S, 1)}
    tally.check()
    # The protocol says three; the rest is for busy machines.
    assert seconds < 20 * HEARTBEAT_S


async def _half_open(folder: Path, lose: Callable[[TcpProxy], None], rounds: int) -> None:
    tally = Tally(f"connections half-open ({lose.__name__})")
    async with _through_proxy(folder, tally) as (proxy, writers):
        for _ in range(rounds):
            await _until_acknowledged(writers)
            before = proxy.connections
            lose(proxy)
            tally.rounds += 1
            seconds = await _until_noticed(writers)
            await _until_acknowledged(writers)
            assert proxy.connections > before
    tally.more = {"noticed after heartbeats": round(seconds / HEARTBEAT_S, 1)}
    tally.check()


@pytest.mark.usefixtures("quick_pings")
async def test_a_connection_that_lost_its_server_is_noticed_and_replaced(tmp_path: Path) -> None:
    await _half_open(tmp_path, TcpProxy.lose_target, rounds=1)


async def test_sessions_that_lost_their_client_do_not_stand_in_the_way_of_new_ones(tmp_path: Path) -> None:
    await _half_open(tmp_path, TcpProxy.lose_client, rounds=3)


async def _flap(folder: Path, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    tally = Tally("network flapping")
    async with _through_proxy(folder, tally) as (proxy, writers):
        faults: list[Callable[[], None]] = [
            proxy.cut,
            proxy.lose_target,
            proxy.lose_client,
            proxy.stall,
            proxy.refuse,
        ]
        for _ in range(rounds):
            await asyncio.sleep(chance.uniform(0.0, 0.4))
            fault = chance.choice(faults)
            fault()
            if fault == proxy.refuse:
                proxy.cut()
            tally.rounds += 1
            await asyncio.sleep(chance.uniform(0.0, 4 * HEARTBEAT_S))
            proxy.resume()
            proxy.accept()
            if chance.random() < 0.5:
                await _until_acknowledged(writers)
    tally.check()


@pytest.mark.usefixtures("quick_pings")
async def test_a_flapping_network_loses_and_doubles_nothing(tmp_path: Path) -> None:
    await _flap(tmp_path, rounds=3, seed=4)


@pytest.mark.slow
@pytest.mark.usefixtures("quick_pings")
async def test_a_long_flapping_network_loses_and_doubles_nothing(tmp_path: Path) -> None:
    await _flap(tmp_path, rounds=100, seed=14)
