"""An `Activity` as a FIT file: the messages a head unit or a watch would write, in the order it would."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import Activity, LapPart, Marker, PoolLength, SampleTable, SessionPart
from ingest_edge.simulator.fit_writer import (
    BaseType,
    Checksum,
    Endian,
    FitDefinition,
    FitField,
    FitWriter,
    Value,
)
from ingest_edge.simulator.fit_writer_profile import (
    LAP_TOTALS,
    LAP_TRIGGERS,
    RECORD_FIELDS,
    SESSION_TOTALS,
    SPORTS,
    SUB_SPORTS,
    SWIM_STROKES,
    FieldOfChannel,
    FieldOfTotal,
)

_FIT_EPOCH_S = 631_065_600
_DEVELOPMENT = 255
_RR_PER_MESSAGE = 5
_SILENCE_MS = 2500

_TIMESTAMP = FitField(253, BaseType.UINT32)
_INDEX = FitField(254, BaseType.UINT16)
_EVENT = (FitField(0, BaseType.ENUM), FitField(1, BaseType.ENUM))
_SPAN = (
    FitField(2, BaseType.UINT32),
    FitField(7, BaseType.UINT32),
    FitField(8, BaseType.UINT32),
    FitField(9, BaseType.UINT32),
)


@dataclass(frozen=True, slots=True)
class FileLayout:
    """How the file is laid out; what it says stays the same.

    `plain_fields` writes altitude and speed in the 16-bit fields of old devices in place of the enhanced
    ones. `redefine_every` repeats the record's definition after so many records. `flip_endian` makes every
    other one of these definitions use the other byte order.
    """

    endian: Endian = "<"
    header_size: int = 14
    record_local: int = 0
    plain_fields: bool = False
    compressed_timestamps: bool = False
    redefine_every: int | None = None
    flip_endian: bool = False
    checksum: Checksum = "good"
    header_checksum: Checksum = "good"


@dataclass(frozen=True, slots=True)
class _Timed:
    """Encoded bytes with their place in the file: by time, then by rank."""

    seconds: int
    rank: int
    content: bytes


def write_activity(activity: Activity, layout: FileLayout | None = None) -> bytes:
    """The FIT file of an activity. Times are cut to whole seconds, as the format has no finer ones.

    Of the tables `record` and `rr` are written. Raises ValueError for a value that its FIT field cannot hold
    and for a channel that has none.
    """
    return _ActivityWriter(activity, layout or FileLayout()).to_bytes()


def fit_seconds(unix_ms: int) -> int:
    """Unix milliseconds as FIT counts time."""
    return unix_ms // 1000 - _FIT_EPOCH_S


class _ActivityWriter:
    def __init__(self, activity: Activity, layout: FileLayout) -> None:
        self._activity = activity
        self._layout = layout
        self._writer = FitWriter(header_size=layout.header_size)
        others = (number for number in range(16) if number not in (layout.record_local, self._bare_local))
        self._locals = dict(zip(("head", "event", "hrv", "length", "lap", "session"), others, strict=False))

    @property
    def _bare_local(self) -> int:
        """The local number of records whose time is in the header."""
        return (self._layout.record_local + 1) % 4

    def to_bytes(self) -> bytes:
        self._head()
        timed = [*self._events(), *self._lengths(), *self._laps(), *self._records(), *self._beats()]
        for part in sorted(timed, key=lambda part: (part.seconds, part.rank)):
            self._writer.write(part.content)
        self._sessions()
        return self._writer.to_bytes(
            checksum=self._layout.checksum, header_checksum=self._layout.header_checksum
        )

    def _define(self, local: str, message: int, *fields: FitField) -> FitDefinition:
        definition = FitDefinition(self._locals[local], message, fields, self._layout.endian)
        self._writer.define(definition)
        return definition

    def _once(self, message: int, *fields: tuple[FitField, Value]) -> None:
        definition = self._define("head", message, *(field for field, _ in fields))
        self._writer.write(definition.encode({field.number: value for field, value in fields}))

    def _head(self) -> None:
        activity, device = self._activity, self._activity.device
        created = fit_seconds(activity.start_time_ms)
        name = (device.name or "").encode()
        name_field = FitField(8, BaseType.STRING, len(name) + 1)
        self._once(
            0,
            (FitField(0, BaseType.ENUM), 4),
            (FitField(1, BaseType.UINT16), _DEVELOPMENT),
            (FitField(2, BaseType.UINT16), 1),
            (FitField(3, BaseType.UINT32Z), device.serial),
            (FitField(4, BaseType.UINT32), created),
            *(((name_field, name),) if name else ()),
        )
        self._once(49, (FitField(0, BaseType.UINT16), 100))
        self._once(
            23,
            (_TIMESTAMP, created),
            (FitField(0, BaseType.UINT8), 0),
            (FitField(2, BaseType.UINT16), _DEVELOPMENT),
            (FitField(3, BaseType.UINT32Z), device.serial),
        )
        if activity.sessions:
            first = activity.sessions[0]
            self._once(
                12,
                (FitField(0, BaseType.ENUM), SPORTS[first.sport]),
                (FitField(1, BaseType.ENUM), SUB_SPORTS[first.sub_sport]),
            )

    def _events(self) -> Iterator[_Timed]:
        timer = self._define("event", 21, _TIMESTAMP, *_EVENT)
        moments = [Marker("resume", self._activity.start_time_ms)]
        moments += [marker for marker in self._activity.markers if marker.kind != "lap"]
        ends = [session.end_ms for session in self._activity.sessions]
        if ends:
            moments.append(Marker("pause", max(ends)))
        for moment in moments:
            seconds = fit_seconds(moment.time_ms)
            kind = 0 if moment.kind == "resume" else 4
            yield _Timed(seconds, 0 if kind == 0 else 3, timer.encode({253: seconds, 0: 0, 1: kind}))

    def _records(self) -> Iterator[_Timed]:
        table = self._activity.table("record")
        if table is None:
            return
        step = self._layout.redefine_every or len(table)
        previous: int | None = None
        for number, first in enumerate(range(0, len(table), step)):
            part = _rows(table, slice(first, first + step))
            flipped = self._layout.flip_endian and number % 2 == 1
            yield from _RecordBlock(part, self._layout, flipped, self._bare_local).timed(previous)
            previous = fit_seconds(int(part.time_ms[-1]))

    def _beats(self) -> Iterator[_Timed]:
        table = self._activity.table("rr")
        if table is None:
            return
        hrv = self._define("hrv", 78, FitField(0, BaseType.UINT16, _RR_PER_MESSAGE))
        milliseconds = np.rint(table.columns["rr_interval"] * (1000 / 1024)).astype(np.int64)
        for group in _beat_groups(table.time_ms):
            # After the record of the second in which the group's first beat fell.
            seconds = fit_seconds(int(table.time_ms[group.start]))
            yield _Timed(seconds, 2, hrv.encode({0: milliseconds[group].tolist()}))

    def _lengths(self) -> Iterator[_Timed]:
        if not self._activity.lengths:
            return
        fields = (
            _INDEX,
            _TIMESTAMP,
            *_EVENT,
            FitField(2, BaseType.UINT32),
            FitField(3, BaseType.UINT32),
            FitField(4, BaseType.UINT32),
            FitField(5, BaseType.UINT16),
            FitField(7, BaseType.ENUM),
            FitField(12, BaseType.ENUM),
        )
        definition = self._define("length", 101, *fields)
        for index, length in enumerate(self._activity.lengths):
            values = _length_values(index, length)
            yield _Timed(fit_seconds(length.end_ms), 4, definition.encode(values))

    def _laps(self) -> Iterator[_Timed]:
        if not self._activity.laps:
            return
        totals = _present_totals(LAP_TOTALS, [lap.reported for lap in self._activity.laps])
        fields = (_INDEX, _TIMESTAMP, *_EVENT, *_SPAN, FitField(24, BaseType.ENUM))
        definition = self._define("lap", 19, *fields, *(total.field for total in totals))
        for index, lap in enumerate(self._activity.laps):
            values = _span_values(index, 9, lap) | {
                24: None if lap.trigger is None else LAP_TRIGGERS[lap.trigger]
            }
            content = definition.encode(values | _total_values(totals, lap.reported))
            yield _Timed(fit_seconds(lap.end_ms), 5, content)

    def _sessions(self) -> None:
        sessions = self._activity.sessions
        if not sessions:
            return
        totals = _present_totals(SESSION_TOTALS, [session.reported for session in sessions])
        fields = (
            _INDEX,
            _TIMESTAMP,
            *_EVENT,
            *_SPAN,
            FitField(5, BaseType.ENUM),
            FitField(6, BaseType.ENUM),
            FitField(44, BaseType.UINT16),
        )
        definition = self._define("session", 18, *fields, *(total.field for total in totals))
        for index, session in enumerate(sessions):
            values: dict[int, Value] = {
                **_span_values(index, 8, session),
                5: SPORTS[session.sport],
                6: SUB_SPORTS[session.sub_sport],
                44: None if session.pool_length_m is None else round(session.pool_length_m * 100),
            }
            self._writer.write(definition.encode(values | _total_values(totals, session.reported)))
        self._once(
            34,
            (_TIMESTAMP, fit_seconds(max(session.end_ms for session in sessions))),
            (FitField(0, BaseType.UINT32), round(sum(session.timer_s for session in sessions) * 1000)),
            (FitField(1, BaseType.UINT16), len(sessions)),
            (FitField(2, BaseType.ENUM), int(len(sessions) > 1)),
            (FitField(3, BaseType.ENUM), 26),
            (FitField(4, BaseType.ENUM), 1),
        )


class _RecordBlock:
    """Records that follow one definition, or two where times are compressed."""

    def __init__(self, table: SampleTable, layout: FileLayout, flipped: bool, bare_local: int) -> None:
        self._seconds = table.time_ms // 1000 - _FIT_EPOCH_S
        self._compressed = layout.compressed_timestamps
        endian: Endian = layout.endian
        if flipped:
            endian = ">" if endian == "<" else "<"
        self._columns: dict[int, npt.NDArray[np.int64]] = {253: self._seconds}
        self._validity: dict[int, npt.NDArray[np.bool_] | None] = {253: None}
        fields = [_TIMESTAMP]
        for channel, column in table.columns.items():
            for source in _fields_of(channel, layout.plain_fields):
                fields.append(FitField(source.number, source.base_type))
                self._columns[source.number] = source.from_channel(column.astype(np.int64))
                self._validity[source.number] = table.validity[channel]
        self._full = FitDefinition(layout.record_local, 20, tuple(fields), endian)
        self._bare = FitDefinition(bare_local, 20, tuple(fields[1:]), endian)

    def timed(self, previous: int | None) -> Iterator[_Timed]:
        """The definitions and the records; `previous` is the time of the record before, if any."""
        first = int(self._seconds[0])
        yield _Timed(first, 1, self._full.encode_definition())
        full = self._full.encode_columns(self._columns, self._validity)
        if not self._compressed:
            yield from self._lines(full)
            return
        yield _Timed(first, 1, self._bare.encode_definition())
        gaps = np.diff(self._seconds, prepend=first - 32 if previous is None else previous)
        near = (gaps >= 0) & (gaps < 32)
        bare = self._bare.encode_columns(self._columns, self._validity, self._seconds)
        for second, is_near, short, whole in zip(self._seconds.tolist(), near, bare, full, strict=True):
            yield _Timed(second, 1, short.tobytes() if is_near else whole.tobytes())

    def _lines(self, rows: npt.NDArray[np.uint8]) -> Iterator[_Timed]:
        content, width = rows.tobytes(), rows.shape[1]
        for index, second in enumerate(self._seconds.tolist()):
            yield _Timed(second, 1, content[index * width : (index + 1) * width])


def _fields_of(channel: str, plain: bool) -> tuple[FieldOfChannel, ...]:
    if channel not in RECORD_FIELDS:
        raise ValueError(f"FIT has no record field for the channel {channel}")
    every = RECORD_FIELDS[channel]
    return tuple(field for field in every if field.plain is None or field.plain == plain)


def _rows(table: SampleTable, rows: slice) -> SampleTable:
    return SampleTable(
        table.series,
        table.time_ms[rows],
        {channel: column[rows] for channel, column in table.columns.items()},
        {channel: None if valid is None else valid[rows] for channel, valid in table.validity.items()},
    )


def _beat_groups(time_ms: npt.NDArray[np.int64]) -> Iterator[slice]:
    """Beats that share a message: a few in a row, and none across a silence."""
    silences = np.flatnonzero(np.diff(time_ms) > _SILENCE_MS) + 1
    for first, end in zip([0, *silences.tolist()], [*silences.tolist(), len(time_ms)], strict=True):
        for start in range(first, end, _RR_PER_MESSAGE):
            yield slice(start, min(start + _RR_PER_MESSAGE, end))


def _length_values(index: int, length: PoolLength) -> dict[int, Value]:
    elapsed_ms = length.end_ms - length.start_ms
    return {
        254: index,
        253: fit_seconds(length.end_ms),
        0: 28,
        1: 1,
        2: fit_seconds(length.start_ms),
        3: elapsed_ms,
        4: elapsed_ms,
        5: length.strokes,
        7: None if length.stroke is None else SWIM_STROKES[length.stroke],
        12: int(length.active),
    }


def _span_values(index: int, event: int, part: SessionPart | LapPart) -> dict[int, Value]:
    return {
        254: index,
        253: fit_seconds(part.end_ms),
        0: event,
        1: 1,
        2: fit_seconds(part.start_ms),
        7: round(part.elapsed_s * 1000),
        8: round(part.timer_s * 1000),
        9: None if part.distance_m is None else round(part.distance_m * 100),
    }


def _present_totals(
    known: Mapping[str, FieldOfTotal], reported: list[Mapping[str, float]]
) -> tuple[FieldOfTotal, ...]:
    """The totals that at least one part reports, so that all parts share a definition."""
    return tuple(total for name, total in known.items() if any(name in part for part in reported))


def _total_values(totals: tuple[FieldOfTotal, ...], reported: Mapping[str, float]) -> dict[int, Value]:
    return {
        total.field.number: math.floor((reported[total.name] + total.offset) * total.scale + 0.5)
        for total in totals
        if total.name in reported
    }
