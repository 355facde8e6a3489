"""GPX and TCX in FIT's terms: the nearest field, its unit, and FIT's way to write times and positions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ingest_edge.files.activity import Activity, DeviceIdentity, LapPart, SampleTable, SessionPart
from ingest_edge.files.channels import SCALES, UNITS
from ingest_edge.files.fit_encoder.codes import LAP_TRIGGERS, sport_codes
from ingest_edge.files.fit_profile import UNIX_TIME_OF_FIT_EPOCH_S
from ingest_edge.files.inspection.contents import (
    TIMER_EVENT,
    TIMER_START,
    FileContents,
    RecordColumn,
    message_key,
)

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "latitude": ("position_lat",),
    "longitude": ("position_long",),
    "altitude": ("altitude", "enhanced_altitude"),
    "speed": ("speed", "enhanced_speed"),
    "work": ("accumulated_power",),
    "energy": ("calories",),
    "ground_contact_time": ("stance_time",),
    "hemoglobin_saturation": ("saturated_hemoglobin_percent",),
    "hemoglobin_concentration": ("total_hemoglobin_conc",),
}
"""The record fields of a channel, where they are not called as it is."""

_POSITIONS = ("latitude", "longitude")
_JOULES_PER_KJ = 1000
_STOP_ALL = 4

_TOTALS = {
    "calories_kcal": "total_calories",
    "avg_speed_mps": "avg_speed",
    "max_speed_mps": "max_speed",
    "avg_heart_rate_bpm": "avg_heart_rate",
    "max_heart_rate_bpm": "max_heart_rate",
    "avg_cadence_rpm": "avg_cadence",
    "max_cadence_rpm": "max_cadence",
    "avg_power_w": "avg_power",
    "max_power_w": "max_power",
    "intensity": "intensity",
    "steps": "total_cycles",
}


def track_contents(activity: Activity, file_format: str) -> FileContents:
    """The contents of a decoded GPX or TCX file; `file_format` is its name."""
    table = activity.table("record")
    sessions = [_session(part) for part in activity.sessions]
    laps = [_lap(part) for part in activity.laps]
    events = [
        {
            "timestamp": _fit_time(marker.time_ms),
            "event": TIMER_EVENT,
            "event_type": _EVENT_TYPES[marker.kind],
        }
        for marker in activity.markers
        if marker.kind in _EVENT_TYPES
    ]
    summaries = {
        "session": sessions,
        "lap": laps,
        "event": events,
        "device_info": [dict(_device(activity.device))],
    }
    present = {message_key(kind): found for kind, found in summaries.items() if found and any(found)}
    counts = {key: len(found) for key, found in present.items()}
    return FileContents(
        kind=f"{file_format.upper()} activity",
        records=0 if table is None else len(table),
        columns={} if table is None else _columns(table),
        messages=counts if table is None else {"record_mesgs": len(table), **counts},
        summaries=present,
        losses=activity.losses,
    )


_EVENT_TYPES = {"pause": _STOP_ALL, "resume": TIMER_START}


def _fit_time(time_ms: int) -> float:
    """FIT seconds; a whole number where the file's time is one."""
    seconds, rest = divmod(time_ms - UNIX_TIME_OF_FIT_EPOCH_S * 1000, 1000)
    return seconds + rest / 1000 if rest else seconds


def _columns(table: SampleTable) -> dict[str, RecordColumn]:
    ticks = table.time_ms - UNIX_TIME_OF_FIT_EPOCH_S * 1000
    whole = not (ticks % 1000).any()
    columns = {
        "timestamp": RecordColumn(ticks // 1000 if whole else ticks / 1000, np.arange(len(table)), "s")
    }
    for channel, integers in table.columns.items():
        valid = table.validity[channel]
        rows = np.arange(len(table)) if valid is None else np.flatnonzero(valid)
        values, unit = _values(channel, integers[rows])
        for name in _FIELDS.get(channel, (channel,)):
            columns[name] = RecordColumn(values, rows, unit)
    return columns


def _values(channel: str, integers: Any) -> tuple[Any, str]:
    if channel in _POSITIONS:
        return integers.astype(np.int64), "semicircles"
    if channel == "work":
        return integers / SCALES[channel] * _JOULES_PER_KJ, "watts"
    if SCALES[channel] == 1:
        return integers.astype(np.int64), UNITS[channel]
    return integers / SCALES[channel], UNITS[channel]


def _session(part: SessionPart) -> dict[str, Any]:
    sport, sub_sport = sport_codes(part.sport, part.sub_sport)
    return {
        **_span(part),
        **({} if sport is None else {"sport": sport, "sub_sport": sub_sport}),
        **_totals(part.reported),
    }


def _lap(part: LapPart) -> dict[str, Any]:
    trigger = LAP_TRIGGERS.get(part.trigger or "")
    return {
        **_span(part),
        **({} if trigger is None else {"lap_trigger": trigger}),
        **_totals(part.reported),
    }


def _span(part: SessionPart | LapPart) -> dict[str, Any]:
    return {
        "timestamp": _fit_time(part.end_ms),
        "start_time": _fit_time(part.start_ms),
        "total_elapsed_time": part.elapsed_s,
        "total_timer_time": part.timer_s,
        **({} if part.distance_m is None else {"total_distance": part.distance_m}),
    }


def _totals(reported: Mapping[str, float]) -> dict[str, float]:
    return {_TOTALS[name]: value for name, value in reported.items() if name in _TOTALS}


def _device(device: DeviceIdentity) -> Iterator[tuple[str, Any]]:
    if device.name:
        yield "product_name", device.name
    if device.product:
        yield "product", device.product
    if device.serial is not None:
        yield "serial_number", device.serial
