"""The part of the FIT profile that an activity needs, as numbers, and what it becomes in our terms.

Numbers, scales and offsets are those of the public FIT profile (Garmin, SDK 21). A FIT integer means
integer / scale − offset.
"""

from __future__ import annotations

from dataclasses import dataclass

from ingest_edge.files.channels import SCALES, UNITS

TIMESTAMP = 253
"""The field number of a message's own time, the same in every message."""

UNIX_TIME_OF_FIT_EPOCH_S = 631_065_600
"""1989-12-31T00:00:00Z, from which FIT counts seconds."""

FIRST_ABSOLUTE_TIMESTAMP = 0x1000_0000
"""Smaller values count seconds since the device was switched on."""


class MessageNumber:
    """Global numbers of the messages that are read."""

    FILE_ID = 0
    SPORT = 12
    SESSION = 18
    LAP = 19
    RECORD = 20
    EVENT = 21
    DEVICE_INFO = 23
    ACTIVITY = 34
    HRV = 78
    LENGTH = 101
    HR = 132
    TIMESTAMP_CORRELATION = 162
    FIELD_DESCRIPTION = 206


ACTIVITY_FILE_TYPE = 4

FILE_KINDS: dict[int, str] = {
    1: "device",
    2: "settings",
    3: "sport settings",
    4: "activity",
    5: "workout plan",
    6: "course",
    7: "schedule",
    9: "weight",
    10: "totals",
    11: "goals",
    14: "blood pressure",
    15: "monitoring",
    20: "activity summary",
    28: "daily monitoring",
    32: "monitoring",
    34: "segment",
    35: "segment list",
}


@dataclass(frozen=True, slots=True)
class ChannelSource:
    """A field of the record message that fills a channel: channel integer = FIT integer × factor + shift."""

    field_number: int
    channel: str
    factor: float
    shift: float


def _source(field_number: int, channel: str, fit_scale: float = 1, fit_offset: float = 0) -> ChannelSource:
    scale = SCALES[channel]
    return ChannelSource(field_number, channel, scale / fit_scale, -fit_offset * scale)


_FIRST_APP_FIELD = 256

APP_FIELDS: dict[tuple[str, str], int] = {
    (channel, UNITS[channel]): _FIRST_APP_FIELD + index
    for index, channel in enumerate(
        ("torque", "wheel_revolutions", "crank_revolutions", "battery", "strokes")
    )
}
"""Channels that FIT has no field for, by name and unit, under field numbers that no file can have.

Our encoder writes them as developer fields of that name and unit, and whoever else does means the same.
"""

RECORD_SOURCES: tuple[ChannelSource, ...] = (
    ChannelSource(0, "latitude", 1, 0),
    ChannelSource(1, "longitude", 1, 0),
    _source(2, "altitude", 5, 500),
    _source(78, "altitude", 5, 500),
    _source(3, "heart_rate"),
    _source(4, "cadence"),
    _source(5, "distance", 100),
    _source(6, "speed", 1000),
    _source(73, "speed", 1000),
    _source(7, "power"),
    _source(9, "grade", 100),
    _source(10, "resistance"),
    _source(13, "temperature"),
    # Accumulated power is the sum of one-second powers: joules.
    _source(29, "work", 1000),
    _source(33, "energy"),
    _source(39, "vertical_oscillation", 10),
    _source(41, "ground_contact_time", 10),
    _source(43, "left_torque_effectiveness", 2),
    _source(44, "right_torque_effectiveness", 2),
    _source(45, "left_pedal_smoothness", 2),
    _source(46, "right_pedal_smoothness", 2),
    _source(54, "hemoglobin_concentration", 100),
    _source(57, "hemoglobin_saturation", 10),
    # FIT's step is half of a stride, in mm; a stride is what cadence counts: speed = cadence × stride.
    ChannelSource(85, "stride_length", SCALES["stride_length"] * 2 / 10 / 1000, 0),
    _source(99, "respiration_rate"),
    _source(108, "respiration_rate", 100),
    _source(139, "core_temperature", 100),
    *(_source(number, channel) for (channel, _), number in APP_FIELDS.items()),
)
"""Where two fields fill one channel the later entry wins, value by value: it is the finer one."""

FRACTIONAL_CADENCE = 53
LEFT_RIGHT_BALANCE = 30
COMPRESSED_SPEED_DISTANCE = 8
SPEED = 6
DISTANCE = 5

RECORD_FIELDS = frozenset(
    {source.field_number for source in RECORD_SOURCES} | {FRACTIONAL_CADENCE, LEFT_RIGHT_BALANCE}
)

NATIVE_OVERRIDES = frozenset({3, 4, 7})
"""Record fields that a developer field may stand in for (heart rate, cadence, power): same unit, scale 1."""


@dataclass(frozen=True, slots=True)
class TotalField:
    """A total that a device reports: value = integer / scale − offset."""

    name: str
    scale: float = 1
    offset: float = 0


SESSION_TOTALS: dict[int, TotalField] = {
    11: TotalField("calories_kcal"),
    14: TotalField("avg_speed_mps", 1000),
    15: TotalField("max_speed_mps", 1000),
    16: TotalField("avg_heart_rate_bpm"),
    17: TotalField("max_heart_rate_bpm"),
    64: TotalField("min_heart_rate_bpm"),
    18: TotalField("avg_cadence_rpm"),
    19: TotalField("max_cadence_rpm"),
    20: TotalField("avg_power_w"),
    21: TotalField("max_power_w"),
    34: TotalField("normalized_power_w"),
    45: TotalField("threshold_power_w"),
    48: TotalField("work_j"),
    35: TotalField("training_stress_score", 10),
    36: TotalField("intensity_factor", 1000),
    24: TotalField("aerobic_training_effect", 10),
    137: TotalField("anaerobic_training_effect", 10),
    22: TotalField("ascent_m"),
    23: TotalField("descent_m"),
    49: TotalField("avg_altitude_m", 5, 500),
    50: TotalField("max_altitude_m", 5, 500),
    71: TotalField("min_altitude_m", 5, 500),
    57: TotalField("avg_temperature_degc"),
    58: TotalField("max_temperature_degc"),
    59: TotalField("moving_time_s", 1000),
    47: TotalField("active_lengths"),
    10: TotalField("cycles"),
    124: TotalField("avg_speed_mps", 1000),
    125: TotalField("max_speed_mps", 1000),
    126: TotalField("avg_altitude_m", 5, 500),
    127: TotalField("min_altitude_m", 5, 500),
    128: TotalField("max_altitude_m", 5, 500),
}
"""By field number of the session message; a later entry of the same name wins where both are present."""

LAP_TOTALS: dict[int, TotalField] = {
    10: TotalField("cycles"),
    11: TotalField("calories_kcal"),
    13: TotalField("avg_speed_mps", 1000),
    14: TotalField("max_speed_mps", 1000),
    15: TotalField("avg_heart_rate_bpm"),
    16: TotalField("max_heart_rate_bpm"),
    63: TotalField("min_heart_rate_bpm"),
    17: TotalField("avg_cadence_rpm"),
    18: TotalField("max_cadence_rpm"),
    19: TotalField("avg_power_w"),
    20: TotalField("max_power_w"),
    33: TotalField("normalized_power_w"),
    41: TotalField("work_j"),
    21: TotalField("ascent_m"),
    22: TotalField("descent_m"),
    50: TotalField("avg_temperature_degc"),
    52: TotalField("moving_time_s", 1000),
    40: TotalField("active_lengths"),
    110: TotalField("avg_speed_mps", 1000),
    111: TotalField("max_speed_mps", 1000),
}

LAP_TRIGGERS: dict[int, str] = {
    0: "manual",
    1: "time",
    2: "distance",
    3: "position_start",
    4: "position_lap",
    5: "position_waypoint",
    6: "position_marked",
    7: "session_end",
    8: "fitness_equipment",
}

SWIM_STROKES: dict[int, str] = {
    0: "freestyle",
    1: "backstroke",
    2: "breaststroke",
    3: "butterfly",
    4: "drill",
    5: "mixed",
    6: "im",
    7: "im_by_round",
    8: "rimo",
}
