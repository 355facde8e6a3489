"""The pair "cumulative revolutions, last event time" that three characteristics share."""

from __future__ import annotations

from dataclasses import dataclass

from ingest_edge.sensors.gatt.fields import FieldReader, FieldWriter

WHEEL_REVOLUTION_OCTETS = 4
CRANK_REVOLUTION_OCTETS = 2


@dataclass(frozen=True, slots=True)
class RevolutionData:
    """A revolution counter and the moment of its last full turn, both wrapping.

    Attributes:
        cumulative_revolutions: 32 bits for a wheel, 16 bits for a crank.
        last_event_time: 16 bits; the unit is the characteristic's: 1/1024 s, but 1/2048 s for the wheel of
            2A63.
    """

    cumulative_revolutions: int
    last_event_time: int


def read_wheel(reader: FieldReader) -> RevolutionData:
    """Read wheel revolutions (u32) and event time (u16)."""
    return RevolutionData(
        reader.unsigned(WHEEL_REVOLUTION_OCTETS, "cumulative wheel revolutions"),
        reader.unsigned(2, "last wheel event time"),
    )


def read_crank(reader: FieldReader) -> RevolutionData:
    """Read crank revolutions (u16) and event time (u16)."""
    return RevolutionData(
        reader.unsigned(CRANK_REVOLUTION_OCTETS, "cumulative crank revolutions"),
        reader.unsigned(2, "last crank event time"),
    )


def write_wheel(writer: FieldWriter, wheel: RevolutionData) -> None:
    """Append wheel revolutions and event time."""
    writer.unsigned(wheel.cumulative_revolutions, WHEEL_REVOLUTION_OCTETS)
    writer.unsigned(wheel.last_event_time, 2)


def write_crank(writer: FieldWriter, crank: RevolutionData) -> None:
    """Append crank revolutions and event time."""
    writer.unsigned(crank.cumulative_revolutions, CRANK_REVOLUTION_OCTETS)
    writer.unsigned(crank.last_event_time, 2)
