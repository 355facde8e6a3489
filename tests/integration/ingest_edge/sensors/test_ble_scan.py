"""Scanning and the sensors of a ride, on an emulated BlueZ under the unmodified bleak."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from ingest_edge.sensors import (
    BatteryLevel,
    BleSensorSource,
    BleSettings,
    DeviceInformation,
    EventQueue,
    Reading,
    SensorKind,
    SensorStatistics,
    SensorUnavailable,
)
from ingest_edge.simulator.bluez import EmulatedBlueZ
from ingest_edge.simulator.peripherals import (
    Athlete,
    FootPod,
    HeartRateStrap,
    IndoorBike,
    PowerMeter,
    Runner,
    ScriptedSensor,
    SpeedCadenceSensor,
)

MakeRig = Callable[..., AbstractAsyncContextManager[Any]]


def ride_sensors(interval_s: float = 0.1) -> list[Any]:
    athlete = Athlete()
    return [
        HeartRateStrap("C0:00:00:00:00:01", athlete, interval_s=interval_s),
        PowerMeter("C0:00:00:00:00:02", athlete, interval_s=interval_s),
        SpeedCadenceSensor("C0:00:00:00:00:03", athlete, interval_s=interval_s),
        FootPod("C0:00:00:00:00:04", Runner(), interval_s=interval_s),
        IndoorBike("C0:00:00:00:00:05", athlete, interval_s=interval_s),
    ]


@contextlib.asynccontextmanager
async def on_system_bus(emulator: EmulatedBlueZ) -> AsyncIterator[EmulatedBlueZ]:
    async with emulator as bluez:
        with bluez.as_system_bus():
            yield bluez


async def test_a_scan_finds_each_sensor_once_with_its_kind() -> None:
    async with on_system_bus(EmulatedBlueZ(ride_sensors())):
        found = [sensor async for sensor in BleSensorSource().scan(1.0)]
    assert {(sensor.name, *sensor.kinds) for sensor in found} == {
        ("Simulated HR", SensorKind.HEART_RATE),
        ("Simulated Power", SensorKind.CYCLING_POWER),
        ("Simulated Speed", SensorKind.CYCLING_SPEED_CADENCE),
        ("Simulated Pod", SensorKind.RUNNING_SPEED_CADENCE),
        ("Simulated Bike", SensorKind.INDOOR_BIKE),
    }
    assert len(found) == 5
    assert all(sensor.rssi_dbm is not None and sensor.rssi_dbm < 0 for sensor in found)


async def test_a_device_without_a_known_service_is_no_sensor() -> None:
    lamp = ScriptedSensor("C0:00:00:00:00:09", [], service="1812", characteristic="2A4D")
    async with on_system_bus(EmulatedBlueZ([lamp])):
        found = [sensor async for sensor in BleSensorSource().scan(0.3)]
    assert found == []


async def test_two_scans_at_once_share_one_discovery() -> None:
    async with on_system_bus(EmulatedBlueZ(ride_sensors())):
        source = BleSensorSource()

        async def names() -> set[str]:
            return {sensor.name async for sensor in source.scan(0.8)}

        first, second = await asyncio.gather(names(), names())
    assert first == second
    assert len(first) == 5


async def test_a_scan_without_a_powered_adapter_says_so() -> None:
    async with on_system_bus(EmulatedBlueZ([])) as bluez:
        bluez.power_adapter(False)
        with pytest.raises(SensorUnavailable, match="powered"):
            _ = [sensor async for sensor in BleSensorSource().scan(5.0)]


async def test_a_scan_without_the_daemon_says_so() -> None:
    async with on_system_bus(EmulatedBlueZ([])) as bluez:
        bluez.kill_daemon()
        with pytest.raises(SensorUnavailable, match="bluetoothd"):
            _ = [sensor async for sensor in BleSensorSource().scan(5.0)]


async def test_a_scan_goes_on_beside_a_search_for_a_missing_sensor(
    make_rig: MakeRig, quick_settings: BleSettings
) -> None:
    sensors = ride_sensors()
    address = sensors[0].address
    async with make_rig(sensors, before=lambda bluez: bluez.set_in_range(address, False)) as rig:
        await rig.until(lambda: rig.statistics(sensors[1].address).received > 0, "no data")
        rig.bluez.set_in_range(address, True)
        await rig.until(lambda: rig.statistics(address).received > 0, "not found beside the others")


async def test_the_sensors_of_a_ride_give_plausible_readings(make_rig: MakeRig) -> None:
    async with make_rig(ride_sensors()) as rig:

        def series() -> dict[str, list[Reading]]:
            readings: dict[str, list[Reading]] = {}
            for event in rig.events:
                if isinstance(event, Reading):
                    readings.setdefault(event.series, []).append(event)
            return readings

        wanted = {"heart_rate", "rr", "power", "speed_cadence", "running", "indoor_bike"}
        await rig.until(lambda: series().keys() == wanted, "a series is missing")
        await rig.until(
            lambda: any("cadence" in reading.values for reading in series()["power"]), "no cadence"
        )
        await rig.until(lambda: len(rig.of(DeviceInformation)) == 5, "somebody did not introduce himself")
        found = series()
    assert all(40 <= reading.values["heart_rate"] <= 200 for reading in found["heart_rate"])
    assert all(0.3 <= reading.values["rr_interval"] <= 1.5 for reading in found["rr"])
    assert all(-50 <= reading.values["power"] <= 600 for reading in found["power"])
    assert all(2 <= reading.values["speed"] <= 5 for reading in found["running"])
    assert len(rig.of(BatteryLevel)) == 5
    for readings in found.values():
        by_sensor: dict[str, list[int]] = {}
        for reading in readings:
            by_sensor.setdefault(reading.sensor_id, []).append(reading.time_ms)
        assert all(times == sorted(set(times)) for times in by_sensor.values())


async def test_a_device_that_measures_nothing_is_retried_and_named(quick_settings: BleSettings) -> None:
    lamp = ScriptedSensor("C0:00:00:00:00:09", [], service="180D", characteristic="2A4D")
    async with on_system_bus(EmulatedBlueZ([lamp])) as bluez:
        source = BleSensorSource(quick_settings)
        (sensor,) = [sensor async for sensor in source.scan(0.3)]
        running = asyncio.create_task(source.run([sensor], EventQueue()))
        statistics = SensorStatistics()
        while not statistics.failed_connects:
            await asyncio.sleep(0.01)
            statistics = source.statistics().get(sensor.sensor_id, statistics)
        assert "no measurement" in statistics.last_failure
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert bluez.statistics(lamp.address).connected is False
