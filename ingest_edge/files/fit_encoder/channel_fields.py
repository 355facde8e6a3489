"""What an activity becomes in FIT's record, session and lap messages.

The table is kept apart from the decoder's on purpose: a slip in one of the two shows when a written file is
read back; a shared table would hide it. Numbers, scales and offsets are those of the public FIT profile
(Garmin, SDK 21).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest_edge.files.fit_encoder.base_types import BaseType
from ingest_edge.files.fit_encoder.definitions import FitField

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class FieldOfChannel:
    """A record field and how a channel's integers become its own.

    `plain` is True for a field that only old devices write, False for the one that took its place, None where
    there is no such pair.
    """

    number: int
    base_type: BaseType
    from_channel: Callable[[Integers], Integers]
    plain: bool | None = None


@dataclass(frozen=True, slots=True)
class FieldOfTotal:
    """A field of a summary: integer = (value + offset) × scale."""

    name: str
    field: FitField
    scale: float = 1
    offset: float = 0


def _same(values: Integers) -> Integers:
    return values


def _times(factor: int) -> Callable[[Integers], Integers]:
    return lambda values: values * factor


def _over(divisor: int) -> Callable[[Integers], Integers]:
    return lambda values: np.rint(values / divisor).astype(np.int64)


def _altitude(decimetres: Integers) -> Integers:
    return np.rint((decimetres / 10 + 500) * 5).astype(np.int64)


def _cadence_fraction(tenths: Integers) -> Integers:
    parts: Integers = np.ceil((tenths % 10) * 12.8).astype(np.int64)
    return parts


def _balance(left_half_percent: Integers) -> Integers:
    """The right leg's share in whole percent, the top bit saying that it is the right one's."""
    right = np.rint(100 - left_half_percent / 2).astype(np.int64)
    return np.bitwise_or(right, np.int64(0x80))


RECORD_FIELDS: dict[str, tuple[FieldOfChannel, ...]] = {
    "latitude": (FieldOfChannel(0, BaseType.SINT32, _same),),
    "longitude": (FieldOfChannel(1, BaseType.SINT32, _same),),
    "altitude": (
        FieldOfChannel(2, BaseType.UINT16, _altitude, plain=True),
        FieldOfChannel(78, BaseType.UINT32, _altitude, plain=False),
    ),
    "heart_rate": (FieldOfChannel(3, BaseType.UINT8, _same),),
    "cadence": (
        FieldOfChannel(4, BaseType.UINT8, lambda tenths: tenths // 10),
        FieldOfChannel(53, BaseType.UINT8, _cadence_fraction),
    ),
    "distance": (FieldOfChannel(5, BaseType.UINT32, _same),),
    "speed": (
        FieldOfChannel(6, BaseType.UINT16, _same, plain=True),
        FieldOfChannel(73, BaseType.UINT32, _same, plain=False),
    ),
    "power": (FieldOfChannel(7, BaseType.UINT16, _same),),
    "grade": (FieldOfChannel(9, BaseType.SINT16, _same),),
    "resistance": (FieldOfChannel(10, BaseType.UINT8, _over(10)),),
    "temperature": (FieldOfChannel(13, BaseType.SINT8, _over(10)),),
    "work": (FieldOfChannel(29, BaseType.UINT32, _times(100)),),
    "left_power": (FieldOfChannel(30, BaseType.UINT8, _balance),),
    "energy": (FieldOfChannel(33, BaseType.UINT16, _same),),
    "vertical_oscillation": (FieldOfChannel(39, BaseType.UINT16, _same),),
    "ground_contact_time": (FieldOfChannel(41, BaseType.UINT16, _same),),
    "left_torque_effectiveness": (FieldOfChannel(43, BaseType.UINT8, _same),),
    "right_torque_effectiveness": (FieldOfChannel(44, BaseType.UINT8, _same),),
    "left_pedal_smoothness": (FieldOfChannel(45, BaseType.UINT8, _same),),
    "right_pedal_smoothness": (FieldOfChannel(46, BaseType.UINT8, _same),),
    "hemoglobin_concentration": (FieldOfChannel(54, BaseType.UINT16, _same),),
    "hemoglobin_saturation": (FieldOfChannel(57, BaseType.UINT16, _same),),
    # A step of 1/10 mm is half a stride of 1 mm.
    "stride_length": (FieldOfChannel(85, BaseType.UINT16, _times(5)),),
    "respiration_rate": (FieldOfChannel(108, BaseType.UINT16, _same),),
    "core_temperature": (FieldOfChannel(139, BaseType.UINT16, _same),),
}


def _total(name: str, number: int, kind: BaseType, scale: float = 1, offset: float = 0) -> FieldOfTotal:
    return FieldOfTotal(name, FitField(number, kind), scale, offset)


def _by_name(*totals: FieldOfTotal) -> dict[str, FieldOfTotal]:
    return {total.name: total for total in totals}


SESSION_TOTALS = _by_name(
    _total("calories_kcal", 11, BaseType.UINT16),
    _total("avg_heart_rate_bpm", 16, BaseType.UINT8),
    _total("max_heart_rate_bpm", 17, BaseType.UINT8),
    _total("avg_cadence_rpm", 18, BaseType.UINT8),
    _total("max_cadence_rpm", 19, BaseType.UINT8),
    _total("avg_power_w", 20, BaseType.UINT16),
    _total("max_power_w", 21, BaseType.UINT16),
    _total("ascent_m", 22, BaseType.UINT16),
    _total("descent_m", 23, BaseType.UINT16),
    _total("normalized_power_w", 34, BaseType.UINT16),
    _total("active_lengths", 47, BaseType.UINT16),
    _total("work_j", 48, BaseType.UINT32),
    _total("avg_temperature_degc", 57, BaseType.SINT8),
    _total("max_temperature_degc", 58, BaseType.SINT8),
    _total("avg_speed_mps", 124, BaseType.UINT32, 1000),
    _total("max_speed_mps", 125, BaseType.UINT32, 1000),
    _total("min_altitude_m", 127, BaseType.UINT32, 5, 500),
    _total("max_altitude_m", 128, BaseType.UINT32, 5, 500),
)

LAP_TOTALS = _by_name(
    _total("calories_kcal", 11, BaseType.UINT16),
    _total("avg_heart_rate_bpm", 15, BaseType.UINT8),
    _total("max_heart_rate_bpm", 16, BaseType.UINT8),
    _total("avg_cadence_rpm", 17, BaseType.UINT8),
    _total("max_cadence_rpm", 18, BaseType.UINT8),
    _total("avg_power_w", 19, BaseType.UINT16),
    _total("max_power_w", 20, BaseType.UINT16),
    _total("ascent_m", 21, BaseType.UINT16),
    _total("descent_m", 22, BaseType.UINT16),
    _total("normalized_power_w", 33, BaseType.UINT16),
    _total("active_lengths", 40, BaseType.UINT16),
    _total("work_j", 41, BaseType.UINT32),
    _total("avg_temperature_degc", 50, BaseType.SINT8),
    _total("avg_speed_mps", 110, BaseType.UINT32, 1000),
    _total("max_speed_mps", 111, BaseType.UINT32, 1000),
)
