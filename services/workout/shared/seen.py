"""What of a workout's samples and parts a view shows. Pure, and not for the event loop.

Whatever others get is computed of this and of nothing else: what is not here cannot be told, neither its
value nor whether there was one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pulsemesh.profile.v1 import privacy_pb2
from pulsemesh.samples import CHANNELS
from pulsemesh.type.v1 import channel_pb2
from services.chassis.privacy import View, show_channels
from services.chassis.privacy.tracks import Stretches, joined_counter, visible_stretches
from services.workout.analysis.loading import SEMICIRCLE_DEG, LoadedWorkout
from services.workout.codec import SampleColumn, SampleColumns
from services.workout.metrics.thresholds import Thresholds
from services.workout.shared.aspects import CHANNEL_NEEDS
from services.workout.streams.merging import LATITUDE, LONGITUDE
from services.workout.summary import Lap, Length, Part, build_track

DAY_MS = 86_400_000

_DISTANCE = int(channel_pb2.CHANNEL_DISTANCE)
_SPEED = int(channel_pb2.CHANNEL_SPEED)
_MARKER = int(channel_pb2.CHANNEL_MARKER)
_CENTIMETRES = 100


@dataclass(frozen=True, slots=True)
class SeenWorkout:
    """What others may know of a workout.

    Attributes:
        sources: their samples, sorted by time; without those that have none.
        start_ms: where it begins for others.
        day_only: of that only the day says something.
    """

    sources: tuple[SampleColumns, ...]
    sessions: tuple[Part, ...]
    laps: tuple[Lap, ...]
    lengths: tuple[Length, ...]
    start_ms: int
    day_only: bool

    @property
    def channels(self) -> list[int]:
        """Those of which there are samples."""
        return sorted({channel for source in self.sources for channel in source.columns})


def seen_by(view: View, workout: LoadedWorkout) -> SeenWorkout:
    """What a view shows of a workout."""
    stretches = _stretches(view, workout)
    sources = tuple(_cut(source, stretches) for source in workout.sources)
    shown = tuple(source for source in (_shown(view, each) for each in sources) if len(source))
    shown += _distance_of_hidden_positions(view, workout, sources, shown)
    paced = view.shows(privacy_pb2.ASPECT_PACE)
    lengths = tuple(filter(None, (_length(each, stretches) for each in workout.lengths))) if paced else ()
    start_ms, end_ms, known = _extent(workout, shown, lengths)
    seen = SeenWorkout(
        sources=shown,
        sessions=_sessions(view, workout, stretches, (start_ms, end_ms)),
        laps=_laps(workout, stretches, (start_ms, end_ms)) if paced else (),
        lengths=lengths,
        start_ms=start_ms,
        day_only=not known or not view.shows(privacy_pb2.ASPECT_START_TIME),
    )
    return _from_midnight(seen) if seen.day_only else seen


def seen_thresholds(view: View, held: Thresholds) -> Thresholds:
    """Those against which others see a workout measured."""
    if not view.shows(privacy_pb2.ASPECT_PHYSIOLOGY):
        return Thresholds()
    return replace(
        held,
        weight_kg=held.weight_kg if view.shows(privacy_pb2.ASPECT_WEIGHT) else None,
        sex=held.sex if view.shows(privacy_pb2.ASPECT_SEX) else None,
    )


def _stretches(view: View, workout: LoadedWorkout) -> Stretches | None:
    """Cut by the positions of all sources, each of which may know what the others do not."""
    positions = [_positions(source) for source in workout.sources]
    times = np.concatenate([each[0] for each in positions] or [np.empty(0, np.int64)])
    order = np.argsort(times, kind="stable")
    degrees = [
        np.concatenate([each[place] for each in positions] or [np.empty(0)])[order] * SEMICIRCLE_DEG
        for place in (1, 2)
    ]
    edges = [edge for source in workout.sources if len(source) for edge in source.times_ms[[0, -1]].tolist()]
    edges += [edge for part in workout.sessions for edge in (part.start_ms, part.end_ms)]
    edges += [edge for lap in workout.laps for edge in (lap.start_ms, lap.end_ms)]
    span = (min(edges), max(edges)) if edges else (workout.row.start_ms, workout.row.end_ms)
    return visible_stretches(view.circles, span, times[order], degrees[0], degrees[1])


def _positions(source: SampleColumns) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    latitude, longitude = source.columns.get(LATITUDE), source.columns.get(LONGITUDE)
    if latitude is None or longitude is None:
        return np.empty(0, np.int64), np.empty(0), np.empty(0)
    rows = np.flatnonzero(latitude.mask() & longitude.mask())
    return (
        source.times_ms[rows],
        latitude.values[rows].astype(np.float64),
        longitude.values[rows].astype(np.float64),
    )


def _cut(source: SampleColumns, stretches: Stretches | None) -> SampleColumns:
    """The visible samples of a source, moved together; its counters stand still where it is hidden."""
    if stretches is None:
        return source
    places = stretches.of(source.times_ms)
    rows = np.flatnonzero(places >= 0)
    kept, places = source.take(rows), places[rows]
    columns = {
        channel: _joined(column, places) if channel in CHANNELS and CHANNELS[channel].cumulative else column
        for channel, column in kept.columns.items()
    }
    return SampleColumns(stretches.moved(kept.times_ms), columns)


def _joined(column: SampleColumn, places: NDArray[np.int64]) -> SampleColumn:
    rows = np.flatnonzero(column.mask())
    values = np.zeros_like(column.values)
    values[rows] = joined_counter(column.values[rows], places[rows])
    return SampleColumn(values, column.present)


def _shown(view: View, source: SampleColumns) -> SampleColumns:
    """The channels that the view shows, without samples that have no value of those."""
    cut = source.only(show_channels(view, source.columns, CHANNEL_NEEDS))
    if _MARKER in cut.columns:
        cut.columns[_MARKER] = _markers(view, cut.columns[_MARKER])
    if not cut.columns:
        return cut.take(slice(0, 0))
    valued = np.logical_or.reduce([column.mask() for column in cut.columns.values()])
    return cut.take(np.flatnonzero(valued)).without_absent()


def _markers(view: View, column: SampleColumn) -> SampleColumn:
    """The clock's, and laps where the pace is shown; not those that tell which sensors there were."""
    kinds = [channel_pb2.MARKER_KIND_PAUSE, channel_pb2.MARKER_KIND_RESUME]
    if view.shows(privacy_pb2.ASPECT_PACE):
        kinds.append(channel_pb2.MARKER_KIND_LAP)
    present = column.mask() & np.isin(column.values, kinds)
    return SampleColumn(np.where(present, column.values, 0).astype(np.int32), present)


def _distance_of_hidden_positions(
    view: View,
    workout: LoadedWorkout,
    cut: Sequence[SampleColumns],
    shown: Sequence[SampleColumns],
) -> tuple[SampleColumns, ...]:
    """How far is not hidden with where: without another measure of it, the positions' is kept."""
    told = {channel for source in shown for channel in source.columns}
    if not view.shows(privacy_pb2.ASPECT_PACE) or view.shows(privacy_pb2.ASPECT_MAP):
        return ()
    if told & {_DISTANCE, _SPEED}:
        return ()
    places = [source.only(frozenset({LATITUDE, LONGITUDE})) for source in cut]
    odometers = build_track([each for each in places if each.columns], start_ms=0).odometers
    if not odometers or not len(odometers[0]):
        return ()
    values = np.rint(odometers[0].values * _CENTIMETRES).astype(np.int32)
    return (SampleColumns(odometers[0].times_ms, {_DISTANCE: SampleColumn(values)}),)


def _extent(
    workout: LoadedWorkout, shown: Sequence[SampleColumns], lengths: Sequence[Length]
) -> tuple[int, int, bool]:
    """First and last moment that is seen, and whether any is; else the workout's own beginning."""
    edges = [edge for source in shown for edge in source.times_ms[[0, -1]].tolist()]
    edges += [edge for length in lengths for edge in (length.start_ms, length.end_ms)]
    if not edges:
        return workout.row.start_ms, workout.row.start_ms, False
    return min(edges), max(edges), True


def _sessions(
    view: View, workout: LoadedWorkout, stretches: Stretches | None, extent: tuple[int, int]
) -> tuple[Part, ...]:
    """Of one session the extent is what is seen; of several each has its own."""
    several = len(workout.sessions) > 1
    spans = [
        _clipped(stretches, extent, each.start_ms, each.end_ms) if several else extent
        for each in workout.sessions
    ]
    return tuple(
        _part(view, part, span, counted=stretches is None)
        for part, span in zip(workout.sessions, spans, strict=True)
        if span is not None and span[1] > span[0]
    )


def _part(view: View, part: Part, span: tuple[int, int], *, counted: bool) -> Part:
    """What a device counted stands only where nothing was cut, and what it counted is visible."""
    p = privacy_pb2
    paced = view.shows(p.ASPECT_PACE)
    whole_body = view.shows(p.ASPECT_HEART_RATE, p.ASPECT_POWER, p.ASPECT_MEDICAL)
    return replace(
        part,
        start_ms=span[0],
        end_ms=span[1],
        pool_length_m=part.pool_length_m if paced else 0.0,
        reported_distance_m=part.reported_distance_m if counted and paced else 0.0,
        reported_timer_s=part.reported_timer_s if counted else 0.0,
        reported_energy_kcal=part.reported_energy_kcal if counted and whole_body else 0.0,
    )


def _clipped(
    stretches: Stretches | None, extent: tuple[int, int], start_ms: int, end_ms: int
) -> tuple[int, int] | None:
    span = (start_ms, end_ms) if stretches is None else stretches.clipped(start_ms, end_ms)
    if span is None or span[0] > extent[1] or span[1] < extent[0]:
        return None
    return max(span[0], extent[0]), min(span[1], extent[1])


def _laps(workout: LoadedWorkout, stretches: Stretches | None, extent: tuple[int, int]) -> tuple[Lap, ...]:
    """Those of which everything is seen."""
    found = []
    for lap in workout.laps:
        span: tuple[int, int] | None = (lap.start_ms, lap.end_ms)
        if stretches is not None:
            span = stretches.whole(lap.start_ms, lap.end_ms)
        if span is not None and span[0] < extent[1] and span[1] > extent[0]:
            found.append(replace(lap, start_ms=max(span[0], extent[0]), end_ms=min(span[1], extent[1])))
    return tuple(found)


def _length(length: Length, stretches: Stretches | None) -> Length | None:
    if stretches is None:
        return length
    span = stretches.whole(length.start_ms, length.end_ms)
    return None if span is None else replace(length, start_ms=span[0], end_ms=span[1])


def _from_midnight(seen: SeenWorkout) -> SeenWorkout:
    """The same as if it had begun with its day, in UTC."""
    by_ms = seen.start_ms // DAY_MS * DAY_MS - seen.start_ms
    return SeenWorkout(
        sources=tuple(source.shifted(by_ms) for source in seen.sources),
        sessions=tuple(
            replace(each, start_ms=each.start_ms + by_ms, end_ms=each.end_ms + by_ms)
            for each in seen.sessions
        ),
        laps=tuple(
            replace(each, start_ms=each.start_ms + by_ms, end_ms=each.end_ms + by_ms) for each in seen.laps
        ),
        lengths=tuple(
            replace(each, start_ms=each.start_ms + by_ms, end_ms=each.end_ms + by_ms) for each in seen.lengths
        ),
        start_ms=seen.start_ms + by_ms,
        day_only=True,
    )
