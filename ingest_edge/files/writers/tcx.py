"""An activity as a TCX training centre database (Garmin, version 2) with the activity extension."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ingest_edge.files.activity import Activity, DeviceIdentity, LapPart, SampleTable, SessionPart
from ingest_edge.files.writers.errors import UnsuitableFormat
from ingest_edge.files.writers.points import (
    CHANNELS_NAMESPACE,
    Cells,
    between_pauses,
    extras,
    optional_integers,
    optional_texts,
    positioned,
    record_of,
    taken,
)
from ingest_edge.files.writers.text_csv import iso_time
from ingest_edge.files.writers.xml_text import element, xml_text

_POINTS_PER_BLOCK = 2048
_LARGEST_BYTE = 254
_LARGEST_SHORT = 65_535
_PLACED = frozenset(
    {"latitude", "longitude", "altitude", "distance", "heart_rate", "cadence", "speed", "power"}
)

_SPORTS = {"SPORT_RUNNING": "Running", "SPORT_CYCLING": "Biking", "SPORT_E_BIKING": "Biking"}
_TRIGGERS = {"time": "Time", "distance": "Distance", "position_lap": "Location"}

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<TrainingCenterDatabase"
    ' xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"'
    ' xmlns:ns3="http://www.garmin.com/xmlschemas/ActivityExtension/v2"'
    f" {CHANNELS_NAMESPACE}"
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:schemaLocation="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2'
    ' http://www.garmin.com/xmlschemas/TrainingCenterDatabasev2.xsd">\n'
    " <Activities>\n"
)


def check_tcx(activity: Activity) -> None:
    """Raises `UnsuitableFormat` where there is neither a sample nor a lap: TCX demands a lap."""
    if not len(record_of(activity)) and not activity.laps:
        raise UnsuitableFormat(
            "TCX",
            "laps",
            "TCX is made of laps and track points, and this workout has neither",
            "export it as FIT",
        )


def write_tcx(activity: Activity, *, notes: str = "") -> Iterator[bytes]:
    """The file, block by block: an activity a session, its laps, a track for each stretch between pauses.

    Speed, power and the cadence of runners are in Garmin's activity extension, every channel that has no
    place in either in an element of its own name. Raises `UnsuitableFormat` at
    the first block.
    """
    check_tcx(activity)
    yield _HEAD.encode()
    sessions = _sessions(activity)
    edges = _edges(record_of(activity), [session.start_ms for session in sessions])
    for index, session in enumerate(sessions):
        rows = taken(record_of(activity), np.arange(edges[index], edges[index + 1]))
        yield from _activity(activity, session, _laps_of(activity, sessions, index), rows)
        yield from _closing(activity.device, notes if index == 0 else "")
    yield b" </Activities>\n</TrainingCenterDatabase>\n"


def _sessions(activity: Activity) -> Sequence[SessionPart]:
    if activity.sessions:
        return activity.sessions
    table = record_of(activity)
    end_ms = int(table.time_ms[-1]) if len(table) else activity.laps[-1].end_ms
    seconds = (end_ms - activity.start_time_ms) / 1000
    whole = SessionPart(
        "SPORT_UNSPECIFIED",
        "SUB_SPORT_UNSPECIFIED",
        activity.start_time_ms,
        end_ms,
        seconds,
        seconds,
        derived=True,
    )
    return (whole,)


def _activity(
    activity: Activity, session: SessionPart, laps: Sequence[LapPart], rows: SampleTable
) -> Iterator[bytes]:
    sport = _SPORTS.get(session.sport, "Other")
    yield f'  <Activity Sport="{sport}">\n   {element("Id", iso_time(session.start_ms))}\n'.encode()
    edges = _edges(rows, [lap.start_ms for lap in laps])
    for lap, first, last in zip(laps, edges[:-1], edges[1:], strict=True):
        yield _lap_head(lap).encode()
        yield from _tracks(activity, taken(rows, np.arange(first, last)), sport)
        yield b"   </Lap>\n"


def _closing(device: DeviceIdentity, notes: str) -> Iterator[bytes]:
    if notes:
        yield f"   {element('Notes', notes)}\n".encode()
    yield (_creator(device) + "  </Activity>\n").encode()


def _laps_of(activity: Activity, sessions: Sequence[SessionPart], index: int) -> list[LapPart]:
    """The laps that begin in a session (those before the first in the first); the session where none does."""
    session = sessions[index]
    after = sessions[index + 1].start_ms if index + 1 < len(sessions) else None
    laps = [
        lap
        for lap in activity.laps
        if (index == 0 or lap.start_ms >= session.start_ms) and (after is None or lap.start_ms < after)
    ]
    if laps:
        return laps
    return [
        LapPart(
            session.start_ms,
            session.end_ms,
            session.elapsed_s,
            session.timer_s,
            session.distance_m,
            "session_end",
            session.reported,
        )
    ]


def _edges(rows: SampleTable, starts_ms: Sequence[int]) -> list[int]:
    """The first row of each part, and the row after the last: every row is in one, whatever the parts say."""
    inner = np.searchsorted(rows.time_ms, starts_ms[1:])
    return [0, *np.maximum.accumulate(inner).tolist(), len(rows)]


def _lap_head(lap: LapPart) -> str:
    reported = lap.reported
    lines = [
        f'   <Lap StartTime="{iso_time(lap.start_ms)}">\n',
        f"    {element('TotalTimeSeconds', f'{lap.timer_s:.3f}')}\n",
        f"    {element('DistanceMeters', f'{lap.distance_m or 0:.2f}')}\n",
    ]
    if "max_speed_mps" in reported:
        lines.append(f"    {element('MaximumSpeed', format(reported['max_speed_mps'], '.3f'))}\n")
    lines.append(f"    {element('Calories', str(_short(reported.get('calories_kcal', 0))))}\n")
    for name, total in (
        ("AverageHeartRateBpm", "avg_heart_rate_bpm"),
        ("MaximumHeartRateBpm", "max_heart_rate_bpm"),
    ):
        if total in reported and 1 <= round(reported[total]) <= _LARGEST_BYTE:
            lines.append(f"    <{name}><Value>{round(reported[total])}</Value></{name}>\n")
    lines.append("    <Intensity>Active</Intensity>\n")
    lines.append(f"    {element('TriggerMethod', _TRIGGERS.get(lap.trigger or '', 'Manual'))}\n")
    return "".join(lines)


def _short(value: float) -> int:
    return min(max(round(value), 0), _LARGEST_SHORT)


def _tracks(activity: Activity, table: SampleTable, sport: str) -> Iterator[bytes]:
    if not len(table):
        return
    for stretch in between_pauses(activity, table.time_ms):
        yield b"    <Track>\n"
        for first in range(stretch.start, stretch.stop, _POINTS_PER_BLOCK):
            rows = np.arange(first, min(first + _POINTS_PER_BLOCK, stretch.stop))
            yield "".join(_points(taken(table, rows), sport)).encode()
        yield b"    </Track>\n"


def _points(table: SampleTable, sport: str) -> Iterator[str]:
    cadence = optional_integers(table, "cadence", 10, _LARGEST_BYTE)
    none: Cells = [None] * len(table)
    runs = sport == "Running"
    columns: list[Cells] = [
        _positions(table),
        optional_texts(table, "altitude"),
        optional_texts(table, "distance"),
        _at_least_one(optional_integers(table, "heart_rate", 1, _LARGEST_BYTE)),
        none if runs else cadence,
        optional_texts(table, "speed"),
        cadence if runs else none,
        optional_integers(table, "power", 1, _LARGEST_SHORT),
    ]
    others = extras(table, _PLACED)
    for time_ms, other, position, altitude, distance, rate, turns, *extension in zip(
        table.time_ms.tolist(), others, *columns, strict=True
    ):
        yield (
            f"     <Trackpoint><Time>{iso_time(time_ms)}</Time>{position or ''}"
            f"{_maybe('AltitudeMeters', altitude)}{_maybe('DistanceMeters', distance)}"
            f"{'' if rate is None else f'<HeartRateBpm><Value>{rate}</Value></HeartRateBpm>'}"
            f"{_maybe('Cadence', turns)}{_extensions(extension, other)}</Trackpoint>\n"
        )


def _positions(table: SampleTable) -> Cells:
    latitudes, longitudes = optional_texts(table, "latitude"), optional_texts(table, "longitude")
    return [
        f"<Position><LatitudeDegrees>{latitude}</LatitudeDegrees>"
        f"<LongitudeDegrees>{longitude}</LongitudeDegrees></Position>"
        if there
        else None
        for latitude, longitude, there in zip(latitudes, longitudes, positioned(table).tolist(), strict=True)
    ]


def _at_least_one(cells: Cells) -> Cells:
    """TCX has no heart rate of 0."""
    return [None if cell == "0" else cell for cell in cells]


def _maybe(name: str, text: str | None) -> str:
    return "" if text is None else f"<{name}>{text}</{name}>"


def _extensions(extension: Cells, other: str) -> str:
    names = ("ns3:Speed", "ns3:RunCadence", "ns3:Watts")
    inner = "".join(_maybe(name, text) for name, text in zip(names, extension, strict=True))
    if not inner and not other:
        return ""
    garmin = f"<ns3:TPX>{inner}</ns3:TPX>" if inner else ""
    return f"<Extensions>{garmin}{other}</Extensions>"


def _creator(device: DeviceIdentity) -> str:
    name = xml_text(device.name or device.product or "Pulsemesh")
    return (
        f'   <Creator xsi:type="Device_t"><Name>{name}</Name>'
        f"<UnitId>{min(device.serial or 0, 0xFFFF_FFFF)}</UnitId><ProductID>0</ProductID>"
        "<Version><VersionMajor>0</VersionMajor><VersionMinor>0</VersionMinor></Version></Creator>\n"
    )
