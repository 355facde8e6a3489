"""From a decoded activity to a recording in the platform's terms. Pure; busy for large files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from ingest_edge.files.activity import (
    Activity,
    DeviceIdentity,
    Int64Array,
    LapPart,
    Marker,
    PoolLength,
    SampleTable,
    SessionPart,
)
from ingest_edge.spool import NewRecording, RecordingKind, recording_id_of_digest
from ingest_edge.spool.batches import LONGEST_STEP_MS
from pulsemesh.samples import CHANNEL_BY_NAME, encode_batch
from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import recording_pb2, sample_pb2

BATCH_SAMPLES = 5_000
_MAX_SESSIONS, _MAX_LAPS, _MAX_LENGTHS = 100, 5_000, 20_000
_TEXT_LIMIT = 128

_TRIGGERS = {
    "manual": recording_pb2.LAP_TRIGGER_MANUAL,
    "time": recording_pb2.LAP_TRIGGER_TIME,
    "distance": recording_pb2.LAP_TRIGGER_DISTANCE,
    "position_start": recording_pb2.LAP_TRIGGER_POSITION,
    "position_lap": recording_pb2.LAP_TRIGGER_POSITION,
    "position_waypoint": recording_pb2.LAP_TRIGGER_POSITION,
    "position_marked": recording_pb2.LAP_TRIGGER_POSITION,
    "session_end": recording_pb2.LAP_TRIGGER_SESSION_END,
}
_STROKES = {
    "freestyle": recording_pb2.SWIM_STROKE_FREESTYLE,
    "backstroke": recording_pb2.SWIM_STROKE_BACKSTROKE,
    "breaststroke": recording_pb2.SWIM_STROKE_BREASTSTROKE,
    "butterfly": recording_pb2.SWIM_STROKE_BUTTERFLY,
    "drill": recording_pb2.SWIM_STROKE_DRILL,
    "mixed": recording_pb2.SWIM_STROKE_MIXED,
    "im": recording_pb2.SWIM_STROKE_MIXED,
    "im_by_round": recording_pb2.SWIM_STROKE_MIXED,
    "rimo": recording_pb2.SWIM_STROKE_MIXED,
}
_MARKERS = {
    "lap": channel_pb2.MARKER_KIND_LAP,
    "pause": channel_pb2.MARKER_KIND_PAUSE,
    "resume": channel_pb2.MARKER_KIND_RESUME,
}

SourceSamples = tuple[recording_pb2.Source, list[sample_pb2.SampleBatch]]


@dataclass(frozen=True)
class ImportedRecording:
    """A recording made of a file, ready for the spool."""

    new: NewRecording
    sources: list[SourceSamples]
    details: recording_pb2.RecordingDetails
    samples: int
    losses: tuple[str, ...] = field(default=())


def recording_of(activity: Activity, sha256: str, writer_id: str) -> ImportedRecording:
    """The recording of a file with this SHA-256: every table a source, laps and lengths in the details.

    The same file always gives the same recording, sample for sample.
    """
    sources = [*_tables(activity), *_markers(activity)]
    if not sources:
        # Lengths alone make a workout too, and every recording has a source.
        sources.append((_marker_source(activity.device), []))
    sport, sub_sport = _sport(activity.sessions)
    new = NewRecording(
        recording_id_of_digest(sha256),
        RecordingKind.FILE,
        writer_id,
        sport,
        sub_sport,
        activity.start_time_ms,
    )
    losses = [
        loss.reason if loss.offset is None else f"{loss.reason} (at byte {loss.offset})"
        for loss in activity.losses
    ]
    losses += _beyond_bounds(activity)
    return ImportedRecording(
        new,
        sources,
        _details(activity, sha256),
        sum(len(table) for table in activity.tables if _channels(table)),
        tuple(losses),
    )


def _tables(activity: Activity) -> Iterator[SourceSamples]:
    for table in activity.tables:
        channels = _channels(table)
        if not channels or not len(table):
            continue
        source = recording_pb2.Source(
            source_id=f"file/{table.series}",
            device=_device(activity.device),
            channels=sorted(channels.values()),
        )
        yield source, list(_batches(table, channels))


def _channels(table: SampleTable) -> dict[str, channel_pb2.Channel.ValueType]:
    return {
        name: channel_pb2.Channel.ValueType(CHANNEL_BY_NAME[name].channel)
        for name in table.columns
        if name in CHANNEL_BY_NAME
    }


def _batches(
    table: SampleTable, channels: dict[str, channel_pb2.Channel.ValueType]
) -> Iterator[sample_pb2.SampleBatch]:
    for start, end in pairwise(_cuts(table.time_ms)):
        rows = slice(start, end)
        columns = {number: _column(table, name, rows) for name, number in channels.items()}
        yield encode_batch(0, 0, table.time_ms[rows].tolist(), dict(sorted(columns.items())))


def _cuts(time_ms: Int64Array) -> list[int]:
    """Where batches begin, and the end: every so many samples, and where a clock was set by weeks."""
    leaps = np.flatnonzero(np.abs(np.diff(time_ms)) > LONGEST_STEP_MS) + 1
    return sorted({*range(0, len(time_ms), BATCH_SAMPLES), *leaps.tolist(), len(time_ms)})


def _column(table: SampleTable, name: str, rows: slice) -> Sequence[int | None]:
    values = table.columns[name][rows]
    valid = table.validity[name]
    if valid is None or bool(np.all(valid[rows])):
        plain: list[int | None] = values.tolist()
        return plain
    return [value if present else None for value, present in zip(values.tolist(), valid[rows], strict=True)]


def _marker_source(device: DeviceIdentity) -> recording_pb2.Source:
    return recording_pb2.Source(
        source_id="file/marker", device=_device(device), channels=[channel_pb2.CHANNEL_MARKER]
    )


def _markers(activity: Activity) -> Iterator[SourceSamples]:
    # Where the file has laps, the details carry them with their ends and triggers.
    wanted = [marker for marker in activity.markers if marker.kind != "lap" or not activity.laps]
    if not wanted:
        return
    cuts = _cuts(np.array([marker.time_ms for marker in wanted], np.int64))
    batches = [_marker_batch(wanted[start:end]) for start, end in pairwise(cuts)]
    yield _marker_source(activity.device), batches


def _marker_batch(markers: Sequence[Marker]) -> sample_pb2.SampleBatch:
    kinds = [int(_MARKERS[marker.kind]) for marker in markers]
    return encode_batch(0, 0, [marker.time_ms for marker in markers], {channel_pb2.CHANNEL_MARKER: kinds})


def _device(device: DeviceIdentity) -> recording_pb2.Device:
    return recording_pb2.Device(
        device_id="" if device.serial is None else str(device.serial)[:_TEXT_LIMIT],
        name=(device.name or "")[:_TEXT_LIMIT],
        manufacturer=(device.manufacturer or "")[:_TEXT_LIMIT],
        model=(device.product or "")[:_TEXT_LIMIT],
    )


def _sport(
    sessions: Sequence[SessionPart],
) -> tuple[sport_pb2.Sport.ValueType, sport_pb2.SubSport.ValueType]:
    parts = [
        (sport_pb2.Sport.Value(part.sport), sport_pb2.SubSport.Value(part.sub_sport)) for part in sessions
    ]
    moving = [part for part in parts if part[0] != sport_pb2.SPORT_TRANSITION]
    if len({sport for sport, _ in moving}) > 1:
        return sport_pb2.SPORT_MULTISPORT, sport_pb2.SUB_SPORT_UNSPECIFIED
    return (moving or parts or [(sport_pb2.SPORT_UNSPECIFIED, sport_pb2.SUB_SPORT_UNSPECIFIED)])[0]


def _details(activity: Activity, sha256: str) -> recording_pb2.RecordingDetails:
    return recording_pb2.RecordingDetails(
        sessions=[_session(part) for part in activity.sessions[:_MAX_SESSIONS]],
        laps=[_lap(lap) for lap in activity.laps[:_MAX_LAPS]],
        lengths=[_length(length) for length in activity.lengths[:_MAX_LENGTHS]],
        file_sha256=sha256,
    )


def _session(part: SessionPart) -> recording_pb2.SessionPart:
    return recording_pb2.SessionPart(
        sport=sport_pb2.Sport.Value(part.sport),
        sub_sport=sport_pb2.SubSport.Value(part.sub_sport),
        start_time_ms=part.start_ms,
        end_time_ms=part.end_ms,
        pool_length_m=_within(part.pool_length_m, 1000),
        # What was derived from the samples was not reported by the device.
        reported_distance_m=0 if part.derived else _within(part.distance_m, 1e8),
        reported_timer_s=0 if part.derived else _within(part.timer_s, 1e8),
        reported_energy_kcal=_within(part.reported.get("calories_kcal"), 1e6),
    )


def _within(value: float | None, limit: float) -> float:
    """The value, or 0 (unknown) where the contract would not take it."""
    return value if value is not None and 0 <= value <= limit else 0.0


def _lap(lap: LapPart) -> recording_pb2.LapMark:
    trigger = _TRIGGERS.get(lap.trigger or "", recording_pb2.LAP_TRIGGER_UNSPECIFIED)
    return recording_pb2.LapMark(start_time_ms=lap.start_ms, end_time_ms=lap.end_ms, trigger=trigger)


def _length(length: PoolLength) -> recording_pb2.PoolLength:
    return recording_pb2.PoolLength(
        start_time_ms=length.start_ms,
        end_time_ms=length.end_ms,
        active=length.active,
        stroke=_STROKES.get(length.stroke or "", recording_pb2.SWIM_STROKE_UNSPECIFIED),
        strokes=min(length.strokes or 0, 10_000),
    )


def _beyond_bounds(activity: Activity) -> Iterable[str]:
    counts = (
        ("sessions", len(activity.sessions), _MAX_SESSIONS),
        ("laps", len(activity.laps), _MAX_LAPS),
        ("lengths", len(activity.lengths), _MAX_LENGTHS),
    )
    return [f"{count - most} of {count} {name}: too many" for name, count, most in counts if count > most]
