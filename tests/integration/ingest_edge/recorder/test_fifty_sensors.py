"""Fifty sensors from the air to the platform: every reading once, in order, with exact counts."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from ingest_edge.recorder import Recorder, RecorderSettings
from ingest_edge.sensors.ble import BleSensorSource
from ingest_edge.sensors.events import SensorDescription, SensorKind
from ingest_edge.simulator.bluez import EmulatedBlueZ
from ingest_edge.simulator.peripherals import ScriptedSensor, numbered_heart_rate_frame
from ingest_edge.spool import SpoolLimits, open_spool
from ingest_edge.uplink import Uplink
from pulsemesh.client import connect
from pulsemesh.type.v1 import channel_pb2
from tests.integration.ingest_edge.spool.platform import Platform

SENSORS, FRAMES = 50, 60
ADDRESSES = [f"C0:00:00:00:02:{number:02X}" for number in range(SENSORS)]


async def test_every_reading_of_fifty_sensors_reaches_the_platform_once_and_in_order(tmp_path: Path) -> None:
    frames = [numbered_heart_rate_frame(number) for number in range(FRAMES)]
    peripherals = [ScriptedSensor(address, frames, interval_s=0.05, burst=3) for address in ADDRESSES]
    kinds = frozenset({SensorKind.HEART_RATE})
    sensors = [SensorDescription("ble", address, "", kinds) for address in ADDRESSES]
    with EmulatedBlueZ(peripherals) as bluez, bluez.as_system_bus():
        async with (
            Platform() as platform,
            await open_spool(tmp_path, SpoolLimits(min_free_bytes=0)) as spool,
            connect(platform.target) as client,
        ):
            uplink = Uplink(spool, client)
            recorder = Recorder(spool, RecorderSettings("edge-1", flush_interval_s=0.2), sensors)
            await recorder.start()
            source = BleSensorSource()
            tasks = [
                asyncio.ensure_future(uplink.run()),
                asyncio.ensure_future(recorder.run()),
                asyncio.ensure_future(source.run(sensors, recorder)),
            ]
            try:
                await asyncio.wait_for(_all_emitted(source), 90)
                recorded = await recorder.stop()
                settled = await asyncio.wait_for(uplink.settled(recorder.recording_id), 60)
            finally:
                for task in tasks:
                    task.cancel()
                for task in tasks:
                    with contextlib.suppress(asyncio.CancelledError):
                        await task
            held = platform.recordings[recorder.recording_id]
    assert settled.workout_id == held.workout_id
    assert recorded.lost == 0
    counts = {name: len(one.samples) for name, one in held.sources.items()}
    assert counts == {source.source_id: source.stored for source in recorded.sources}
    expected = [60 + number % 120 for number in range(FRAMES)]
    for address in ADDRESSES:
        source_id = f"ble:{address}/heart_rate"
        assert held.values(source_id, channel_pb2.CHANNEL_HEART_RATE) == expected
        times = held.times(source_id)
        assert times == sorted(set(times))
    print(f"{SENSORS} sensors, {sum(counts.values())} samples, {held.opened} sessions")


async def _all_emitted(source: BleSensorSource) -> None:
    while True:
        statistics = source.statistics()
        if sum(one.received for one in statistics.values()) >= SENSORS * FRAMES:
            return
        await asyncio.sleep(0.05)
