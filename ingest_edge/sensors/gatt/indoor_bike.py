"""Indoor Bike Data, characteristic 0x2AD2 of the Fitness Machine Service (0x1826).

Flags (two octets): bit 0 More Data, bit 1 average speed, bit 2 cadence, bit 3 average cadence, bit 4 total
distance, bit 5 resistance level, bit 6 power, bit 7 average power, bit 8 expended energy (three fields), bit
9 heart rate, bit 10 metabolic equivalent, bit 11 elapsed time, bit 12 remaining time; the rest is reserved
and ignored.

Bit 0 is inverted: the instantaneous speed is present when it is 0. A record that does not fit one
notification is split; all frames but the last have More Data set, so the speed arrives in the last one.

The resistance level is read as a signed 16-bit number of resolution 1, as FTMS 1.0 has it and as machines
send it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from ingest_edge.sensors.gatt.fields import FieldReader, FieldWriter, flag_bits

CHARACTERISTIC = "2AD2"
_NOT_AVAILABLE_U16 = 0xFFFF
_NOT_AVAILABLE_U8 = 0xFF


@dataclass(frozen=True, slots=True)
class ExpendedEnergy:
    """The three energy fields that share flag bit 8; a part that the machine cannot tell is None.

    Attributes:
        total_kcal: kilocalories since the session's start, below 65535.
        per_hour_kcal: kilocalories an hour, below 65535.
        per_minute_kcal: kilocalories a minute, below 255.
    """

    total_kcal: int | None = None
    per_hour_kcal: int | None = None
    per_minute_kcal: int | None = None


@dataclass(frozen=True, slots=True)
class IndoorBikeData:
    """One record, or one frame of a split record, of an indoor bike; an absent field is None.

    Attributes:
        speed_hundredths_km_h: instantaneous speed in 0.01 km/h; None means More Data: a further frame
            follows.
        average_speed_hundredths_km_h: average speed in 0.01 km/h.
        cadence_half_rpm: instantaneous cadence in 1/2 rpm.
        average_cadence_half_rpm: average cadence in 1/2 rpm.
        total_distance_m: metres since the session's start, 24 bits.
        resistance_level: unitless, signed.
        power_w: instantaneous power in watts, signed.
        average_power_w: average power in watts, signed.
        expended_energy: the energy fields.
        heart_rate_bpm: beats a minute, 8 bits.
        metabolic_equivalent_tenths: 0.1 MET.
        elapsed_time_s: seconds since the session's start.
        remaining_time_s: seconds to the session's planned end.
    """

    speed_hundredths_km_h: int | None = None
    average_speed_hundredths_km_h: int | None = None
    cadence_half_rpm: int | None = None
    average_cadence_half_rpm: int | None = None
    total_distance_m: int | None = None
    resistance_level: int | None = None
    power_w: int | None = None
    average_power_w: int | None = None
    expended_energy: ExpendedEnergy | None = None
    heart_rate_bpm: int | None = None
    metabolic_equivalent_tenths: int | None = None
    elapsed_time_s: int | None = None
    remaining_time_s: int | None = None

    @property
    def more_data(self) -> bool:
        """Whether a further frame of the same record follows."""
        return self.speed_hundredths_km_h is None


_FIELD_NAMES = tuple(field.name for field in fields(IndoorBikeData))


def parse_indoor_bike_data(data: bytes | bytearray | memoryview) -> IndoorBikeData:
    """Parse one frame of 2AD2; raises MalformedMeasurement when it is cut short.

    Use :class:`IndoorBikeAssembler` to merge the frames of a split record.
    """
    reader = FieldReader(CHARACTERISTIC, data)
    # With bit 0 inverted every bit means "present", in the order of the fields.
    present = reader.unsigned(2, "flags") ^ 0x0001

    def unsigned(bit: int, octets: int) -> int | None:
        return reader.unsigned(octets, _FIELD_NAMES[bit]) if present >> bit & 1 else None

    def signed(bit: int) -> int | None:
        return reader.signed(2, _FIELD_NAMES[bit]) if present >> bit & 1 else None

    return IndoorBikeData(
        speed_hundredths_km_h=unsigned(0, 2),
        average_speed_hundredths_km_h=unsigned(1, 2),
        cadence_half_rpm=unsigned(2, 2),
        average_cadence_half_rpm=unsigned(3, 2),
        total_distance_m=unsigned(4, 3),
        resistance_level=signed(5),
        power_w=signed(6),
        average_power_w=signed(7),
        expended_energy=_read_energy(reader) if present >> 8 & 1 else None,
        heart_rate_bpm=unsigned(9, 1),
        metabolic_equivalent_tenths=unsigned(10, 1),
        elapsed_time_s=unsigned(11, 2),
        remaining_time_s=unsigned(12, 2),
    )


def _read_energy(reader: FieldReader) -> ExpendedEnergy:
    total = reader.unsigned(2, "total energy")
    per_hour = reader.unsigned(2, "energy per hour")
    per_minute = reader.unsigned(1, "energy per minute")
    return ExpendedEnergy(
        None if total == _NOT_AVAILABLE_U16 else total,
        None if per_hour == _NOT_AVAILABLE_U16 else per_hour,
        None if per_minute == _NOT_AVAILABLE_U8 else per_minute,
    )


_Write = Callable[[FieldWriter, int], None]


def _write_unsigned(octets: int) -> _Write:
    return lambda writer, value: writer.unsigned(value, octets)


def _write_signed(writer: FieldWriter, value: int) -> None:
    writer.signed(value, 2)


_WRITERS: dict[str, _Write] = {
    "speed_hundredths_km_h": _write_unsigned(2),
    "average_speed_hundredths_km_h": _write_unsigned(2),
    "cadence_half_rpm": _write_unsigned(2),
    "average_cadence_half_rpm": _write_unsigned(2),
    "total_distance_m": _write_unsigned(3),
    "resistance_level": _write_signed,
    "power_w": _write_signed,
    "average_power_w": _write_signed,
    "heart_rate_bpm": _write_unsigned(1),
    "metabolic_equivalent_tenths": _write_unsigned(1),
    "elapsed_time_s": _write_unsigned(2),
    "remaining_time_s": _write_unsigned(2),
}


def encode_indoor_bike_data(record: IndoorBikeData) -> bytes:
    """Encode one frame of 2AD2."""
    writer = FieldWriter()
    present = flag_bits([getattr(record, name) is not None for name in _FIELD_NAMES])
    writer.unsigned(present ^ 0x0001, 2)
    for name in _FIELD_NAMES:
        value = getattr(record, name)
        if isinstance(value, ExpendedEnergy):
            _write_energy(writer, value)
        elif value is not None:
            _WRITERS[name](writer, value)
    return writer.value()


def _write_energy(writer: FieldWriter, energy: ExpendedEnergy) -> None:
    writer.unsigned(_NOT_AVAILABLE_U16 if energy.total_kcal is None else energy.total_kcal, 2)
    writer.unsigned(_NOT_AVAILABLE_U16 if energy.per_hour_kcal is None else energy.per_hour_kcal, 2)
    writer.unsigned(_NOT_AVAILABLE_U8 if energy.per_minute_kcal is None else energy.per_minute_kcal, 1)


class IndoorBikeAssembler:
    """Merges the frames of split records.

    A frame with More Data is kept until the frame without it completes the record. A field that comes twice
    before that means that the record's last frame was lost on the air: the pending part is given up, because
    joining halves of two records would invent a moment that never was.

    Attributes:
        abandoned: how many frames were given up so.
    """

    def __init__(self) -> None:
        self.abandoned = 0
        self._pending: IndoorBikeData | None = None
        self._pending_frames = 0

    def feed(self, frame: IndoorBikeData) -> IndoorBikeData | None:
        """Take the next frame; return the complete record when this frame ends it."""
        merged = self._merge(frame)
        if frame.more_data:
            self._pending = merged
            self._pending_frames += 1
            return None
        self._pending, self._pending_frames = None, 0
        return merged

    def reset(self) -> None:
        """Forget a pending part, as after a reconnect."""
        self.abandoned += self._pending_frames
        self._pending, self._pending_frames = None, 0

    def _merge(self, frame: IndoorBikeData) -> IndoorBikeData:
        news = {name: value for name in _FIELD_NAMES if (value := getattr(frame, name)) is not None}
        if self._pending is not None and any(getattr(self._pending, name) is not None for name in news):
            self.reset()
        return frame if self._pending is None else replace(self._pending, **news)
