"""Random faults for a while; afterwards everybody is back, nothing came twice, nothing is left open."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from itertools import count
from typing import Any

import pytest

from ingest_edge.sensors import ConnectionLost, ConnectionRestored
from ingest_edge.simulator.bluez import EmulatedBlueZ
from ingest_edge.simulator.peripherals import ScriptedSensor, numbered_heart_rate_frame

MakeRig = Callable[..., AbstractAsyncContextManager[Any]]
ADDRESSES = [f"C0:00:00:00:04:{number:02X}" for number in range(10)]


def strap(address: str) -> ScriptedSensor:
    frames = (numbered_heart_rate_frame(number % 65536) for number in count())
    return ScriptedSensor(address, frames, interval_s=0.02)


async def restart_daemon(bluez: EmulatedBlueZ, pause_s: float) -> None:
    bluez.kill_daemon()
    await asyncio.sleep(pause_s)
    bluez.start_daemon()


async def restart_bus(bluez: EmulatedBlueZ, pause_s: float) -> None:
    bluez.kill_bus()
    await asyncio.sleep(pause_s)
    bluez.start_bus()


async def switch_adapter(bluez: EmulatedBlueZ, pause_s: float) -> None:
    bluez.power_adapter(False)
    await asyncio.sleep(pause_s)
    bluez.power_adapter(True)


async def break_something(bluez: EmulatedBlueZ, chance: random.Random) -> None:
    address, pause_s = chance.choice(ADDRESSES), chance.uniform(0, 0.6)
    everybody = [restart_daemon, restart_bus, switch_adapter]
    one = [
        lambda: bluez.drop(address),
        lambda: bluez.forget(address),
        lambda: bluez.refuse_connections(address, 3),
        lambda: bluez.mute(address),
        lambda: bluez.set_in_range(address, False),
        lambda: bluez.make_stale(address),
        lambda: bluez.set_latency(pause_s / 20),
    ]
    if chance.random() < 0.15:
        await chance.choice(everybody)(bluez, pause_s)
    else:
        chance.choice(one)()
        await asyncio.sleep(pause_s)


def repair(bluez: EmulatedBlueZ) -> None:
    bluez.set_latency(0)
    for address in ADDRESSES:
        bluez.refuse_connections(address, 0)
        bluez.mute(address, False)
        bluez.set_in_range(address, True)


async def survive(make_rig: MakeRig, seed: int, faults: int) -> None:
    chance = random.Random(seed)
    async with make_rig([strap(address) for address in ADDRESSES]) as rig:
        await rig.until(lambda: all(rig.sequences(address) for address in ADDRESSES), "no data")
        for _ in range(faults):
            await break_something(rig.bluez, chance)
        repair(rig.bluez)
        heard = {address: len(rig.sequences(address)) for address in ADDRESSES}
        await rig.until(
            lambda: all(len(rig.sequences(address)) > heard[address] + 100 for address in ADDRESSES),
            "somebody did not come back",
        )
        await rig.until(lambda: rig.bluez.connection_count == 1 + len(ADDRESSES), "connections leak")
        for address in ADDRESSES:
            sequences = rig.sequences(address)
            assert sequences == sorted(set(sequences)), "a notification came twice or out of order"
            assert len(rig.of(ConnectionLost, address)) == len(rig.of(ConnectionRestored, address))
            assert rig.statistics(address).callback_errors == 0
        counters = [rig.statistics(address) for address in ADDRESSES]
        print(
            f"{faults} faults, seed {seed}: {sum(c.received for c in counters)} notifications, 0 doubled, "
            f"{sum(c.losses for c in counters)} losses, {sum(c.silences for c in counters)} by silence, "
            f"{sum(c.failed_connects for c in counters)} failed attempts, "
            f"{rig.bluez.connections_opened} D-Bus connections opened, {rig.bluez.connection_count} open"
        )


async def test_a_few_random_faults_are_survived(make_rig: MakeRig) -> None:
    await survive(make_rig, seed=1, faults=6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 8))
async def test_many_random_faults_are_survived(make_rig: MakeRig, seed: int) -> None:
    await survive(make_rig, seed, faults=60)
