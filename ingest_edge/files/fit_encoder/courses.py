"""A course to follow, as a FIT file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import SampleTable
from ingest_edge.files.fit_encoder.clock import fit_seconds, fit_seconds_array
from ingest_edge.files.fit_encoder.codes import sport_codes
from ingest_edge.files.fit_encoder.named import NamedWriter

COURSE_POINT_TYPES = {
    "generic": 0,
    "summit": 1,
    "valley": 2,
    "water": 3,
    "food": 4,
    "danger": 5,
    "left": 6,
    "right": 7,
    "straight": 8,
    "first_aid": 9,
}
"""What a point can be; FIT knows more, these are what every device shows."""

_COURSE_FILE = 6
_DEVELOPMENT = 255
_MAX_NAME = 64
_TIMER, _START, _STOP_DISABLE_ALL = 0, 0, 9
_FIELDS = {
    "latitude": ("position_lat", 1),
    "longitude": ("position_long", 1),
    "altitude": ("enhanced_altitude", 10),
    "distance": ("distance", 100),
    "speed": ("enhanced_speed", 1000),
}


@dataclass(frozen=True, slots=True)
class CoursePoint:
    """A place on the way that the device announces.

    Positions are in semicircles; for `kind` see COURSE_POINT_TYPES.
    """

    time_ms: int
    latitude: int
    longitude: int
    distance_m: float
    kind: str
    name: str = ""


@dataclass(frozen=True)
class Course:
    """A course: its way with the times of whoever paces it (`latitude` and `longitude` in every row)."""

    name: str
    sport: str
    way: SampleTable
    points: Sequence[CoursePoint] = ()


def write_course(course: Course) -> bytes:
    """The FIT file of a course. Raises ValueError for a way without positions and for unknown kinds."""
    way = course.way
    if not len(way) or {"latitude", "longitude"} - way.columns.keys():
        raise ValueError("a course needs a way with latitude and longitude")
    writer = NamedWriter()
    start, end = fit_seconds(int(way.time_ms[0])), fit_seconds(int(way.time_ms[-1]))
    sport, _ = sport_codes(course.sport, "SUB_SPORT_UNSPECIFIED")
    writer.message(
        "file_id",
        {"type": _COURSE_FILE, "manufacturer": _DEVELOPMENT, "product": 1, "time_created": start},
    )
    writer.message("course", {"name": _clipped(course.name), "sport": sport})
    writer.message("lap", _lap(course, start, end))
    writer.message("event", {"timestamp": start, "event": _TIMER, "event_type": _START})
    _write_way(writer, way)
    for index, point in enumerate(course.points):
        if point.kind not in COURSE_POINT_TYPES:
            raise ValueError(f"no such kind of course point: {point.kind}")
        writer.message(
            "course_point",
            {
                "message_index": index,
                "timestamp": fit_seconds(point.time_ms),
                "position_lat": point.latitude,
                "position_long": point.longitude,
                "distance": point.distance_m,
                "type": COURSE_POINT_TYPES[point.kind],
                "name": _clipped(point.name) or None,
            },
        )
    writer.message("event", {"timestamp": end, "event": _TIMER, "event_type": _STOP_DISABLE_ALL})
    return writer.to_bytes()


def _lap(course: Course, start: int, end: int) -> dict[str, int | float | None]:
    way = course.way
    distance = way.columns.get("distance")
    return {
        "timestamp": end,
        "start_time": start,
        "start_position_lat": int(way.columns["latitude"][0]),
        "start_position_long": int(way.columns["longitude"][0]),
        "end_position_lat": int(way.columns["latitude"][-1]),
        "end_position_long": int(way.columns["longitude"][-1]),
        "total_elapsed_time": end - start,
        "total_timer_time": end - start,
        "total_distance": None if distance is None else int(distance[-1]) / 100,
    }


def _write_way(writer: NamedWriter, way: SampleTable) -> None:
    columns: dict[str, npt.NDArray[Any]] = {"timestamp": fit_seconds_array(way.time_ms)}
    validity: dict[str, npt.NDArray[np.bool_] | None] = {}
    for channel, (name, scale) in _FIELDS.items():
        if channel in way.columns:
            integers = way.columns[channel]
            columns[name] = integers if scale == 1 else integers / scale
            validity[name] = way.validity[channel]
    writer.columns("record", columns, validity)


def _clipped(name: str) -> str:
    return name.encode()[:_MAX_NAME].decode(errors="ignore")
