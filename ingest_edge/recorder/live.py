"""The numbers of now, for whoever shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LiveValue:
    """The latest value of one channel, in its unit."""

    value: float
    time_ms: int


@dataclass(frozen=True, slots=True)
class LiveSensor:
    """One sensor. `connected` is None until it was heard for the first time."""

    sensor_id: str
    name: str
    connected: bool | None
    values: Mapping[str, LiveValue]
    battery_percent: int | None


@dataclass(frozen=True, slots=True)
class LiveNumbers:
    """A moment of a recording.

    Attributes:
        stored: samples in the spool.
        lost: samples for which there was no room.
        trouble: why the spool took nothing at the last try; empty when it did.
    """

    recording_id: str
    elapsed_s: float
    paused: bool
    laps: int
    stored: int
    lost: int
    trouble: str
    sensors: tuple[LiveSensor, ...]


class LiveBoard:
    """Collects the latest of every sensor."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = dict(names)
        self._connected: dict[str, bool] = {}
        self._values: dict[str, dict[str, LiveValue]] = {}
        self._battery: dict[str, int] = {}

    def reading(self, sensor_id: str, values: Mapping[str, float], time_ms: int) -> None:
        """A sensor measured something."""
        self._connected[sensor_id] = True
        latest = self._values.setdefault(sensor_id, {})
        latest.update({name: LiveValue(value, time_ms) for name, value in values.items()})

    def connection(self, sensor_id: str, *, connected: bool) -> None:
        """A sensor was found or lost; a lost one has no numbers."""
        self._connected[sensor_id] = connected
        if not connected:
            self._values.pop(sensor_id, None)

    def battery(self, sensor_id: str, percent: int) -> None:
        """A sensor told the charge of its battery."""
        self._battery[sensor_id] = percent

    def sensors(self) -> tuple[LiveSensor, ...]:
        """All sensors, the chosen ones first."""
        known = list(dict.fromkeys([*self._names, *self._connected]))
        return tuple(
            LiveSensor(
                sensor_id,
                self._names.get(sensor_id) or sensor_id,
                self._connected.get(sensor_id),
                dict(self._values.get(sensor_id, {})),
                self._battery.get(sensor_id),
            )
            for sensor_id in known
        )
