"""A stored workout as the `Activity` that the file formats write.

A file knows one device and one series of records, a workout may have many sources. Where one source alone
measured, its samples are written as they came; otherwise all are merged on one axis of a second, each channel
led by the source that has most of it (`streams.merging`). Heart beats and markers keep their own times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ingest_edge.files.activity import (
    Activity,
    DeviceIdentity,
    LapPart,
    Marker,
    MarkerKind,
    PoolLength,
    SampleTable,
    SessionPart,
)
from pulsemesh.samples import CHANNELS
from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import recording_pb2, workout_pb2
from services.workout.codec import SampleColumns
from services.workout.exporting.stored import StoredWorkout
from services.workout.exporting.totals import reported_totals
from services.workout.messages import workout_message
from services.workout.streams import align, merge_sources

_RR = int(channel_pb2.CHANNEL_RR_INTERVAL)
_MARKER = int(channel_pb2.CHANNEL_MARKER)
_APART = frozenset({_RR, _MARKER})
_SECOND_MS = 1000
_SERIAL_LIMIT = 0xFFFF_FFFF

_MARKERS: Mapping[int, MarkerKind] = {
    channel_pb2.MARKER_KIND_LAP: "lap",
    channel_pb2.MARKER_KIND_PAUSE: "pause",
    channel_pb2.MARKER_KIND_RESUME: "resume",
}
_TRIGGERS = {
    recording_pb2.LAP_TRIGGER_MANUAL: "manual",
    recording_pb2.LAP_TRIGGER_TIME: "time",
    recording_pb2.LAP_TRIGGER_DISTANCE: "distance",
    recording_pb2.LAP_TRIGGER_POSITION: "position_lap",
    recording_pb2.LAP_TRIGGER_SESSION_END: "session_end",
}
_STROKES = {
    recording_pb2.SWIM_STROKE_FREESTYLE: "freestyle",
    recording_pb2.SWIM_STROKE_BACKSTROKE: "backstroke",
    recording_pb2.SWIM_STROKE_BREASTSTROKE: "breaststroke",
    recording_pb2.SWIM_STROKE_BUTTERFLY: "butterfly",
    recording_pb2.SWIM_STROKE_DRILL: "drill",
    recording_pb2.SWIM_STROKE_MIXED: "mixed",
}


@dataclass(frozen=True)
class ExportedActivity:
    """An activity, and what its owner wrote about it.

    Attributes:
        sensors: devices beside the one that leads.
    """

    activity: Activity
    sensors: tuple[DeviceIdentity, ...]
    title: str
    notes: str


def activity_of(stored: StoredWorkout, *, whole_seconds: bool) -> ExportedActivity:
    """The activity of a workout. Not for the event loop.

    `whole_seconds` is for formats that know no finer times: what was taken more often goes on the axis then.

    Raises:
        ChunkCorrupted: a chunk cannot be read.
    """
    workout = workout_message(stored.row)
    samples = stored.samples()
    sources = [source.sorted_by_time() for source in samples.values()]
    leading, *sensors = _devices(workout, samples)
    activity = Activity(
        file_kind="activity",
        device=leading,
        start_time_ms=workout.start_time.ToMilliseconds(),
        sessions=_sessions(workout),
        laps=tuple(_lap(lap) for lap in workout.laps),
        lengths=tuple(_length(length) for length in workout.lengths),
        markers=_markers(sources),
        tables=tuple(_tables(sources, whole_seconds)),
        losses=(),
    )
    return ExportedActivity(activity, tuple(sensors), workout.title, workout.notes)


def _tables(sources: Sequence[SampleColumns], whole_seconds: bool) -> list[SampleTable]:
    states = [_without_events(source) for source in sources]
    states = [state for state in states if len(state)]
    tables = []
    if states:
        as_they_came = len(states) == 1 and not (whole_seconds and _crowded(states[0]))
        record = states[0] if as_they_came else align(states)
        tables.append(_table("record", record))
    beats = max((_beats(source) for source in sources), key=len, default=None)
    if beats is not None and len(beats):
        tables.append(_table("rr", beats))
    return tables


def _without_events(source: SampleColumns) -> SampleColumns:
    """The source without heart beats and markers, and without the rows that held nothing else."""
    states = source.only(frozenset(source.columns) - _APART)
    if not states.columns:
        return states.take(slice(0, 0))
    valued = np.logical_or.reduce([column.mask() for column in states.columns.values()])
    return (states if valued.all() else states.take(np.flatnonzero(valued))).without_absent()


def _crowded(samples: SampleColumns) -> bool:
    """True where samples were taken within seconds, and some would fall into one second.

    Devices that count in seconds tell one twice now and then, where a session ends and the next begins, say:
    that is how the format has it.
    """
    within = bool((samples.times_ms % _SECOND_MS != 0).any())
    return within and bool((np.diff(samples.times_ms // _SECOND_MS) == 0).any())


def _beats(source: SampleColumns) -> SampleColumns:
    """The rows that hold a heart beat; several may have one time."""
    beats = source.only(frozenset({_RR}))
    if not beats.columns:
        return beats.take(slice(0, 0))
    return beats.take(np.flatnonzero(beats.columns[_RR].mask())).without_absent()


def _table(series: str, samples: SampleColumns) -> SampleTable:
    known = {channel: column for channel, column in samples.columns.items() if channel in CHANNELS}
    return SampleTable(
        series,
        samples.times_ms,
        {CHANNELS[channel].name: column.values for channel, column in known.items()},
        {CHANNELS[channel].name: column.present for channel, column in known.items()},
    )


def _markers(sources: Sequence[SampleColumns]) -> tuple[Marker, ...]:
    told = merge_sources([source.only(frozenset({_MARKER})) for source in sources]).get(_MARKER)
    if told is None:
        return ()
    return tuple(
        Marker(_MARKERS[kind], time_ms)
        for time_ms, kind in zip(told.times_ms.tolist(), told.values.tolist(), strict=True)
        if kind in _MARKERS
    )


def _devices(workout: workout_pb2.Workout, samples: Mapping[str, SampleColumns]) -> list[DeviceIdentity]:
    """The devices, each once, the one with most samples first."""
    ranked = sorted(workout.sources, key=lambda source: -len(samples.get(source.source_id, ())))
    devices = dict.fromkeys(_device(source.device) for source in ranked)
    return list(devices) or [DeviceIdentity()]


def _device(device: recording_pb2.Device) -> DeviceIdentity:
    serial = int(device.device_id) if device.device_id.isascii() and device.device_id.isdigit() else None
    return DeviceIdentity(
        device.manufacturer or None,
        device.model or None,
        serial if serial is not None and 0 < serial <= _SERIAL_LIMIT else None,
        device.name or None,
    )


def _sessions(workout: workout_pb2.Workout) -> tuple[SessionPart, ...]:
    """The sessions; the workout as one where there is none. The owner's choice of sport wins."""
    if len(workout.sessions) > 1:
        return tuple(
            _session(session.part, session.summary, session.part.sport, session.part.sub_sport)
            for session in workout.sessions
        )
    whole = recording_pb2.SessionPart(
        start_time_ms=workout.start_time.ToMilliseconds(), end_time_ms=workout.end_time.ToMilliseconds()
    )
    part = workout.sessions[0].part if workout.sessions else whole
    summary = workout.sessions[0].summary if workout.sessions else workout.summary
    return (_session(part, summary, workout.sport, workout.sub_sport),)


def _session(
    part: recording_pb2.SessionPart,
    summary: workout_pb2.Summary,
    sport: sport_pb2.Sport.ValueType,
    sub_sport: sport_pb2.SubSport.ValueType,
) -> SessionPart:
    elapsed_s = (part.end_time_ms - part.start_time_ms) / 1000
    return SessionPart(
        sport=sport_pb2.Sport.Name(sport),
        sub_sport=sport_pb2.SubSport.Name(sub_sport),
        start_ms=part.start_time_ms,
        end_ms=part.end_time_ms,
        elapsed_s=elapsed_s,
        timer_s=summary.timer_s if summary.HasField("timer_s") else elapsed_s,
        distance_m=summary.distance_m if summary.HasField("distance_m") else None,
        pool_length_m=part.pool_length_m or None,
        reported=reported_totals(summary),
    )


def _lap(lap: workout_pb2.Lap) -> LapPart:
    elapsed_s = (lap.mark.end_time_ms - lap.mark.start_time_ms) / 1000
    summary = lap.summary
    return LapPart(
        start_ms=lap.mark.start_time_ms,
        end_ms=lap.mark.end_time_ms,
        elapsed_s=elapsed_s,
        timer_s=summary.timer_s if summary.HasField("timer_s") else elapsed_s,
        distance_m=summary.distance_m if summary.HasField("distance_m") else None,
        trigger=_TRIGGERS.get(lap.mark.trigger),
        reported=reported_totals(summary),
    )


def _length(length: recording_pb2.PoolLength) -> PoolLength:
    return PoolLength(
        length.start_time_ms,
        length.end_time_ms,
        _STROKES.get(length.stroke),
        length.strokes or None,
        length.active,
    )
