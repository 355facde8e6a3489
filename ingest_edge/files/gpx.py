"""GPX 1.0 and 1.1: tracks with times are activities; routes, waypoints and tracks without times are not.

A track is a session, a track segment a stretch in which the clock ran. Of the extensions those are read
that hold what a sensor measured: Garmin's TrackPointExtension 1 and 2 and PowerExtension, Cluetrust's gpxdata
(with its laps), and elements of anyone's that bear a channel's name; namespaces are not looked at, since
writers disagree about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ingest_edge.files.activity import Activity, DeviceIdentity, LapPart, Loss, Marker, SessionPart
from ingest_edge.files.channels import SCALES
from ingest_edge.files.decoder import FILE_SIZE_LIMIT, NotAnActivity, UnreadableFile, read_source
from ingest_edge.files.track_points import TIME, PointColumns
from ingest_edge.files.track_segments import Segments, SegmentSpans, pauses
from ingest_edge.files.track_sports import sport_of_word
from ingest_edge.files.track_table import PlacedPoints, placed_points
from ingest_edge.files.track_values import number_or_none, time_ms_or_none
from ingest_edge.files.xml_points import PointWalk
from ingest_edge.files.xml_root import read_root, with_sound_octets

_TEXT_LIMIT = 256
_MAX_TRACKS = 1_000
_MAX_LAPS = 10_000
_LONGEST_LAP_S = 1e8


@dataclass(frozen=True, slots=True)
class GpxDecoder:
    """Decodes GPX activities. Synchronous and busy: keep it off the event loop."""

    size_limit: int = FILE_SIZE_LIMIT

    @property
    def name(self) -> str:
        """`gpx`."""
        return "gpx"

    def decode(self, source: Path | bytes) -> Activity:
        """See `Decoder.decode`."""
        return read_gpx(read_source(source, self.size_limit))


@dataclass
class _Track:
    name: str | None = None
    type: str | None = None


@dataclass
class _Lap:
    trigger: str | None = None
    texts: dict[str, str] = field(default_factory=dict)


class _GpxVisitor:
    """Notes what stands around the points."""

    def __init__(self, columns: PointColumns) -> None:
        self._columns = columns
        self._open: list[str] = []
        self._lap: _Lap | None = None
        self.segments = Segments()
        self.tracks: list[_Track] = []
        self.laps: list[_Lap] = []
        self.losses: list[Loss] = []
        self.routes = 0
        self.waypoints = 0

    def opened(self, name: str, attributes: Mapping[str, str]) -> None:
        self._open.append(name)
        if name == "trk":
            self._open_track()
        elif name == "trkseg" and self.tracks:
            self.segments.open(len(self._columns), len(self.tracks) - 1)
        elif name == "rte":
            self.routes += 1
        elif name == "wpt":
            self.waypoints += 1
        elif name == "lap":
            self._lap = _Lap()
        elif name == "trigger" and self._lap is not None:
            self._lap.trigger = attributes.get("kind", "")[:_TEXT_LIMIT].lower()

    def _open_track(self) -> None:
        # A file of empty tracks must not become larger than itself.
        if len(self.tracks) < _MAX_TRACKS:
            self.tracks.append(_Track())
        elif len(self.tracks) == _MAX_TRACKS and not self.losses:
            self.losses.append(Loss(None, f"more than {_MAX_TRACKS} tracks: the others are taken as one"))

    def closed(self, name: str, text: str) -> None:
        self._open.pop()
        parent = self._open[-1] if self._open else ""
        if parent == "trk" and self.tracks:
            track = self.tracks[-1]
            if name == "type":
                track.type = text.strip()[:_TEXT_LIMIT]
            elif name == "name":
                track.name = text.strip()[:_TEXT_LIMIT]
        elif name == "lap" and self._lap is not None:
            if len(self.laps) < _MAX_LAPS:
                self.laps.append(self._lap)
            self._lap = None
        elif parent == "lap" and self._lap is not None:
            self._lap.texts.setdefault(name, text[:_TEXT_LIMIT])


def read_gpx(content: bytes, *, with_runs: bool = True) -> Activity:
    """The activity in a GPX file.

    `with_runs` off walks every element by itself, slower and to the same end: for tests.
    Raises `UnreadableFile`, or `NotAnActivity` for routes, waypoints, and tracks without a single time.
    """
    content, wrong = with_sound_octets(content)
    root = read_root(content)
    if root.name != "gpx":
        raise UnreadableFile(f"no GPX file: its root is {root.name[:64]!r}")
    columns = PointColumns()
    visitor = _GpxVisitor(columns)
    damage = PointWalk(content, "trkpt", visitor, columns, with_runs=with_runs).walk()
    losses = [*(loss for loss in (wrong, damage) if loss), *visitor.losses]
    points = placed_points(columns, losses, visitor.segments.wanted(len(columns)))
    if points is None:
        raise _why_none(columns, visitor, damage)
    spans = visitor.segments.spans(points.time_ms)
    laps = tuple(sorted(filter(None, map(_lap_part, visitor.laps)), key=lambda lap: lap.start_ms))
    markers = pauses(spans) + [Marker("lap", lap.start_ms) for lap in laps[1:]]
    sessions = _sessions(visitor.tracks, spans, points)
    return Activity(
        file_kind="activity",
        device=DeviceIdentity(name=root.attributes.get("creator", "").strip()[:_TEXT_LIMIT] or None),
        start_time_ms=sessions[0].start_ms,
        sessions=sessions,
        laps=laps,
        lengths=(),
        markers=tuple(sorted(markers, key=lambda marker: marker.time_ms)),
        tables=(points.table,),
        losses=tuple(losses),
    )


def _why_none(columns: PointColumns, visitor: _GpxVisitor, damage: Loss | None) -> UnreadableFile:
    if damage is not None:
        return UnreadableFile(f"nothing whole remains: {damage.reason}", damage.offset)
    if TIME in columns.garbage():
        return UnreadableFile("a track of which no time can be read")
    if len(columns):
        return NotAnActivity("track without times")
    if visitor.routes:
        return NotAnActivity("route")
    if visitor.waypoints:
        return NotAnActivity("waypoint")
    return UnreadableFile("a GPX file without a single point")


def _sessions(tracks: list[_Track], spans: SegmentSpans, points: PlacedPoints) -> tuple[SessionPart, ...]:
    parts: list[SessionPart] = []
    for index in sorted(set(spans.session.tolist())):
        bounds = spans.bounds(index)
        if bounds is None:
            continue
        sport, sub_sport = sport_of_word(tracks[index].type)
        parts.append(
            SessionPart(
                sport=sport,
                sub_sport=sub_sport,
                start_ms=bounds[0],
                end_ms=bounds[1],
                elapsed_s=(bounds[1] - bounds[0]) / 1000,
                timer_s=spans.timer_s(index),
                distance_m=_travelled_m(points, bounds, from_zero=not parts),
                derived=True,
            )
        )
    return tuple(sorted(parts, key=lambda part: part.start_ms))


def _travelled_m(points: PlacedPoints, bounds: tuple[int, int], *, from_zero: bool) -> float | None:
    """What the distance column grew by within the bounds; the first session's began at zero."""
    table = points.table
    if "distance" not in table.columns:
        return None
    rows = slice(*np.searchsorted(table.time_ms, [bounds[0], bounds[1] + 1]).tolist())
    distance, valid = table.columns["distance"][rows], table.validity["distance"]
    known = distance if valid is None else distance[valid[rows]]
    if not len(known):
        return None
    return float(known.max() - (0 if from_zero else known.min())) / SCALES["distance"]


def _lap_part(lap: _Lap) -> LapPart | None:
    """A lap of Cluetrust's gpxdata; None where it does not say when it was."""
    start_ms = time_ms_or_none(lap.texts.get("starttime", ""))
    elapsed_s = number_or_none(lap.texts.get("elapsedtime", ""))
    if start_ms is None or elapsed_s is None or not 0 <= elapsed_s <= _LONGEST_LAP_S:
        return None
    calories = number_or_none(lap.texts.get("calories", ""))
    return LapPart(
        start_ms=start_ms,
        end_ms=start_ms + round(elapsed_s * 1000),
        elapsed_s=elapsed_s,
        timer_s=elapsed_s,
        distance_m=number_or_none(lap.texts.get("distance", "")),
        trigger=lap.trigger,
        reported={} if calories is None else {"calories_kcal": calories},
    )
