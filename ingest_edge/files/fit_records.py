"""The record messages of a link as one table of channel columns."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np

from ingest_edge.files.activity import BoolArray, Int32Array, Int64Array, Loss, SampleTable
from ingest_edge.files.channels import SCALES
from ingest_edge.files.fit_clock import FitClock, Float64Array
from ingest_edge.files.fit_messages import FitMessage, Raw, first_number
from ingest_edge.files.fit_profile import (
    COMPRESSED_SPEED_DISTANCE,
    DISTANCE,
    FRACTIONAL_CADENCE,
    LEFT_RIGHT_BALANCE,
    RECORD_FIELDS,
    RECORD_SOURCES,
    SPEED,
    TIMESTAMP,
    ChannelSource,
)

_INT32 = np.iinfo(np.int32)
_BYTES_A_VALUE = 5
_FAR_S = 31 * 86_400
"""A record this far from the middle one of its link is a device's slip, not part of the activity."""

_RIGHT_SIDE_KNOWN = 0x80
_BALANCE_MASK = 0x7F
_TWELVE_BITS = 4096


class _SparseColumn:
    """Values of one field beside the rows that have one."""

    def __init__(self) -> None:
        self.rows = array("q")
        self.values = array("d")

    def add(self, row: int, value: float) -> None:
        self.rows.append(row)
        self.values.append(value)

    def spread(self, size: int) -> Float64Array:
        """All rows, NaN where there is no value."""
        column = np.full(size, np.nan)
        column[np.frombuffer(self.rows, np.int64)] = np.frombuffer(self.values, np.float64)
        return column


class RecordSource(Protocol):
    """The record messages of a link as columns, in the order of the file."""

    @property
    def seconds(self) -> Float64Array:
        """Time stamps in FIT seconds, NaN where one is absent, shape (n,)."""
        ...

    @property
    def offsets(self) -> Int64Array:
        """The byte of the file at which each message begins, shape (n,)."""
        ...

    def numbers(self, field_number: int) -> Float64Array | None:
        """A field before scale and offset, NaN where absent, shape (n,); None where no record has it."""
        ...


class RecordCollector:
    """A `RecordSource` that takes messages one by one."""

    def __init__(self) -> None:
        self._seconds = array("d")
        self._offsets = array("q")
        self._fields: dict[int, _SparseColumn] = {}
        self._travelled_sixteenths = 0

    @property
    def seconds(self) -> Float64Array:
        """See `RecordSource.seconds`."""
        return np.frombuffer(self._seconds, np.float64)

    @property
    def offsets(self) -> Int64Array:
        """See `RecordSource.offsets`."""
        return np.frombuffer(self._offsets, np.int64)

    def numbers(self, field_number: int) -> Float64Array | None:
        """See `RecordSource.numbers`."""
        field = self._fields.get(field_number)
        return None if field is None else field.spread(len(self._seconds))

    def add(self, message: FitMessage) -> None:
        """Take one record."""
        values = message.values
        row = len(self._seconds)
        time = first_number(values.get(TIMESTAMP))
        self._seconds.append(float("nan") if time is None else time)
        self._offsets.append(message.offset)
        if COMPRESSED_SPEED_DISTANCE in values:
            self._unpack_speed_distance(row, values)
        for field_number, raw in values.items():
            if field_number in RECORD_FIELDS and (value := first_number(raw)) is not None:
                self._field(field_number).add(row, value)

    def _field(self, field_number: int) -> _SparseColumn:
        return self._fields.setdefault(field_number, _SparseColumn())

    def _unpack_speed_distance(self, row: int, values: Mapping[int, Raw]) -> None:
        """Three bytes: 12 bits of speed in 1/100 m/s, 12 bits of a distance in 1/16 m that wraps."""
        packed = values[COMPRESSED_SPEED_DISTANCE]
        if not isinstance(packed, tuple) or len(packed) != 3:
            return
        speed = packed[0] | (packed[1] & 0x0F) << 8
        sixteenths = packed[1] >> 4 | packed[2] << 4
        self._travelled_sixteenths += (sixteenths - self._travelled_sixteenths) % _TWELVE_BITS
        self._field(SPEED).add(row, speed * 10)
        self._field(DISTANCE).add(row, self._travelled_sixteenths * 100 / 16)


def record_table(
    source: RecordSource, clock: FitClock, losses: list[Loss], room: int | None = None
) -> SampleTable | None:
    """The table in the order of time, None where there is no record. What was lost joins `losses`.

    `room` bounds the bytes of the columns: a few records with many fields would make the many others wide.
    """
    return _RecordTable(source, losses).build(clock, room)


class _RecordTable:
    def __init__(self, source: RecordSource, losses: list[Loss]) -> None:
        self._source = source
        self._offsets = source.offsets
        self._losses = losses

    def build(self, clock: FitClock, room: int | None) -> SampleTable | None:
        """See `record_table`."""
        if not len(self._offsets):
            return None
        time_ms = clock.unix_ms_array(self._source.seconds)
        keep = self._placed(time_ms)
        if not keep.any():
            return None
        kept_ms = time_ms[keep].astype(np.int64)
        order = self._order(kept_ms, keep)
        rows = np.flatnonzero(keep) if order is None else np.flatnonzero(keep)[order]
        columns: dict[str, Int32Array] = {}
        validity: dict[str, BoolArray | None] = {}
        for channel in dict.fromkeys([source.channel for source in RECORD_SOURCES] + ["left_power"]):
            numbers = self._channel(channel)
            if numbers is None:
                continue
            numbers = numbers if len(rows) == len(numbers) and order is None else numbers[rows]
            valid = ~np.isnan(numbers)
            if not valid.any():
                continue
            if room is not None:
                room -= len(numbers) * _BYTES_A_VALUE
                if room < 0 and 2 * np.count_nonzero(valid) < len(valid):
                    self._losses.append(Loss(None, f"{channel}: too few values among too many records"))
                    continue
            columns[channel] = np.where(valid, numbers, 0).astype(np.int32)
            validity[channel] = None if valid.all() else valid
        return SampleTable("record", kept_ms if order is None else kept_ms[order], columns, validity)

    def _placed(self, time_ms: Float64Array) -> BoolArray:
        """Which records have a time that can be theirs."""
        timed = ~np.isnan(time_ms)
        self._report(~timed, "records without a usable time")
        if not timed.any():
            return timed
        far = timed & (np.abs(time_ms - np.median(time_ms[timed])) > _FAR_S * 1000)
        self._report(far, "records weeks away from the others")
        return timed & ~far

    def _order(self, time_ms: Int64Array, keep: BoolArray) -> Int64Array | None:
        """The permutation that makes time run forward, or None where it does."""
        backward = np.diff(time_ms) < 0
        if not backward.any():
            return None
        first = int(self._offsets[keep][1:][backward][0])
        count = int(np.count_nonzero(backward))
        self._losses.append(Loss(first, f"time runs backward {count} times: the records were put in order"))
        return np.argsort(time_ms, kind="stable").astype(np.int64)

    def _report(self, lost: BoolArray, what: str) -> None:
        if lost.any():
            count = int(np.count_nonzero(lost))
            first = int(self._offsets[int(np.argmax(lost))])
            self._losses.append(Loss(first, f"{count} {what} were dropped"))

    def _channel(self, channel: str) -> Float64Array | None:
        """A channel as wire integers, NaN where there is no value; later sources win."""
        if channel == "left_power":
            balance = self._source.numbers(LEFT_RIGHT_BALANCE)
            return None if balance is None else _left_power(balance)
        found: Float64Array | None = None
        for source in RECORD_SOURCES:
            column = self._scaled(source) if source.channel == channel else None
            if column is not None:
                found = column if found is None else np.where(np.isnan(column), found, column)
        return found

    def _scaled(self, source: ChannelSource) -> Float64Array | None:
        field = self._source.numbers(source.field_number)
        if field is None:
            return None
        scaled = field * source.factor + source.shift
        fraction = self._source.numbers(FRACTIONAL_CADENCE) if source.channel == "cadence" else None
        if fraction is not None:
            scaled += np.floor(np.nan_to_num(fraction * SCALES["cadence"] / 128))
        column = np.rint(scaled)
        outside = (column < _INT32.min) | (column > _INT32.max)
        self._report(outside, f"values of {source.channel} beyond 32 bits")
        column[outside] = np.nan
        return column


def _left_power(balance: Float64Array) -> Float64Array:
    """The left leg's share from FIT's byte: a percentage whose side is known only if the top bit is set."""
    present = ~np.isnan(balance)
    octets = np.where(present, balance, 0).astype(np.int64)
    left = (100 - (octets & _BALANCE_MASK)) * SCALES["left_power"]
    known = present & (octets & _RIGHT_SIDE_KNOWN > 0) & (left >= 0)
    return np.where(known, left, np.nan)


def concatenated(tables: Iterable[SampleTable], series: str) -> SampleTable | None:
    """Tables of one series from several links as one, in the order of time; None where there are none."""
    parts = [table for table in tables if table.series == series]
    if len(parts) < 2:
        return parts[0] if parts else None
    time_ms = np.concatenate([part.time_ms for part in parts])
    order = np.argsort(time_ms, kind="stable")
    columns: dict[str, Int32Array] = {}
    validity: dict[str, BoolArray | None] = {}
    for channel in sorted({channel for part in parts for channel in part.columns}):
        column = np.concatenate([part.columns.get(channel, np.zeros(len(part), np.int32)) for part in parts])
        valid = np.concatenate([_validity(part, channel) for part in parts])
        columns[channel] = column[order]
        validity[channel] = None if valid.all() else valid[order]
    return SampleTable(series, time_ms[order], columns, validity)


def _validity(table: SampleTable, channel: str) -> BoolArray:
    if channel not in table.columns:
        return np.zeros(len(table), np.bool_)
    valid = table.validity[channel]
    return np.ones(len(table), np.bool_) if valid is None else valid
