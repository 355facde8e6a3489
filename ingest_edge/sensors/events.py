"""What a sensor source reports: readings, and the life of its connections. All values are frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class SensorKind(StrEnum):
    """What a sensor measures; one device may be of several kinds."""

    HEART_RATE = "heart_rate"
    CYCLING_POWER = "cycling_power"
    CYCLING_SPEED_CADENCE = "cycling_speed_cadence"
    RUNNING_SPEED_CADENCE = "running_speed_cadence"
    INDOOR_BIKE = "indoor_bike"


@dataclass(frozen=True, slots=True)
class SensorDescription:
    """A sensor as a scan found it, or as it is remembered.

    Attributes:
        transport: the source that reaches it, e.g. ``"ble"``.
        address: the address in that transport.
        name: the advertised name; empty when there is none.
        kinds: what it measures.
        rssi_dbm: signal strength of the last advertisement; None when unknown.
    """

    transport: str
    address: str
    name: str
    kinds: frozenset[SensorKind]
    rssi_dbm: int | None = None

    @property
    def sensor_id(self) -> str:
        """The name of this sensor in events, unique over all transports."""
        return f"{self.transport}:{self.address}"

    def to_json(self) -> dict[str, object]:
        """A plain value to remember the sensor by; the signal strength is left out."""
        return {
            "transport": self.transport,
            "address": self.address,
            "name": self.name,
            "kinds": sorted(self.kinds),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> SensorDescription:
        """The inverse of :meth:`to_json`.

        Raises:
            KeyError, ValueError: a field is missing or a kind is unknown.
        """
        kinds = value["kinds"]
        if not isinstance(kinds, list):
            raise ValueError("kinds must be a list")
        return cls(
            transport=str(value["transport"]),
            address=str(value["address"]),
            name=str(value["name"]),
            kinds=frozenset(SensorKind(kind) for kind in kinds),
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """One sample of one series.

    Times strictly increase within (sensor_id, series): two readings of one millisecond are spread by 1 ms.

    Attributes:
        sensor_id: see :attr:`SensorDescription.sensor_id`.
        series: readings of one series share their channels and their rhythm: ``heart_rate``, ``rr``,
            ``power``, ``speed_cadence``, ``running`` or ``indoor_bike``.
        time_ms: Unix time in milliseconds.
        values: channel name to value in the channel's unit (m/s, W, bpm, rpm, m, s, ...); never empty.
    """

    sensor_id: str
    series: str
    time_ms: int
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ConnectionEstablished:
    """The sensor is connected for the first time in this run."""

    sensor_id: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class ConnectionLost:
    """No data can be expected from the sensor until it is restored; ``reason`` is for a person."""

    sensor_id: str
    time_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class ConnectionRestored:
    """Data flow again after a loss: sent just before the first reading, ``gap_ms`` after the loss was
    noticed.
    """

    sensor_id: str
    time_ms: int
    gap_ms: int


@dataclass(frozen=True, slots=True)
class BatteryLevel:
    """The sensor's battery in percent."""

    sensor_id: str
    time_ms: int
    percent: int


@dataclass(frozen=True, slots=True)
class DeviceInformation:
    """What the sensor says about itself: ``manufacturer_name``, ``model_number``, ``serial_number``,
    ``hardware_revision``, ``firmware_revision``, ``software_revision``, as far as it has them.
    """

    sensor_id: str
    time_ms: int
    fields: Mapping[str, str]


SensorEvent = (
    Reading | ConnectionEstablished | ConnectionLost | ConnectionRestored | BatteryLevel | DeviceInformation
)


@dataclass(slots=True)
class SensorStatistics:
    """Exact counters of one sensor over one run. ``offered = emitted + dropped`` counts events, not frames.

    Attributes:
        received: notifications of measurement characteristics.
        malformed: notifications that could not be parsed.
        without_reading: well-formed notifications that gave no reading: no signal (a heart rate of 0), or a
            frame of a split record.
        emitted: readings that the sink took.
        dropped: readings that the sink refused because it was full.
        callback_errors: unexpected exceptions in our handling of a notification.
        connects: connections that came to deliver.
        failed_connects: attempts that did not.
        losses: connections that ended without our wish.
        silences: losses found by the watchdog.
        last_failure: why the last failed attempt failed, for a person; empty if none did.
    """

    received: int = 0
    malformed: int = 0
    without_reading: int = 0
    emitted: int = 0
    dropped: int = 0
    callback_errors: int = 0
    connects: int = 0
    failed_connects: int = 0
    losses: int = 0
    silences: int = 0
    last_failure: str = field(default="")
