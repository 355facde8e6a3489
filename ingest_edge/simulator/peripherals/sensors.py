"""The sensors of a rider and of a runner."""

from __future__ import annotations

from collections.abc import Sequence

from ingest_edge.sensors.gatt import (
    CyclingPowerFeature,
    CyclingPowerMeasurement,
    CyclingSpeedCadenceMeasurement,
    ExpendedEnergy,
    HeartRateMeasurement,
    IndoorBikeData,
    PedalPowerBalance,
    RevolutionData,
    RunningSpeedCadenceMeasurement,
    encode_cycling_power_feature,
    encode_cycling_power_measurement,
    encode_cycling_speed_cadence_measurement,
    encode_heart_rate_measurement,
    encode_indoor_bike_data,
    encode_running_speed_cadence_measurement,
)
from ingest_edge.simulator.bluez.peripheral import Notification
from ingest_edge.simulator.peripherals.athlete import Athlete, Rotation, Runner
from ingest_edge.simulator.peripherals.base import SimulatedSensor, notifying_service

METABOLIC_JOULES_PER_KILOCALORIE = 1004.0
"""Mechanical joules for one kilocalorie eaten: 4184 J/kcal at an efficiency of 24 %."""
MAXIMUM_RR_PER_NOTIFICATION = 8
"""What fits beside rate and energy into the smallest ATT packet of 20 octets."""


class HeartRateStrap(SimulatedSensor):
    """A chest strap that sends heart rate, contact, energy and every RR interval.

    Args:
        address: Bluetooth address.
        athlete: whose heart it is.
        name: advertised name.
        interval_s: seconds between notifications.
    """

    def __init__(
        self, address: str, athlete: Athlete, *, name: str = "Simulated HR", interval_s: float = 1.0
    ) -> None:
        super().__init__(address, name, notifying_service("180D", "2A37"), interval_s=interval_s)
        self._athlete = athlete
        self._beats_sent = 0

    def notifications(self, elapsed_s: float) -> Sequence[Notification]:
        """One measurement with the beats since the last one."""
        self._athlete.advance_to(elapsed_s)
        heart = self._athlete.heart
        new_beats = heart.rr_intervals_s[self._beats_sent :][-MAXIMUM_RR_PER_NOTIFICATION:]
        self._beats_sent = len(heart.rr_intervals_s)
        kilocalories = self._athlete.work_j / METABOLIC_JOULES_PER_KILOCALORIE
        measurement = HeartRateMeasurement(
            heart_rate_bpm=round(heart.rate_bpm),
            contact=True,
            energy_expended_kj=min(0xFFFF, round(kilocalories * 4.184)),
            rr_ticks=tuple(round(interval_s * 1024) for interval_s in new_beats),
        )
        return [("2A37", encode_heart_rate_measurement(measurement))]


class PowerMeter(SimulatedSensor):
    """A crank power meter with balance, crank revolutions and accumulated energy.

    Args:
        address: Bluetooth address.
        athlete: who pedals.
        name: advertised name.
        interval_s: seconds between notifications.
        left_percent: share of the left leg.
    """

    def __init__(
        self,
        address: str,
        athlete: Athlete,
        *,
        name: str = "Simulated Power",
        interval_s: float = 1.0,
        left_percent: float = 49.5,
    ) -> None:
        service = notifying_service("1818", "2A63", "2A65")
        super().__init__(address, name, service, interval_s=interval_s)
        self._athlete = athlete
        self._left_half_percent = round(left_percent * 2)
        feature = (
            CyclingPowerFeature.PEDAL_POWER_BALANCE
            | CyclingPowerFeature.CRANK_REVOLUTION_DATA
            | CyclingPowerFeature.ACCUMULATED_ENERGY
        )
        self.set_value("2A65", encode_cycling_power_feature(feature))

    def notifications(self, elapsed_s: float) -> Sequence[Notification]:
        """One measurement."""
        self._athlete.advance_to(elapsed_s)
        measurement = CyclingPowerMeasurement(
            power_w=round(self._athlete.power_w),
            balance=PedalPowerBalance(self._left_half_percent, reference_left=True),
            crank=_revolutions(self._athlete.crank, 16),
            accumulated_energy_kj=round(self._athlete.work_j / 1000) & 0xFFFF,
        )
        return [("2A63", encode_cycling_power_measurement(measurement))]


class SpeedCadenceSensor(SimulatedSensor):
    """A speed and cadence sensor.

    Args:
        address: Bluetooth address.
        athlete: who rides.
        name: advertised name.
        interval_s: seconds between notifications.
    """

    def __init__(
        self, address: str, athlete: Athlete, *, name: str = "Simulated Speed", interval_s: float = 1.0
    ) -> None:
        super().__init__(address, name, notifying_service("1816", "2A5B"), interval_s=interval_s)
        self._athlete = athlete

    def notifications(self, elapsed_s: float) -> Sequence[Notification]:
        """One measurement of wheel and crank."""
        self._athlete.advance_to(elapsed_s)
        measurement = CyclingSpeedCadenceMeasurement(
            wheel=_revolutions(self._athlete.wheel, 32), crank=_revolutions(self._athlete.crank, 16)
        )
        return [("2A5B", encode_cycling_speed_cadence_measurement(measurement))]


class FootPod(SimulatedSensor):
    """A running pod.

    Args:
        address: Bluetooth address.
        runner: who runs.
        name: advertised name.
        interval_s: seconds between notifications.
    """

    def __init__(
        self, address: str, runner: Runner, *, name: str = "Simulated Pod", interval_s: float = 1.0
    ) -> None:
        super().__init__(address, name, notifying_service("1814", "2A53"), interval_s=interval_s)
        self._runner = runner

    def notifications(self, elapsed_s: float) -> Sequence[Notification]:
        """One measurement."""
        runner = self._runner
        runner.advance_to(elapsed_s)
        measurement = RunningSpeedCadenceMeasurement(
            speed_ticks=round(runner.speed_m_per_s * 256),
            cadence_per_minute=round(runner.stride_rate_per_minute),
            running=True,
            stride_length_cm=round(runner.stride_length_m * 100),
            total_distance_dm=round(runner.distance_m * 10),
        )
        return [("2A53", encode_running_speed_cadence_measurement(measurement))]


class IndoorBike(SimulatedSensor):
    """An indoor bike of the Fitness Machine Service that splits each record into two frames.

    Args:
        address: Bluetooth address.
        athlete: who rides.
        name: advertised name.
        interval_s: seconds between records.
    """

    def __init__(
        self, address: str, athlete: Athlete, *, name: str = "Simulated Bike", interval_s: float = 1.0
    ) -> None:
        super().__init__(address, name, notifying_service("1826", "2AD2"), interval_s=interval_s)
        self._athlete = athlete

    def notifications(self, elapsed_s: float) -> Sequence[Notification]:
        """One record: a frame with More Data, and the frame with the speed that ends it."""
        athlete = self._athlete
        athlete.advance_to(elapsed_s)
        kilocalories = athlete.work_j / METABOLIC_JOULES_PER_KILOCALORIE
        first = IndoorBikeData(
            total_distance_m=round(athlete.distance_m),
            expended_energy=ExpendedEnergy(total_kcal=round(kilocalories)),
            elapsed_time_s=int(elapsed_s) & 0xFFFF,
        )
        last = IndoorBikeData(
            speed_hundredths_km_h=round(athlete.speed_m_per_s * 360),
            cadence_half_rpm=round(athlete.cadence_rpm * 2),
            power_w=round(athlete.power_w),
        )
        return [("2AD2", encode_indoor_bike_data(frame)) for frame in (first, last)]


def _revolutions(rotation: Rotation, bits: int) -> RevolutionData:
    return RevolutionData(
        rotation.revolutions & ((1 << bits) - 1), round(rotation.last_event_s * 1024) & 0xFFFF
    )
