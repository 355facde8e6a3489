"""Cycling Power Measurement (0x2A63) and Feature (0x2A65) of the Cycling Power Service (0x1818).

Flags of the measurement (two octets): bit 0 pedal power balance, bit 1 its reference is the left pedal, bit 2
accumulated torque, bit 3 its source is the crank, bit 4 wheel data, bit 5 crank data, bit 6 extreme forces,
bit 7 extreme torques, bit 8 extreme angles, bit 9 top dead spot, bit 10 bottom dead spot, bit 11 accumulated
energy, bit 12 offset compensation indicator; bits 13 to 15 are reserved and ignored. Fields follow in the
order of the bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag

from ingest_edge.sensors.gatt.fields import FieldReader, FieldWriter, flag_bits
from ingest_edge.sensors.gatt.revolutions import (
    RevolutionData,
    read_crank,
    read_wheel,
    write_crank,
    write_wheel,
)

CHARACTERISTIC = "2A63"
FEATURE_CHARACTERISTIC = "2A65"
WHEEL_EVENT_TICKS_PER_SECOND = 2048
"""The wheel of 2A63 counts in 1/2048 s, unlike every other event time."""
CRANK_EVENT_TICKS_PER_SECOND = 1024
TORQUE_TICKS = 32
"""Torques come in 1/32 N m."""


@dataclass(frozen=True, slots=True)
class PedalPowerBalance:
    """Share of one pedal in 1/2 %; it is the left one if ``reference_left``, else which one is unknown."""

    half_percent: int
    reference_left: bool


@dataclass(frozen=True, slots=True)
class AccumulatedTorque:
    """Sum of torque over revolutions in 1/32 N m, wrapping at 16 bits; ``from_crank`` else from the wheel."""

    ticks: int
    from_crank: bool


@dataclass(frozen=True, slots=True)
class Extremes:
    """A maximum and a minimum over the last revolution; newtons, 1/32 N m or degrees by the field it stands
    in.
    """

    maximum: int
    minimum: int


@dataclass(frozen=True, slots=True)
class CyclingPowerMeasurement:
    """One power meter notification; a field that the sensor did not send is None.

    Attributes:
        power_w: instantaneous power in watts, negative values included.
        balance: pedal power balance.
        accumulated_torque: accumulated torque and its source.
        wheel: wheel revolutions (u32), event time in 1/2048 s.
        crank: crank revolutions (u16), event time in 1/1024 s.
        extreme_forces: newtons, signed 16 bits.
        extreme_torques: 1/32 N m, signed 16 bits.
        extreme_angles: degrees, unsigned 12 bits.
        top_dead_spot_angle_deg: degrees, unsigned 16 bits.
        bottom_dead_spot_angle_deg: degrees, unsigned 16 bits.
        accumulated_energy_kj: kilojoules since the last reset.
        offset_compensation_requested: the sensor asks for a zero offset.
    """

    power_w: int
    balance: PedalPowerBalance | None = None
    accumulated_torque: AccumulatedTorque | None = None
    wheel: RevolutionData | None = None
    crank: RevolutionData | None = None
    extreme_forces: Extremes | None = None
    extreme_torques: Extremes | None = None
    extreme_angles: Extremes | None = None
    top_dead_spot_angle_deg: int | None = None
    bottom_dead_spot_angle_deg: int | None = None
    accumulated_energy_kj: int | None = None
    offset_compensation_requested: bool = False


def parse_cycling_power_measurement(data: bytes | bytearray | memoryview) -> CyclingPowerMeasurement:
    """Parse a 2A63 value; raises MalformedMeasurement when it is cut short."""
    reader = FieldReader(CHARACTERISTIC, data)
    flags = reader.unsigned(2, "flags")
    return CyclingPowerMeasurement(
        power_w=reader.signed(2, "instantaneous power"),
        balance=_read_balance(reader, bool(flags & 0x0002)) if flags & 0x0001 else None,
        accumulated_torque=_read_torque(reader, bool(flags & 0x0008)) if flags & 0x0004 else None,
        wheel=read_wheel(reader) if flags & 0x0010 else None,
        crank=read_crank(reader) if flags & 0x0020 else None,
        extreme_forces=_read_extremes(reader, "extreme force") if flags & 0x0040 else None,
        extreme_torques=_read_extremes(reader, "extreme torque") if flags & 0x0080 else None,
        extreme_angles=_read_angles(reader) if flags & 0x0100 else None,
        top_dead_spot_angle_deg=reader.unsigned(2, "top dead spot angle") if flags & 0x0200 else None,
        bottom_dead_spot_angle_deg=reader.unsigned(2, "bottom dead spot angle") if flags & 0x0400 else None,
        accumulated_energy_kj=reader.unsigned(2, "accumulated energy") if flags & 0x0800 else None,
        offset_compensation_requested=bool(flags & 0x1000),
    )


def _read_balance(reader: FieldReader, reference_left: bool) -> PedalPowerBalance:
    return PedalPowerBalance(reader.unsigned(1, "pedal power balance"), reference_left)


def _read_torque(reader: FieldReader, from_crank: bool) -> AccumulatedTorque:
    return AccumulatedTorque(reader.unsigned(2, "accumulated torque"), from_crank)


def _read_extremes(reader: FieldReader, name: str) -> Extremes:
    return Extremes(reader.signed(2, f"{name} maximum"), reader.signed(2, f"{name} minimum"))


def _read_angles(reader: FieldReader) -> Extremes:
    # Two 12-bit numbers in three octets, the maximum in the low bits.
    packed = reader.unsigned(3, "extreme angles")
    return Extremes(maximum=packed & 0xFFF, minimum=packed >> 12)


def encode_cycling_power_measurement(measurement: CyclingPowerMeasurement) -> bytes:
    """Encode a 2A63 value."""
    writer = FieldWriter()
    writer.unsigned(_measurement_flags(measurement), 2)
    writer.signed(measurement.power_w, 2)
    if measurement.balance is not None:
        writer.unsigned(measurement.balance.half_percent, 1)
    if measurement.accumulated_torque is not None:
        writer.unsigned(measurement.accumulated_torque.ticks, 2)
    if measurement.wheel is not None:
        write_wheel(writer, measurement.wheel)
    if measurement.crank is not None:
        write_crank(writer, measurement.crank)
    for extremes in (measurement.extreme_forces, measurement.extreme_torques):
        if extremes is not None:
            writer.signed(extremes.maximum, 2)
            writer.signed(extremes.minimum, 2)
    if measurement.extreme_angles is not None:
        writer.unsigned(_pack_angles(measurement.extreme_angles), 3)
    _write_tail(writer, measurement)
    return writer.value()


def _measurement_flags(measurement: CyclingPowerMeasurement) -> int:
    balance, torque = measurement.balance, measurement.accumulated_torque
    conditions = (
        balance is not None,
        balance is not None and balance.reference_left,
        torque is not None,
        torque is not None and torque.from_crank,
        measurement.wheel is not None,
        measurement.crank is not None,
        measurement.extreme_forces is not None,
        measurement.extreme_torques is not None,
        measurement.extreme_angles is not None,
        measurement.top_dead_spot_angle_deg is not None,
        measurement.bottom_dead_spot_angle_deg is not None,
        measurement.accumulated_energy_kj is not None,
        measurement.offset_compensation_requested,
    )
    return flag_bits(conditions)


def _pack_angles(angles: Extremes) -> int:
    if not (0 <= angles.maximum <= 0xFFF and 0 <= angles.minimum <= 0xFFF):
        raise OverflowError("an extreme angle has 12 bits")
    return angles.maximum | angles.minimum << 12


def _write_tail(writer: FieldWriter, measurement: CyclingPowerMeasurement) -> None:
    tail = (
        measurement.top_dead_spot_angle_deg,
        measurement.bottom_dead_spot_angle_deg,
        measurement.accumulated_energy_kj,
    )
    for value in tail:
        if value is not None:
            writer.unsigned(value, 2)


class CyclingPowerFeature(IntFlag):
    """What a power meter says it can do: the low bits of characteristic 0x2A65 (four octets)."""

    PEDAL_POWER_BALANCE = 1 << 0
    ACCUMULATED_TORQUE = 1 << 1
    WHEEL_REVOLUTION_DATA = 1 << 2
    CRANK_REVOLUTION_DATA = 1 << 3
    EXTREME_MAGNITUDES = 1 << 4
    EXTREME_ANGLES = 1 << 5
    DEAD_SPOT_ANGLES = 1 << 6
    ACCUMULATED_ENERGY = 1 << 7
    OFFSET_COMPENSATION_INDICATOR = 1 << 8
    OFFSET_COMPENSATION = 1 << 9


def parse_cycling_power_feature(data: bytes | bytearray | memoryview) -> CyclingPowerFeature:
    """Parse a 2A65 value; bits that are not listed in :class:`CyclingPowerFeature` are left out."""
    bits = FieldReader(FEATURE_CHARACTERISTIC, data).unsigned(4, "feature")
    known = sum(feature.value for feature in CyclingPowerFeature)
    return CyclingPowerFeature(bits & known)


def encode_cycling_power_feature(feature: CyclingPowerFeature) -> bytes:
    """Encode a 2A65 value."""
    return int(feature).to_bytes(4, "little")
