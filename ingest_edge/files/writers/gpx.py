"""An activity as GPX 1.1 (Topografix) with Garmin's track point extension, version 1."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ingest_edge.files.activity import Activity, SampleTable
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
_PLACED = frozenset({"latitude", "longitude", "altitude", "power", "temperature", "heart_rate", "cadence"})

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<gpx version="1.1" creator="{creator}" xmlns="http://www.topografix.com/GPX/1/1"'
    ' xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v1"'
    f" {CHANNELS_NAMESPACE}"
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:schemaLocation="http://www.topografix.com/GPX/1/1 http://www.topografix.com/GPX/1/1/gpx.xsd'
    " http://www.garmin.com/xmlschemas/TrackPointExtension/v1"
    ' http://www.garmin.com/xmlschemas/TrackPointExtensionv1.xsd">\n'
)


def check_gpx(activity: Activity) -> None:
    """Raises `UnsuitableFormat` where the activity has no position: GPX is about places."""
    if not positioned(record_of(activity)).any():
        raise UnsuitableFormat(
            "GPX",
            "latitude",
            "GPX carries positions only, and this workout has none",
            "export it as FIT, TCX or CSV",
        )


def write_gpx(activity: Activity, *, title: str = "", notes: str = "") -> Iterator[bytes]:
    """The file, block by block: one track, a segment for each stretch between pauses.

    Heart rate, cadence and temperature are in the track point extension, power in `power` beside it, as most
    programs read it, and every other channel in an element of its own name. Rows without a position are left
    out. Raises `UnsuitableFormat` at the first block.
    """
    check_gpx(activity)
    record = record_of(activity)
    table = taken(record, np.flatnonzero(positioned(record)))
    yield _opening(activity, table, title, notes).encode()
    for stretch in between_pauses(activity, table.time_ms):
        yield b"  <trkseg>\n"
        for first in range(stretch.start, stretch.stop, _POINTS_PER_BLOCK):
            rows = np.arange(first, min(first + _POINTS_PER_BLOCK, stretch.stop))
            yield "".join(_points(taken(table, rows))).encode()
        yield b"  </trkseg>\n"
    yield b" </trk>\n</gpx>\n"


def _opening(activity: Activity, table: SampleTable, title: str, notes: str) -> str:
    sport = activity.sessions[0].sport.removeprefix("SPORT_").lower() if activity.sessions else ""
    lines = [_HEAD.format(creator=xml_text(activity.device.name or "Pulsemesh"))]
    lines.append(f" <metadata>{element('time', iso_time(int(table.time_ms[0])))}</metadata>\n <trk>\n")
    if title:
        lines.append(f"  {element('name', title)}\n")
    if notes:
        lines.append(f"  {element('desc', notes)}\n")
    if sport and sport != "unspecified":
        lines.append(f"  {element('type', sport)}\n")
    return "".join(lines)


def _points(table: SampleTable) -> Iterator[str]:
    columns: list[Cells] = [
        optional_texts(table, "latitude"),
        optional_texts(table, "longitude"),
        optional_texts(table, "altitude"),
        optional_integers(table, "power", 1, 65_535),
        optional_texts(table, "temperature"),
        optional_integers(table, "heart_rate", 1, _LARGEST_BYTE),
        optional_integers(table, "cadence", 10, _LARGEST_BYTE),
    ]
    others = extras(table, _PLACED)
    for time_ms, other, latitude, longitude, altitude, power, *extension in zip(
        table.time_ms.tolist(), others, *columns, strict=True
    ):
        elevation = f"<ele>{altitude}</ele>" if altitude is not None else ""
        more = _extensions(power, extension, other)
        yield (
            f'   <trkpt lat="{latitude}" lon="{longitude}">{elevation}<time>{iso_time(time_ms)}</time>'
            f"{more}</trkpt>\n"
        )


def _extensions(power: str | None, extension: Cells, other: str) -> str:
    names = ("gpxtpx:atemp", "gpxtpx:hr", "gpxtpx:cad")
    inner = "".join(
        f"<{name}>{text}</{name}>" for name, text in zip(names, extension, strict=True) if text is not None
    )
    if power is None and not inner and not other:
        return ""
    watts = "" if power is None else f"<power>{power}</power>"
    points = f"<gpxtpx:TrackPointExtension>{inner}</gpxtpx:TrackPointExtension>" if inner else ""
    return f"<extensions>{watts}{points}{other}</extensions>"
