"""Which channels each series of readings may carry: what its source announces to the platform."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ingest_edge.sensors.events import SensorKind
from pulsemesh.samples import CHANNEL_BY_NAME
from pulsemesh.type.v1 import channel_pb2

BATTERY = "battery"
MARKER = "marker"

_WHEEL = ("speed", "distance", "wheel_revolutions")
_CRANK = ("cadence", "crank_revolutions")

SERIES_CHANNELS: Mapping[str, tuple[str, ...]] = {
    "heart_rate": ("heart_rate", "energy"),
    "rr": ("rr_interval",),
    "power": ("power", "left_power", "torque", "work", *_WHEEL, *_CRANK),
    "speed_cadence": (*_WHEEL, *_CRANK),
    "running": ("speed", "cadence", "stride_length", "distance"),
    "indoor_bike": ("speed", "cadence", "distance", "resistance", "power", "energy", "heart_rate"),
    BATTERY: ("battery",),
    MARKER: ("marker",),
}
"""By series. A reading may bring more; its source then announces what the reading has."""

KIND_SERIES: Mapping[SensorKind, str] = {
    SensorKind.HEART_RATE: "heart_rate",
    SensorKind.CYCLING_POWER: "power",
    SensorKind.CYCLING_SPEED_CADENCE: "speed_cadence",
    SensorKind.RUNNING_SPEED_CADENCE: "running",
    SensorKind.INDOOR_BIKE: "indoor_bike",
}
"""The series that a sensor of a kind is sure to have."""


def channel_numbers(names: Iterable[str]) -> list[channel_pb2.Channel.ValueType]:
    """Channels by name; names that the contract does not know are passed over."""
    specs = (CHANNEL_BY_NAME.get(name) for name in names)
    return [channel_pb2.Channel.ValueType(spec.channel) for spec in specs if spec is not None]
