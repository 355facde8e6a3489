"""Laps and sessions of TCX: what the device reported, beside what its trackpoints show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ingest_edge.files.activity import LapPart, Loss, Marker, SessionPart
from ingest_edge.files.track_segments import SegmentSpans, pauses
from ingest_edge.files.track_sports import sport_of_word
from ingest_edge.files.track_values import number_or_none, time_ms_or_none

_LARGEST_TOTAL = 1e9

_TOTALS = {
    "calories": "calories_kcal",
    "maximumspeed": "max_speed_mps",
    "averageheartratebpm": "avg_heart_rate_bpm",
    "maximumheartratebpm": "max_heart_rate_bpm",
    "cadence": "avg_cadence_rpm",
    "avgruncadence": "avg_cadence_rpm",
    "maxbikecadence": "max_cadence_rpm",
    "maxruncadence": "max_cadence_rpm",
    "avgspeed": "avg_speed_mps",
    "avgwatts": "avg_power_w",
    "maxwatts": "max_power_w",
    "steps": "steps",
}
"""The totals of `Lap` and of its `LX` extension, as `fit_profile.LAP_TOTALS` names them."""

_TRIGGERS = {
    "manual": "manual",
    "distance": "distance",
    "location": "position_lap",
    "time": "time",
    "heartrate": "heart_rate",
}

_INTENSITIES = {"active": 0.0, "resting": 1.0}
"""FIT's numbers of the same."""

_SUMS = ("calories_kcal", "steps")
_MAXIMA = ("max_speed_mps", "max_heart_rate_bpm", "max_cadence_rpm", "max_power_w")


@dataclass
class TcxSession:
    """An `Activity` or `Transition` as it stands: its sport in words, its Id."""

    sport: str | None
    start: str = ""


@dataclass
class TcxLap:
    """A `Lap` as it stands: the session it belongs to, and texts by element name in small letters."""

    session: int
    start: str
    texts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PlacedLap:
    """A lap that has a time, at place `index` of the file.

    `total_s` is its clock's time, where it says; `stopped_ms` by how much the next lap begins later than
    that.
    """

    index: int
    session: int
    part: LapPart
    total_s: float | None
    stopped_ms: int


def tcx_lap_parts(laps: Sequence[TcxLap], spans: SegmentSpans, losses: list[Loss]) -> list[PlacedLap]:
    """The laps that say when they were, or whose points do. Unreadable numbers join `losses`."""
    bounds = _bounds_by_lap(spans)
    unread = sum(_unreadable(lap) for lap in laps)
    if unread:
        losses.append(Loss(None, f"{unread} lap totals cannot be read"))
    starts = [_start(lap, bounds.get(index)) for index, lap in enumerate(laps)]
    following = sorted(start for start in starts if start is not None)
    placed = []
    for index, (lap, start_ms) in enumerate(zip(laps, starts, strict=True)):
        if start_ms is not None:
            place = int(np.searchsorted(following, start_ms, side="right"))
            next_ms = following[place] if place < len(following) else None
            placed.append(_placed(index, lap, start_ms, bounds.get(index), next_ms))
    return placed


def _bounds_by_lap(spans: SegmentSpans) -> dict[int, tuple[int, int]]:
    bounds: dict[int, tuple[int, int]] = {}
    rows = zip(spans.lap.tolist(), spans.first_ms.tolist(), spans.last_ms.tolist(), strict=True)
    for lap, first, last in rows:
        known = bounds.get(lap, (first, last))
        bounds[lap] = (min(known[0], first), max(known[1], last))
    return bounds


def _unreadable(lap: TcxLap) -> int:
    known = {*_TOTALS, "totaltimeseconds", "distancemeters"}
    texts = [text for name, text in lap.texts.items() if name in known and text.strip()]
    return sum(1 for text in texts if _total(text) is None)


def _total(text: str | None) -> float | None:
    value = number_or_none(text or "")
    return value if value is not None and 0 <= value <= _LARGEST_TOTAL else None


def _start(lap: TcxLap, bounds: tuple[int, int] | None) -> int | None:
    written = time_ms_or_none(lap.start)
    return written if written is not None else (bounds[0] if bounds else None)


def _placed(
    index: int, lap: TcxLap, start_ms: int, bounds: tuple[int, int] | None, next_ms: int | None
) -> PlacedLap:
    total_s = _total(lap.texts.get("totaltimeseconds"))
    end_ms = start_ms + round(1000 * (total_s or 0))
    if bounds is not None:
        end_ms = max(end_ms, bounds[1])
    if next_ms is not None:
        end_ms = min(end_ms, next_ms)
    elapsed_s = (end_ms - start_ms) / 1000
    part = LapPart(
        start_ms=start_ms,
        end_ms=end_ms,
        elapsed_s=elapsed_s,
        timer_s=elapsed_s if total_s is None else total_s,
        distance_m=_total(lap.texts.get("distancemeters")),
        trigger=_TRIGGERS.get(lap.texts.get("triggermethod", "").strip().lower()),
        reported=_reported(lap),
    )
    until_ms = end_ms if next_ms is None else next_ms
    stopped_ms = 0 if total_s is None else until_ms - start_ms - round(total_s * 1000)
    return PlacedLap(index, lap.session, part, total_s, stopped_ms)


def _reported(lap: TcxLap) -> dict[str, float]:
    found = {
        total: value for name, total in _TOTALS.items() if (value := _total(lap.texts.get(name))) is not None
    }
    intensity = _INTENSITIES.get(lap.texts.get("intensity", "").strip().lower())
    return found if intensity is None else found | {"intensity": intensity}


def tcx_session_parts(
    sessions: Sequence[TcxSession], laps: Sequence[PlacedLap], spans: SegmentSpans
) -> tuple[SessionPart, ...]:
    """The sessions that have a lap or a point with a time, in the order of time."""
    own: dict[int, list[PlacedLap]] = {}
    for lap in laps:
        own.setdefault(lap.session, []).append(lap)
    parts = (
        _session_part(session, own.get(index, []), index, spans) for index, session in enumerate(sessions)
    )
    return tuple(sorted((part for part in parts if part is not None), key=lambda part: part.start_ms))


def _session_part(
    session: TcxSession, laps: Sequence[PlacedLap], index: int, spans: SegmentSpans
) -> SessionPart | None:
    bounds = spans.bounds(index)
    starts = [lap.part.start_ms for lap in laps] + ([bounds[0]] if bounds else [])
    ends = [lap.part.end_ms for lap in laps] + ([bounds[1]] if bounds else [])
    if not starts:
        return None
    start_ms, end_ms = min(starts), max(ends)
    totals = [lap.total_s for lap in laps if lap.total_s is not None]
    distances = [lap.part.distance_m for lap in laps if lap.part.distance_m is not None]
    sport, sub_sport = sport_of_word(session.sport)
    return SessionPart(
        sport=sport,
        sub_sport=sub_sport,
        start_ms=start_ms,
        end_ms=end_ms,
        elapsed_s=(end_ms - start_ms) / 1000,
        timer_s=sum(totals) if totals else spans.timer_s(index),
        distance_m=sum(distances) if distances else None,
        reported=_session_totals(laps),
        derived=not totals,
    )


def _session_totals(laps: Sequence[PlacedLap]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in (*_SUMS, *_MAXIMA):
        values = [lap.part.reported[name] for lap in laps if name in lap.part.reported]
        if values:
            found[name] = sum(values) if name in _SUMS else max(values)
    return found


def tcx_pauses(laps: Sequence[PlacedLap], spans: SegmentSpans) -> list[Marker]:
    """Where the clock stood still.

    Within a lap every new `Track` means it. A new lap begins a new `Track` too, usually without a stop: there
    it is a pause where the lap's own clock accounts for less than half of the gap.
    """
    if len(spans) < 2:
        return []
    gap_ms = spans.first_ms[1:] - spans.last_ms[:-1]
    same_lap = spans.lap[1:] == spans.lap[:-1]
    stopped_ms = {lap.index: lap.stopped_ms for lap in laps}
    inside: dict[int, int] = {}
    for lap, gap in zip(spans.lap[1:][same_lap].tolist(), gap_ms[same_lap].tolist(), strict=True):
        inside[lap] = inside.get(lap, 0) + max(0, gap)
    unaccounted = np.array([stopped_ms.get(lap, 0) - inside.get(lap, 0) for lap in spans.lap[:-1].tolist()])
    return pauses(spans, same_lap | ((gap_ms > 1000) & (unaccounted > gap_ms / 2)))
