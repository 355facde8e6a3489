"""Descriptions, and a second kind of radio beside the first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest

from ingest_edge.sensors import (
    BleSensorSource,
    CombinedSensorSource,
    EventQueue,
    EventSink,
    Reading,
    SensorDescription,
    SensorKind,
    SensorSource,
    SensorStatistics,
    SensorUnavailable,
)

STRAP = SensorDescription("ble", "C0:00:00:00:00:01", "Strap", frozenset({SensorKind.HEART_RATE}), -60)


class BeaconSource:
    """A radio that finds one sensor and reads one number from each."""

    def __init__(self, transport: str, *, broken: bool = False) -> None:
        self._transport = transport
        self._broken = broken
        self._statistics: dict[str, SensorStatistics] = {}

    @property
    def transport(self) -> str:
        return self._transport

    async def scan(self, duration_s: float) -> AsyncIterator[SensorDescription]:
        if self._broken:
            raise SensorUnavailable("no such radio here")
        yield SensorDescription(self._transport, "7", "Beacon", frozenset({SensorKind.HEART_RATE}))

    async def run(self, sensors: Sequence[SensorDescription], sink: EventSink) -> None:
        for sensor in sensors:
            self._statistics[sensor.sensor_id] = SensorStatistics(received=1)
            sink.offer(Reading(sensor.sensor_id, "heart_rate", 1, {"heart_rate": 60.0}))
        await asyncio.Event().wait()

    def statistics(self) -> Mapping[str, SensorStatistics]:
        return self._statistics


def test_a_remembered_sensor_is_the_one_that_was_found() -> None:
    remembered = SensorDescription.from_json(STRAP.to_json())
    assert remembered == SensorDescription(STRAP.transport, STRAP.address, STRAP.name, STRAP.kinds)
    assert remembered.sensor_id == "ble:C0:00:00:00:00:01"


def test_an_unknown_kind_of_sensor_is_refused() -> None:
    with pytest.raises(ValueError, match="toaster"):
        SensorDescription.from_json(STRAP.to_json() | {"kinds": ["toaster"]})


async def test_two_radios_are_scanned_as_one() -> None:
    sources: list[SensorSource] = [BeaconSource("ant"), BeaconSource("lora")]
    found = [sensor.sensor_id async for sensor in CombinedSensorSource(sources).scan(0.1)]
    assert sorted(found) == ["ant:7", "lora:7"]


async def test_a_broken_radio_does_not_hide_what_the_other_found() -> None:
    combined = CombinedSensorSource([BeaconSource("ant"), BeaconSource("lora", broken=True)])
    found: list[str] = []

    async def scan() -> None:
        async for sensor in combined.scan(0.1):
            found.append(sensor.sensor_id)

    with pytest.raises(SensorUnavailable, match="no such radio here"):
        await scan()
    assert found == ["ant:7"]


async def test_each_sensor_runs_on_the_radio_of_its_transport() -> None:
    combined = CombinedSensorSource([BeaconSource("ant"), BeaconSource("lora")])
    queue = EventQueue()
    sensors = [SensorDescription(name, "9", "", STRAP.kinds) for name in ("ant", "lora")]
    running = asyncio.create_task(combined.run(sensors, queue))
    seen: set[str] = set()
    while len(seen) < 2:
        seen |= {event.sensor_id for event in await queue.get_batch()}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert seen == {"ant:9", "lora:9"} == combined.statistics().keys()


async def test_a_sensor_without_a_radio_is_refused() -> None:
    with pytest.raises(ValueError, match="no source for ble"):
        await CombinedSensorSource([BeaconSource("ant")]).run([STRAP], EventQueue())


async def test_a_sensor_listed_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        await BleSensorSource().run([STRAP, STRAP], EventQueue())


async def test_a_sensor_of_another_transport_is_refused() -> None:
    sensor = SensorDescription("ant", "7", "", STRAP.kinds)
    with pytest.raises(ValueError, match="not Bluetooth"):
        await BleSensorSource().run([sensor], EventQueue())
