"""TCX 2 (Garmin's Training Center XML): activities, multisport sessions; courses and plans are no activities.

An `Activity` is a session, as is a `Transition`; a `Track` is a stretch in which the clock ran, a `Lap` holds
one or several. The totals of laps are the device's; a session's are their sums and maxima.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ingest_edge.files.activity import Activity, DeviceIdentity, Loss, Marker
from ingest_edge.files.decoder import FILE_SIZE_LIMIT, NotAnActivity, UnreadableFile, read_source
from ingest_edge.files.tcx_laps import TcxLap, TcxSession, tcx_lap_parts, tcx_pauses, tcx_session_parts
from ingest_edge.files.track_points import TIME, PointColumns
from ingest_edge.files.track_segments import NOBODY, Segments
from ingest_edge.files.track_table import placed_points
from ingest_edge.files.xml_points import PointWalk
from ingest_edge.files.xml_root import read_root, with_sound_octets

ROOT = "trainingcenterdatabase"

_TEXT_LIMIT = 256
_MAX_SESSIONS = 1_000
_MAX_LAPS = 10_000
_LAP_NAMES = ("lap", "transition")
_OTHER_KINDS = {"course": "course", "workout": "workout plan"}


@dataclass(frozen=True, slots=True)
class TcxDecoder:
    """Decodes TCX activities. Synchronous and busy: keep it off the event loop."""

    size_limit: int = FILE_SIZE_LIMIT

    @property
    def name(self) -> str:
        """`tcx`."""
        return "tcx"

    def decode(self, source: Path | bytes) -> Activity:
        """See `Decoder.decode`."""
        return read_tcx(read_source(source, self.size_limit))


@dataclass
class _TcxVisitor:
    """Notes what stands around the trackpoints."""

    columns: PointColumns
    segments: Segments = field(default_factory=Segments)
    sessions: list[TcxSession] = field(default_factory=list)
    laps: list[TcxLap] = field(default_factory=list)
    device: dict[str, str] = field(default_factory=dict)
    other_kind: str | None = None
    beyond: int = 0
    _open: list[str] = field(default_factory=list)
    _in_session: bool = False
    _lap: TcxLap | None = None

    def opened(self, name: str, attributes: Mapping[str, str]) -> None:
        self._open.append(name)
        if name == "activity":
            self._open_session(attributes.get("sport"))
        elif name == "transition":
            self._open_session("transition")
            self._open_lap(attributes)
        elif name == "lap":
            self._open_lap(attributes)
        elif name == "track":
            owner = len(self.sessions) - 1 if self._in_session else NOBODY
            self.segments.open(len(self.columns), owner, len(self.laps) - 1)
        elif name in _OTHER_KINDS:
            self.other_kind = self.other_kind or _OTHER_KINDS[name]

    def _open_session(self, sport: str | None) -> None:
        self._in_session = True
        if len(self.sessions) < _MAX_SESSIONS:
            self.sessions.append(TcxSession(sport))
        else:
            self.beyond += 1

    def _open_lap(self, attributes: Mapping[str, str]) -> None:
        if not self._in_session:
            return
        self._lap = TcxLap(len(self.sessions) - 1, attributes.get("starttime", "")[:_TEXT_LIMIT])
        if len(self.laps) < _MAX_LAPS:
            self.laps.append(self._lap)
        else:
            self.beyond += 1

    def closed(self, name: str, text: str) -> None:
        self._open.pop()
        parent = self._open[-1] if self._open else ""
        if name in ("activity", "transition"):
            self._in_session, self._lap = False, None
        elif name == "lap":
            self._lap = None
        elif parent == "creator":
            self.device.setdefault(name, text.strip()[:_TEXT_LIMIT])
        elif name == "id" and parent == "activity" and self.sessions:
            self.sessions[-1].start = text[:_TEXT_LIMIT]
        elif self._lap is not None and (parent in _LAP_NAMES or parent == "lx" or name == "value"):
            self._lap.texts.setdefault(parent if name == "value" else name, text[:_TEXT_LIMIT])


def read_tcx(content: bytes, *, with_runs: bool = True) -> Activity:
    """The activity in a TCX file.

    `with_runs` off walks every element by itself, slower and to the same end: for tests.
    Raises `UnreadableFile`, or `NotAnActivity` for courses, plans, and tracks without a single time.
    """
    content, wrong = with_sound_octets(content)
    root = read_root(content)
    if root.name != ROOT:
        raise UnreadableFile(f"no TCX file: its root is {root.name[:64]!r}")
    columns = PointColumns()
    visitor = _TcxVisitor(columns)
    damage = PointWalk(content, "trackpoint", visitor, columns, with_runs=with_runs).walk()
    losses = [loss for loss in (wrong, damage) if loss is not None]
    if visitor.beyond:
        losses.append(Loss(None, f"{visitor.beyond} laps and sessions beyond the bounds were taken as one"))
    points = placed_points(columns, losses, visitor.segments.wanted(len(columns)))
    spans = visitor.segments.spans(columns.spread(TIME)[:0] if points is None else points.time_ms)
    laps = tcx_lap_parts(visitor.laps, spans, losses)
    sessions = tcx_session_parts(visitor.sessions, laps, spans)
    if not sessions:
        raise _why_none(columns, visitor, damage)
    parts = tuple(sorted((lap.part for lap in laps), key=lambda part: part.start_ms))
    markers = tcx_pauses(laps, spans) + [Marker("lap", part.start_ms) for part in parts[1:]]
    return Activity(
        file_kind="activity",
        device=_device(visitor.device),
        start_time_ms=sessions[0].start_ms,
        sessions=sessions,
        laps=parts,
        lengths=(),
        markers=tuple(sorted(markers, key=lambda marker: marker.time_ms)),
        tables=() if points is None else (points.table,),
        losses=tuple(losses),
    )


def _why_none(columns: PointColumns, visitor: _TcxVisitor, damage: Loss | None) -> UnreadableFile:
    if damage is not None:
        return UnreadableFile(f"nothing whole remains: {damage.reason}", damage.offset)
    if visitor.sessions and TIME in columns.garbage():
        return UnreadableFile("an activity of which no time can be read")
    if visitor.sessions and len(columns):
        return NotAnActivity("track without times")
    if visitor.other_kind is not None:
        return NotAnActivity(visitor.other_kind)
    return UnreadableFile("a TCX file without an activity in it")


def _device(texts: Mapping[str, str]) -> DeviceIdentity:
    # Writers that know neither put zeros: TCX demands both.
    serial, product = texts.get("unitid", ""), texts.get("productid", "")
    return DeviceIdentity(
        product=product if product.strip("0") else None,
        serial=int(serial) if serial.isascii() and serial.isdigit() and serial.strip("0") else None,
        name=texts.get("name") or None,
    )
