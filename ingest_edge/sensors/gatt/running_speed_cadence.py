"""RSC Measurement, characteristic 0x2A53 of the Running Speed and Cadence Service (0x1814).

Flags (one octet): bit 0 stride length, bit 1 total distance, bit 2 running (else walking); the rest is
reserved and ignored.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest_edge.sensors.gatt.fields import FieldReader, FieldWriter, flag_bits

CHARACTERISTIC = "2A53"
SPEED_TICKS = 256
"""Speed comes in 1/256 m/s."""


@dataclass(frozen=True, slots=True)
class RunningSpeedCadenceMeasurement:
    """One foot pod notification.

    Attributes:
        speed_ticks: speed in 1/256 m/s.
        cadence_per_minute: as sent; the specification's unit is 1/minute.
        running: True while running, False while walking.
        stride_length_cm: centimetres between two footfalls of the same foot; None when absent.
        total_distance_dm: decimetres since the sensor's last reset; None when absent.
    """

    speed_ticks: int
    cadence_per_minute: int
    running: bool = False
    stride_length_cm: int | None = None
    total_distance_dm: int | None = None

    @property
    def speed_m_per_s(self) -> float:
        """Speed in metres a second."""
        return self.speed_ticks / SPEED_TICKS


def parse_running_speed_cadence_measurement(
    data: bytes | bytearray | memoryview,
) -> RunningSpeedCadenceMeasurement:
    """Parse a 2A53 value; raises MalformedMeasurement when it is cut short."""
    reader = FieldReader(CHARACTERISTIC, data)
    flags = reader.unsigned(1, "flags")
    return RunningSpeedCadenceMeasurement(
        running=bool(flags & 0x04),
        speed_ticks=reader.unsigned(2, "instantaneous speed"),
        cadence_per_minute=reader.unsigned(1, "instantaneous cadence"),
        stride_length_cm=reader.unsigned(2, "stride length") if flags & 0x01 else None,
        total_distance_dm=reader.unsigned(4, "total distance") if flags & 0x02 else None,
    )


def encode_running_speed_cadence_measurement(measurement: RunningSpeedCadenceMeasurement) -> bytes:
    """Encode a 2A53 value."""
    writer = FieldWriter()
    conditions = (
        measurement.stride_length_cm is not None,
        measurement.total_distance_dm is not None,
        measurement.running,
    )
    writer.unsigned(flag_bits(conditions), 1)
    writer.unsigned(measurement.speed_ticks, 2)
    writer.unsigned(measurement.cadence_per_minute, 1)
    if measurement.stride_length_cm is not None:
        writer.unsigned(measurement.stride_length_cm, 2)
    if measurement.total_distance_dm is not None:
        writer.unsigned(measurement.total_distance_dm, 4)
    return writer.value()
