"""Finding and choosing sensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ingest_edge.sensors.ble import BleSensorSource
from ingest_edge.sensors.ble_settings import BleSettings
from ingest_edge.sensors.combined import CombinedSensorSource
from ingest_edge.sensors.events import SensorDescription
from ingest_edge.sensors.source import SensorSource, SensorUnavailable
from ingest_edge.settings import EdgeSettings


def sensor_sources(settings: EdgeSettings) -> SensorSource:
    """Every radio that this gateway has. Another kind, ANT+ say, is one more object in this list."""
    ble = BleSettings(adapter=settings.adapter or None, wheel_circumference_m=settings.wheel_circumference_m)
    return CombinedSensorSource([BleSensorSource(ble)])


async def scan(
    source: SensorSource, duration_s: float, on_found: Callable[[SensorDescription], None] | None = None
) -> list[SensorDescription]:
    """The sensors that were heard in that time, in the order in which they were.

    Raises:
        SensorUnavailable: no radio can be used.
    """
    found: dict[str, SensorDescription] = {}
    try:
        async for description in source.scan(duration_s):
            news = description.sensor_id not in found
            found[description.sensor_id] = description
            if news and on_found is not None:
                on_found(description)
    except* SensorUnavailable as group:
        if not found:
            raise SensorUnavailable("; ".join(_texts(group))) from None
    return list(found.values())


def _texts(group: BaseExceptionGroup[SensorUnavailable]) -> list[str]:
    texts: list[str] = []
    for error in group.exceptions:
        texts += _texts(error) if isinstance(error, BaseExceptionGroup) else [str(error)]
    return texts


def chosen(sensors: Sequence[SensorDescription], addresses: Sequence[str]) -> list[SensorDescription]:
    """Those of `sensors` whose address is among `addresses`, in that order; unknown ones are left out."""
    by_address = {sensor.address.lower(): sensor for sensor in sensors}
    wanted = dict.fromkeys(address.lower() for address in addresses)
    return [by_address[address] for address in wanted if address in by_address]


def named(sensor: SensorDescription) -> str:
    """A sensor in a line for people."""
    signal = "" if sensor.rssi_dbm is None else f"  {sensor.rssi_dbm} dBm"
    kinds = ", ".join(kind.replace("_", " ") for kind in sorted(sensor.kinds))
    return f"{sensor.address}  {sensor.name or 'unnamed'}  ({kinds}){signal}"
