"""Heart Rate Measurement, characteristic 0x2A37 of the Heart Rate Service (0x180D).

Layout: GATT Specification Supplement, "Heart Rate Measurement". Flags (one octet): bit 0 sixteen-bit rate,
    bit 1
contact detected, bit 2 contact supported, bit 3 energy expended, bit 4 RR intervals; bits 5 to 7 are reserved
and ignored.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest_edge.sensors.gatt.fields import FieldReader, FieldWriter, flag_bits

CHARACTERISTIC = "2A37"
RR_TICKS_PER_SECOND = 1024
"""RR intervals come in units of 1/1024 s (not milliseconds)."""


@dataclass(frozen=True, slots=True)
class HeartRateMeasurement:
    """One heart rate notification.

    Attributes:
        heart_rate_bpm: beats a minute, 0 to 65535; straps send 0 while they have no signal.
        contact: whether the electrodes touch skin; None when the sensor cannot tell.
        energy_expended_kj: kilojoules since the last reset, saturating at 65535; None when absent.
        rr_ticks: RR intervals in 1/1024 s, the oldest first; empty when absent.
    """

    heart_rate_bpm: int
    contact: bool | None = None
    energy_expended_kj: int | None = None
    rr_ticks: tuple[int, ...] = ()

    @property
    def rr_intervals_s(self) -> tuple[float, ...]:
        """RR intervals in seconds, the oldest first."""
        return tuple(ticks / RR_TICKS_PER_SECOND for ticks in self.rr_ticks)


def parse_heart_rate_measurement(data: bytes | bytearray | memoryview) -> HeartRateMeasurement:
    """Parse a 2A37 value.

    Raises:
        MalformedMeasurement: the value is cut short; an odd octet at the end of the RR list counts as a cut.
    """
    reader = FieldReader(CHARACTERISTIC, data)
    flags = reader.unsigned(1, "flags")
    heart_rate_bpm = reader.unsigned(2 if flags & 0x01 else 1, "heart rate")
    energy_kj = reader.unsigned(2, "energy expended") if flags & 0x08 else None
    return HeartRateMeasurement(
        heart_rate_bpm=heart_rate_bpm,
        contact=bool(flags & 0x02) if flags & 0x04 else None,
        energy_expended_kj=energy_kj,
        rr_ticks=_parse_rr_ticks(reader) if flags & 0x10 else (),
    )


def _parse_rr_ticks(reader: FieldReader) -> tuple[int, ...]:
    # The list has no length: it runs to the end of the value and holds at least one interval.
    ticks = [reader.unsigned(2, "RR interval")]
    while reader.remaining:
        ticks.append(reader.unsigned(2, "RR interval"))
    return tuple(ticks)


def encode_heart_rate_measurement(measurement: HeartRateMeasurement, *, wide: bool = False) -> bytes:
    """Encode a 2A37 value; ``wide`` uses the sixteen-bit rate even where eight bits would do."""
    wide = wide or measurement.heart_rate_bpm > 0xFF
    writer = FieldWriter()
    conditions = (
        wide,
        bool(measurement.contact),
        measurement.contact is not None,
        measurement.energy_expended_kj is not None,
        bool(measurement.rr_ticks),
    )
    writer.unsigned(flag_bits(conditions), 1)
    writer.unsigned(measurement.heart_rate_bpm, 2 if wide else 1)
    if measurement.energy_expended_kj is not None:
        writer.unsigned(measurement.energy_expended_kj, 2)
    for ticks in measurement.rr_ticks:
        writer.unsigned(ticks, 2)
    return writer.value()
