"""CSC Measurement, characteristic 0x2A5B of the Cycling Speed and Cadence Service (0x1816).

Flags (one octet): bit 0 wheel data, bit 1 crank data; the rest is reserved and ignored. Both event times are
in 1/1024 s.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest_edge.sensors.gatt.fields import FieldReader, FieldWriter, flag_bits
from ingest_edge.sensors.gatt.revolutions import (
    RevolutionData,
    read_crank,
    read_wheel,
    write_crank,
    write_wheel,
)

CHARACTERISTIC = "2A5B"
EVENT_TICKS_PER_SECOND = 1024


@dataclass(frozen=True, slots=True)
class CyclingSpeedCadenceMeasurement:
    """One speed and cadence notification; a part that the sensor lacks is None."""

    wheel: RevolutionData | None = None
    crank: RevolutionData | None = None


def parse_cycling_speed_cadence_measurement(
    data: bytes | bytearray | memoryview,
) -> CyclingSpeedCadenceMeasurement:
    """Parse a 2A5B value; raises MalformedMeasurement when it is cut short."""
    reader = FieldReader(CHARACTERISTIC, data)
    flags = reader.unsigned(1, "flags")
    return CyclingSpeedCadenceMeasurement(
        wheel=read_wheel(reader) if flags & 0x01 else None,
        crank=read_crank(reader) if flags & 0x02 else None,
    )


def encode_cycling_speed_cadence_measurement(measurement: CyclingSpeedCadenceMeasurement) -> bytes:
    """Encode a 2A5B value."""
    writer = FieldWriter()
    writer.unsigned(flag_bits((measurement.wheel is not None, measurement.crank is not None)), 1)
    if measurement.wheel is not None:
        write_wheel(writer, measurement.wheel)
    if measurement.crank is not None:
        write_crank(writer, measurement.crank)
    return writer.value()
