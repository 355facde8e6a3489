"""The spool full while a recording goes on: refused samples are counted, and acks make room again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ingest_edge.recorder import Recorder, RecorderSettings
from ingest_edge.sensors.clock import SampleClock
from ingest_edge.sensors.events import Reading, SensorDescription, SensorKind
from ingest_edge.spool import Spool, SpoolFull, SpoolLimits, open_spool
from ingest_edge.uplink import Uplink
from pulsemesh import connect
from pulsemesh.testing import platform
from pulsemesh.type.v1 import sport_pb2
from tests.chaos.proxy import TcpProxy
from tests.fixtures.numbered_writers import (
    CHANNEL_NAME,
    NUMBER_STEP,
    START_MS,
    Tally,
    numbered_batch,
    stored_values,
    time_of,
    value_of,
)
from tests.fixtures.waiting import eventually

LIMITS = SpoolLimits(max_bytes=384 * 1024, min_free_bytes=0)
SENSORS = [
    SensorDescription("ble", f"C0:0{number}", f"Strap {number}", frozenset({SensorKind.HEART_RATE}))
    for number in (1, 2)
]
SETTINGS = RecorderSettings("edge-1", sport_pb2.SPORT_CYCLING, flush_interval_s=0.02, buffered_samples=3_600)
CLOCK = SampleClock(lambda: START_MS / 1000, lambda: START_MS / 1000)


class NumberedSensors:
    """Two straps whose values are numbered; notes by strap which readings the recorder took."""

    def __init__(self, recorder: Recorder) -> None:
        self.offered = 0
        self.refused = 0
        self.taken: dict[int, list[int]] = {1: [], 2: []}
        self._recorder = recorder
        self._sequence = 0

    def measure(self, readings: int) -> None:
        for sequence in range(self._sequence, self._sequence + readings):
            for number, sensor in enumerate(SENSORS, start=1):
                value = value_of(number, sequence)
                reading = Reading(sensor.sensor_id, "heart_rate", time_of(sequence), {CHANNEL_NAME: value})
                self.offered += 1
                if self._recorder.offer(reading):
                    self.taken[number].append(value)
                else:
                    self.refused += 1
        self._sequence += readings


@asynccontextmanager
async def _uplink(spool: Spool, target: str, token: str) -> AsyncIterator[Uplink]:
    async with connect(target, token) as client:
        uplink = Uplink(spool, client)
        running = asyncio.create_task(uplink.run())
        try:
            yield uplink
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


async def _fill(recorder: Recorder, sensors: NumberedSensors) -> None:
    """Measure while the platform is away, until the spool and then the memory are full."""
    before = sensors.refused
    while sensors.refused <= before + 2_000:
        sensors.measure(1_000)
        await recorder.flush()
    assert recorder.live().trouble


async def _fill_and_recover(folder: Path, rounds: int) -> None:
    tally = Tally("spool full")
    async with platform() as served, TcpProxy(int(served.target.rpartition(":")[2])) as proxy:
        token = await served.token("rider", device=True)
        async with await open_spool(folder, LIMITS) as spool:
            recorder = Recorder(spool, SETTINGS, SENSORS, clock=CLOCK)
            await recorder.start()
            writing = asyncio.create_task(recorder.run())
            sensors = NumberedSensors(recorder)
            async with _uplink(spool, proxy.address, token) as uplink:
                for _ in range(rounds):
                    proxy.refuse()
                    proxy.cut()
                    await _fill(recorder, sensors)
                    source_id, more = f"{SENSORS[0].sensor_id}/heart_rate", numbered_batch(0, 1, 0, 5_000)
                    with pytest.raises(SpoolFull):
                        await spool.append(recorder.recording_id, source_id, more)
                    tally.rounds += 1
                    refused = sensors.refused
                    proxy.accept()
                    await eventually(lambda: not recorder.live().trouble, 60)
                    sensors.measure(100)
                    assert sensors.refused == refused
                    await eventually(lambda: recorder.live().stored == sensors.offered - sensors.refused, 60)
                recorded = await recorder.stop()
                await writing
                settled = await asyncio.wait_for(uplink.settled(recorder.recording_id), 60)
                assert settled.workout_id
            spooled = await spool.find(recorder.recording_id)
        rider = await served.client("rider")
        stored = await stored_values(rider, recorder.recording_id)
    for number, sensor in enumerate(SENSORS, start=1):
        tally.compare(sensors.taken[number], stored[f"{sensor.sensor_id}/heart_rate"])
    tally.more = {"offered": sensors.offered, "refused for lack of room": sensors.refused}
    tally.check()
    assert recorded.lost == sensors.refused
    assert recorded.stored == tally.stored
    assert recorded.stored + recorded.lost == sensors.offered
    assert spooled is not None
    assert sum(source.lost for source in spooled.sources) == sensors.refused
    assert all(value % NUMBER_STEP < sensors.offered for values in stored.values() for value in values)


async def test_a_full_spool_counts_what_it_refuses_and_goes_on_once_acks_make_room(tmp_path: Path) -> None:
    await _fill_and_recover(tmp_path, rounds=1)


@pytest.mark.slow
async def test_a_spool_full_again_and_again_counts_what_it_refuses(tmp_path: Path) -> None:
    await _fill_and_recover(tmp_path, rounds=20)
