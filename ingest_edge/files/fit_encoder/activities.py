"""An `Activity` as a FIT file: the messages a head unit or a watch would write, in the order it would."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import Activity, DeviceIdentity, LapPart, Marker, PoolLength, SessionPart
from ingest_edge.files.fit_encoder.base_types import BaseType
from ingest_edge.files.fit_encoder.channel_fields import LAP_TOTALS, SESSION_TOTALS, FieldOfTotal
from ingest_edge.files.fit_encoder.clock import fit_seconds
from ingest_edge.files.fit_encoder.codes import LAP_TRIGGERS, SWIM_STROKES, sport_codes
from ingest_edge.files.fit_encoder.definitions import FitDefinition, FitField, Value
from ingest_edge.files.fit_encoder.developer_fields import describe_developer, describe_field
from ingest_edge.files.fit_encoder.interleave import TimedMessage, interleaved
from ingest_edge.files.fit_encoder.layout import FileLayout
from ingest_edge.files.fit_encoder.records import RecordColumns
from ingest_edge.files.fit_encoder.writer import FitWriter

_DEVELOPMENT = 255
_RR_PER_MESSAGE = 5
_SILENCE_MS = 2500
_LONGEST_RR_MS = 65_534
_MAX_NAME = 128
_MAX_SENSORS = 64

_TIMESTAMP = FitField(253, BaseType.UINT32)
_INDEX = FitField(254, BaseType.UINT16)
_EVENT = (FitField(0, BaseType.ENUM), FitField(1, BaseType.ENUM))
_SPAN = (
    FitField(2, BaseType.UINT32),
    FitField(7, BaseType.UINT32),
    FitField(8, BaseType.UINT32),
    FitField(9, BaseType.UINT32),
)


def write_activity(
    activity: Activity,
    layout: FileLayout | None = None,
    *,
    sensors: Sequence[DeviceIdentity] = (),
    lenient: bool = False,
) -> bytes:
    """The FIT file of an activity. Times are cut to whole seconds, as the format has no finer ones.

    Of the tables `record` and `rr` are written. Channels without a field of the profile become developer
    fields. `sensors` are devices beside the one that made the file.

    Raises ValueError for a value that its FIT field cannot hold, unless `lenient`: then it is left out.
    """
    return _ActivityWriter(activity, layout or FileLayout(), sensors, lenient).to_bytes()


class _ActivityWriter:
    def __init__(
        self, activity: Activity, layout: FileLayout, sensors: Sequence[DeviceIdentity], lenient: bool
    ) -> None:
        self._activity = activity
        self._layout = layout
        self._sensors = sensors
        self._lenient = lenient
        self._writer = FitWriter(header_size=layout.header_size)
        table = activity.table("record")
        self._records = (
            None if table is None or not len(table) else RecordColumns(table, layout, lenient=lenient)
        )
        others = (number for number in range(16) if number not in (layout.record_local, self._bare_local))
        self._locals = dict(zip(("head", "event", "hrv", "length", "lap", "session"), others, strict=False))

    @property
    def _bare_local(self) -> int:
        """The local number of records whose time is in the header."""
        return (self._layout.record_local + 1) % 4

    def to_bytes(self) -> bytes:
        self._head()
        self._describe_developer_fields()
        others = [*self._events(), *self._lengths(), *self._laps(), *self._beats()]
        blocks = [] if self._records is None else list(self._records.blocks(self._bare_local))
        for content in interleaved(blocks, others):
            self._writer.write(content)
        self._sessions()
        return self._writer.to_bytes(
            checksum=self._layout.checksum, header_checksum=self._layout.header_checksum
        )

    def _encode(self, definition: FitDefinition, values: Mapping[int, Value]) -> bytes:
        if not self._lenient:
            return definition.encode(values)
        fields = {field.number: field for field in definition.fields}
        return definition.encode(
            {number: value for number, value in values.items() if _fits(fields[number], value)}
        )

    def _define(self, local: str, message: int, *fields: FitField) -> FitDefinition:
        definition = FitDefinition(self._locals[local], message, fields, self._layout.endian)
        self._writer.define(definition)
        return definition

    def _once(self, message: int, *fields: tuple[FitField, Value]) -> None:
        definition = self._define("head", message, *(field for field, _ in fields))
        self._writer.write(self._encode(definition, {field.number: value for field, value in fields}))

    def _head(self) -> None:
        activity, device = self._activity, self._activity.device
        created = fit_seconds(activity.start_time_ms)
        name = _clipped_utf8(device.name or "")
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
        for index, sensor in enumerate(self._sensors[:_MAX_SENSORS], 1):
            self._sensor(index, sensor, created)
        if activity.sessions:
            first = activity.sessions[0]
            sport, sub_sport = sport_codes(first.sport, first.sub_sport)
            self._once(12, (FitField(0, BaseType.ENUM), sport), (FitField(1, BaseType.ENUM), sub_sport))

    def _sensor(self, index: int, sensor: DeviceIdentity, created: int) -> None:
        name = _clipped_utf8(sensor.name or sensor.product or "")
        self._once(
            23,
            (_TIMESTAMP, created),
            (FitField(0, BaseType.UINT8), index),
            (FitField(2, BaseType.UINT16), _DEVELOPMENT),
            (FitField(3, BaseType.UINT32Z), sensor.serial),
            *(((FitField(27, BaseType.STRING, len(name) + 1), name),) if name else ()),
        )

    def _describe_developer_fields(self) -> None:
        if self._records is None or not self._records.developer_channels:
            return
        local, endian = self._locals["head"], self._layout.endian
        self._writer.write(describe_developer(local, endian))
        for channel in self._records.developer_channels:
            self._writer.write(describe_field(local, endian, channel.field, channel.name, channel.unit))

    def _events(self) -> Iterator[TimedMessage]:
        timer = self._define("event", 21, _TIMESTAMP, *_EVENT)
        moments = [Marker("resume", self._activity.start_time_ms)]
        moments += [marker for marker in self._activity.markers if marker.kind != "lap"]
        ends = [session.end_ms for session in self._activity.sessions]
        if ends:
            moments.append(Marker("pause", max(ends)))
        for moment in moments:
            seconds = fit_seconds(moment.time_ms)
            kind = 0 if moment.kind == "resume" else 4
            yield TimedMessage(
                seconds, 0 if kind == 0 else 3, self._encode(timer, {253: seconds, 0: 0, 1: kind})
            )

    def _beats(self) -> Iterator[TimedMessage]:
        table = self._activity.table("rr")
        if table is None:
            return
        hrv = self._define("hrv", 78, FitField(0, BaseType.UINT16, _RR_PER_MESSAGE))
        milliseconds = np.rint(table.columns["rr_interval"] * (1000 / 1024)).astype(np.int64)
        # 65.535 s would mean none; nobody's heart waits so long.
        milliseconds = np.clip(milliseconds, 0, _LONGEST_RR_MS)
        for group in _beat_groups(table.time_ms):
            # After the record of the second in which the group's first beat fell.
            seconds = fit_seconds(int(table.time_ms[group.start]))
            yield TimedMessage(seconds, 2, hrv.encode({0: milliseconds[group].tolist()}))

    def _lengths(self) -> Iterator[TimedMessage]:
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
            yield TimedMessage(fit_seconds(length.end_ms), 4, self._encode(definition, values))

    def _laps(self) -> Iterator[TimedMessage]:
        if not self._activity.laps:
            return
        totals = _present_totals(LAP_TOTALS, [lap.reported for lap in self._activity.laps])
        fields = (_INDEX, _TIMESTAMP, *_EVENT, *_SPAN, FitField(24, BaseType.ENUM))
        definition = self._define("lap", 19, *fields, *(total.field for total in totals))
        for index, lap in enumerate(self._activity.laps):
            values = _span_values(index, 9, lap) | {
                24: None if lap.trigger is None else LAP_TRIGGERS[lap.trigger]
            }
            content = self._encode(definition, values | _total_values(totals, lap.reported))
            yield TimedMessage(fit_seconds(lap.end_ms), 5, content)

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
            sport, sub_sport = sport_codes(session.sport, session.sub_sport)
            values: dict[int, Value] = {
                **_span_values(index, 8, session),
                5: sport,
                6: sub_sport,
                44: None if session.pool_length_m is None else round(session.pool_length_m * 100),
            }
            self._writer.write(self._encode(definition, values | _total_values(totals, session.reported)))
        self._once(
            34,
            (_TIMESTAMP, fit_seconds(max(session.end_ms for session in sessions))),
            (FitField(0, BaseType.UINT32), round(sum(session.timer_s for session in sessions) * 1000)),
            (FitField(1, BaseType.UINT16), len(sessions)),
            (FitField(2, BaseType.ENUM), int(len(sessions) > 1)),
            (FitField(3, BaseType.ENUM), 26),
            (FitField(4, BaseType.ENUM), 1),
        )


def _clipped_utf8(text: str) -> bytes:
    """At most `_MAX_NAME` bytes, no character cut in two, nothing after a NUL."""
    return text.split("\0", maxsplit=1)[0].encode()[:_MAX_NAME].decode(errors="ignore").encode()


def _fits(field: FitField, value: Value) -> bool:
    if not isinstance(value, int) or field.base_type.floats or field.base_type is BaseType.STRING:
        return True
    limits = np.iinfo(np.dtype(field.base_type.kind))
    return bool(limits.min <= value <= limits.max)


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
        if total.name in reported and math.isfinite(reported[total.name])
    }
