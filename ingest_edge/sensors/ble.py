"""Sensors over Bluetooth LE, by bleak."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from ingest_edge.sensors.advertisements import Advertisements
from ingest_edge.sensors.ble_settings import BleSettings
from ingest_edge.sensors.clock import SampleClock
from ingest_edge.sensors.events import SensorDescription, SensorStatistics
from ingest_edge.sensors.gatt.uuids import assigned_number
from ingest_edge.sensors.interpretation import SERVICE_KINDS
from ingest_edge.sensors.source import EventSink
from ingest_edge.sensors.supervisor import SensorSupervisor

TRANSPORT = "ble"


class BleSensorSource:
    """The :class:`~ingest_edge.sensors.source.SensorSource` of Bluetooth LE."""

    def __init__(self, settings: BleSettings | None = None) -> None:
        self._settings = settings or BleSettings()
        self._advertisements = Advertisements(self._settings)
        self._statistics: dict[str, SensorStatistics] = {}

    @property
    def transport(self) -> str:
        """``"ble"``."""
        return TRANSPORT

    async def scan(self, duration_s: float) -> AsyncIterator[SensorDescription]:
        """See :meth:`SensorSource.scan`; devices without a service that we understand are not sensors."""
        known: dict[str, SensorDescription] = {}
        async for device, advertisement in self._advertisements.during(duration_s):
            description = describe(device, advertisement, known.get(device.address))
            if description is None:
                continue
            earlier = known.get(device.address)
            known[device.address] = description
            if earlier is None or (earlier.name, earlier.kinds) != (description.name, description.kinds):
                yield description

    async def run(self, sensors: Sequence[SensorDescription], sink: EventSink) -> None:
        """See :meth:`SensorSource.run`."""
        _check(sensors)
        self._statistics = {sensor.sensor_id: SensorStatistics() for sensor in sensors}
        connect_slots = asyncio.Semaphore(self._settings.concurrent_connects)
        clock = SampleClock()
        try:
            async with asyncio.TaskGroup() as supervisors:
                for sensor in sensors:
                    supervisor = SensorSupervisor(
                        sensor,
                        settings=self._settings,
                        advertisements=self._advertisements,
                        connect_slots=connect_slots,
                        clock=clock,
                        sink=sink,
                        statistics=self._statistics[sensor.sensor_id],
                    )
                    supervisors.create_task(supervisor.run(), name=f"sensor {sensor.sensor_id}")
        finally:
            await self._advertisements.close()

    def statistics(self) -> Mapping[str, SensorStatistics]:
        """See :meth:`SensorSource.statistics`."""
        return self._statistics


def describe(
    device: BLEDevice, advertisement: AdvertisementData, earlier: SensorDescription | None = None
) -> SensorDescription | None:
    """Describe an advertising device; None if it has no service that we understand.

    What ``earlier`` advertisements of the same device told is kept: name and services may come in turns.
    """
    numbers = {assigned_number(uuid) for uuid in advertisement.service_uuids}
    kinds = {kind for number, kind in SERVICE_KINDS.items() if number in numbers}
    name = advertisement.local_name or device.name or ""
    if earlier is not None:
        kinds |= earlier.kinds
        name = name or earlier.name
    if not kinds:
        return None
    return SensorDescription(TRANSPORT, device.address, name, frozenset(kinds), advertisement.rssi)


def _check(sensors: Sequence[SensorDescription]) -> None:
    # Two clients on one device drop together, so a sensor that is listed twice is refused at once.
    addresses = [sensor.address.lower() for sensor in sensors]
    if len(set(addresses)) != len(addresses):
        raise ValueError("a sensor is listed twice")
    foreign = [sensor.sensor_id for sensor in sensors if sensor.transport != TRANSPORT]
    if foreign:
        raise ValueError(f"not Bluetooth LE sensors: {', '.join(foreign)}")
