"""From characteristic values to readings in channel units: pure, one interpreter per connected sensor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ingest_edge.sensors.events import Reading, SensorKind
from ingest_edge.sensors.gatt import (
    CyclingPowerMeasurement,
    HeartRateMeasurement,
    IndoorBikeAssembler,
    IndoorBikeData,
    RevolutionData,
    parse_cycling_power_measurement,
    parse_cycling_speed_cadence_measurement,
    parse_heart_rate_measurement,
    parse_indoor_bike_data,
    parse_running_speed_cadence_measurement,
)
from ingest_edge.sensors.gatt import cycling_power as cycling_power_layout
from ingest_edge.sensors.rates import (
    DEFAULT_WHEEL_CIRCUMFERENCE_M,
    CrankCadence,
    RevolutionRate,
    TorqueMean,
    WheelSpeed,
)

KILOJOULES_PER_KILOCALORIE = 4.184

SERVICE_KINDS: Mapping[str, SensorKind] = {
    "180D": SensorKind.HEART_RATE,
    "1818": SensorKind.CYCLING_POWER,
    "1816": SensorKind.CYCLING_SPEED_CADENCE,
    "1814": SensorKind.RUNNING_SPEED_CADENCE,
    "1826": SensorKind.INDOOR_BIKE,
}
"""GATT services by assigned number, and the kind of sensor that offers them."""

_Sample = tuple[str, int, dict[str, float]]


class _Characteristic(Protocol):
    """Interprets the values of one characteristic; keeps what must be remembered between them."""

    def samples(self, data: bytes, time_ms: int) -> list[_Sample]: ...

    def fallen_idle(self, time_ms: int) -> list[_Sample]: ...

    def reconnected(self) -> None: ...


def _present(**values: float | None) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if value is not None}


class _HeartRate:
    def samples(self, data: bytes, time_ms: int) -> list[_Sample]:
        measurement = parse_heart_rate_measurement(data)
        energy_kj = measurement.energy_expended_kj
        samples: list[_Sample] = []
        # A strap without skin contact repeats 0: no heart rate, which is not a heart rate of zero.
        if measurement.heart_rate_bpm > 0:
            energy_kcal = None if energy_kj is None else energy_kj / KILOJOULES_PER_KILOCALORIE
            values = _present(heart_rate=measurement.heart_rate_bpm, energy=energy_kcal)
            samples.append(("heart_rate", time_ms, values))
        return samples + self._beats(measurement, time_ms)

    @staticmethod
    def _beats(measurement: HeartRateMeasurement, time_ms: int) -> list[_Sample]:
        # The last interval ends with the beat that caused the notification; the others end earlier by what
        # follows.
        intervals = measurement.rr_intervals_s
        before_s, beats = 0.0, list[_Sample]()
        for interval_s in reversed(intervals):
            beats.append(("rr", time_ms - round(before_s * 1000), {"rr_interval": interval_s}))
            before_s += interval_s
        beats.reverse()
        return beats

    def fallen_idle(self, time_ms: int) -> list[_Sample]:
        return []

    def reconnected(self) -> None:
        return None


class _Rotations:
    """Wheel and crank of one characteristic."""

    def __init__(self, series: str, circumference_m: float, wheel_ticks_per_second: int) -> None:
        self._series = series
        self.wheel = WheelSpeed(circumference_m=circumference_m, ticks_per_second=wheel_ticks_per_second)
        self.crank = CrankCadence()
        self.wheel_turns: int | None = None
        self.crank_turns: int | None = None

    def values(
        self, wheel: RevolutionData | None, crank: RevolutionData | None, time_ms: int
    ) -> dict[str, float]:
        values: dict[str, float] = {}
        self.wheel_turns = self.crank_turns = None
        if wheel is not None:
            speed, self.wheel_turns = self.wheel.update(wheel, time_ms / 1000)
            revolutions = wheel.cumulative_revolutions
            values |= _present(speed=speed, distance=self.wheel.distance_m, wheel_revolutions=revolutions)
        if crank is not None:
            cadence, self.crank_turns = self.crank.update(crank, time_ms / 1000)
            values |= _present(cadence=cadence, crank_revolutions=crank.cumulative_revolutions)
        return values

    def fallen_idle(self, time_ms: int) -> list[_Sample]:
        rotations: dict[str, RevolutionRate] = {
            "speed": self.wheel.rotation,
            "cadence": self.crank.rotation,
        }
        idle = {name: 0.0 for name, rotation in rotations.items() if rotation.fell_idle(time_ms / 1000)}
        return [(self._series, time_ms, idle)] if idle else []

    def reset(self) -> None:
        self.wheel.rotation.reset()
        self.crank.rotation.reset()


class _CyclingPower:
    def __init__(self, circumference_m: float) -> None:
        self._rotations = _Rotations(
            "power", circumference_m, cycling_power_layout.WHEEL_EVENT_TICKS_PER_SECOND
        )
        self._torque = TorqueMean()

    def samples(self, data: bytes, time_ms: int) -> list[_Sample]:
        measurement = parse_cycling_power_measurement(data)
        balance = measurement.balance
        left = balance.half_percent / 2 if balance is not None and balance.reference_left else None
        values = _present(power=measurement.power_w, left_power=left, work=measurement.accumulated_energy_kj)
        values |= self._rotations.values(measurement.wheel, measurement.crank, time_ms)
        return [("power", time_ms, values | _present(torque=self._mean_torque(measurement)))]

    def _mean_torque(self, measurement: CyclingPowerMeasurement) -> float | None:
        accumulated = measurement.accumulated_torque
        if accumulated is None:
            return None
        rotations = self._rotations
        turns = rotations.crank_turns if accumulated.from_crank else rotations.wheel_turns
        return self._torque.update(accumulated.ticks, turns)

    def fallen_idle(self, time_ms: int) -> list[_Sample]:
        return self._rotations.fallen_idle(time_ms)

    def reconnected(self) -> None:
        self._rotations.reset()
        self._torque.reset()


class _CyclingSpeedCadence:
    def __init__(self, circumference_m: float) -> None:
        self._rotations = _Rotations("speed_cadence", circumference_m, 1024)

    def samples(self, data: bytes, time_ms: int) -> list[_Sample]:
        measurement = parse_cycling_speed_cadence_measurement(data)
        values = self._rotations.values(measurement.wheel, measurement.crank, time_ms)
        return [("speed_cadence", time_ms, values)]

    def fallen_idle(self, time_ms: int) -> list[_Sample]:
        return self._rotations.fallen_idle(time_ms)

    def reconnected(self) -> None:
        self._rotations.reset()


class _RunningSpeedCadence:
    def samples(self, data: bytes, time_ms: int) -> list[_Sample]:
        measurement = parse_running_speed_cadence_measurement(data)
        stride_cm, distance_dm = measurement.stride_length_cm, measurement.total_distance_dm
        values = _present(
            speed=measurement.speed_m_per_s,
            cadence=measurement.cadence_per_minute,
            stride_length=None if stride_cm is None else stride_cm / 100,
            distance=None if distance_dm is None else distance_dm / 10,
        )
        return [("running", time_ms, values)]

    def fallen_idle(self, time_ms: int) -> list[_Sample]:
        return []

    def reconnected(self) -> None:
        return None


class _IndoorBike:
    def __init__(self) -> None:
        self._assembler = IndoorBikeAssembler()

    def samples(self, data: bytes, time_ms: int) -> list[_Sample]:
        record = self._assembler.feed(parse_indoor_bike_data(data))
        return [] if record is None else [("indoor_bike", time_ms, self._values(record))]

    @staticmethod
    def _values(record: IndoorBikeData) -> dict[str, float]:
        speed, cadence = record.speed_hundredths_km_h, record.cadence_half_rpm
        energy = record.expended_energy
        return _present(
            speed=None if speed is None else speed / 100 / 3.6,
            cadence=None if cadence is None else cadence / 2,
            distance=record.total_distance_m,
            resistance=record.resistance_level,
            power=record.power_w,
            energy=None if energy is None else energy.total_kcal,
            # A machine without a paired strap sends 0.
            heart_rate=record.heart_rate_bpm or None,
        )

    def fallen_idle(self, time_ms: int) -> list[_Sample]:
        return []

    def reconnected(self) -> None:
        self._assembler.reset()


class SensorInterpreter:
    """Turns the notifications of one sensor into readings.

    Args:
        sensor_id: goes into every reading.
        wheel_circumference_m: distance of one turn of a wheel sensor in metres.
    """

    def __init__(
        self, sensor_id: str, *, wheel_circumference_m: float = DEFAULT_WHEEL_CIRCUMFERENCE_M
    ) -> None:
        self._sensor_id = sensor_id
        self._last_ms: dict[str, int] = {}
        self._characteristics: dict[str, _Characteristic] = {
            "2A37": _HeartRate(),
            "2A63": _CyclingPower(wheel_circumference_m),
            "2A5B": _CyclingSpeedCadence(wheel_circumference_m),
            "2A53": _RunningSpeedCadence(),
            "2AD2": _IndoorBike(),
        }

    @property
    def characteristics(self) -> frozenset[str]:
        """The measurement characteristics that are understood, as 16-bit numbers."""
        return frozenset(self._characteristics)

    def interpret(self, characteristic: str, data: bytes, time_ms: int) -> list[Reading]:
        """Interpret one notification that arrived at ``time_ms``; may give no reading.

        Raises:
            MalformedMeasurement: the value is cut short.
            KeyError: the characteristic is not one of :attr:`characteristics`.
        """
        return self._readings(self._characteristics[characteristic].samples(data, time_ms))

    def fallen_idle(self, time_ms: int) -> list[Reading]:
        """Zero speed and cadence, once, of sensors that say nothing more when the wheel stops."""
        samples = [
            sample
            for characteristic in self._characteristics.values()
            for sample in characteristic.fallen_idle(time_ms)
        ]
        return self._readings(samples)

    def reconnected(self) -> None:
        """Start new baselines; distances and the order of times go on."""
        for characteristic in self._characteristics.values():
            characteristic.reconnected()

    def _readings(self, samples: list[_Sample]) -> list[Reading]:
        return [
            Reading(self._sensor_id, series, self._strictly_later(series, time_ms), values)
            for series, time_ms, values in samples
            if values
        ]

    def _strictly_later(self, series: str, time_ms: int) -> int:
        later = max(time_ms, self._last_ms.get(series, time_ms - 1) + 1)
        self._last_ms[series] = later
        return later
