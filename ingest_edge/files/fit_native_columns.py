"""Records and heart beats of a link as our own reader has them."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import Int64Array
from ingest_edge.files.fit.content import LinkTable
from ingest_edge.files.fit.counters import followed
from ingest_edge.files.fit.long_tables import Key, Raw
from ingest_edge.files.fit.profile import DeveloperField
from ingest_edge.files.fit_clock import Float64Array
from ingest_edge.files.fit_heartbeats import HRV_SCALE, Beats
from ingest_edge.files.fit_profile import (
    APP_FIELDS,
    COMPRESSED_SPEED_DISTANCE,
    DISTANCE,
    NATIVE_OVERRIDES,
    RECORD_FIELDS,
    SPEED,
    TIMESTAMP,
    MessageNumber,
)

_TWELVE_BITS = 0xFFF
_INTERVALS = 0


class _Everything:
    """All fields of apps, and of the profile those that an activity needs."""

    def __contains__(self, key: object) -> bool:
        return isinstance(key, tuple) or key in RECORD_FIELDS or key in (TIMESTAMP, COMPRESSED_SPEED_DISTANCE)


class NativeRecords:
    """A `RecordSource` on a table of record messages, or on none."""

    def __init__(self, table: LinkTable | None) -> None:
        self._table = table
        self._size = 0 if table is None else len(table)
        self._fields: dict[Key, Raw] = {} if table is None else table.fields(_Everything())

    @cached_property
    def seconds(self) -> Float64Array:
        """See `RecordSource.seconds`."""
        field = self._fields.get(TIMESTAMP)
        return np.full(self._size, np.nan) if field is None else first_numbers(field, self._size)

    @property
    def offsets(self) -> Int64Array:
        """See `RecordSource.offsets`."""
        return np.empty(0, np.int64) if self._table is None else self._table.offsets

    def numbers(self, field_number: int) -> Float64Array | None:
        """See `RecordSource.numbers`. The value of an app stands in where the device has none of its own."""
        found: Float64Array | None = None
        for raw in self._substitutes(field_number):
            found = _over(self._substituted(raw), found)
        if field_number in (SPEED, DISTANCE) and self._unpacked is not None:
            found = self._unpacked[field_number]
        own = self._fields.get(field_number)
        if own is not None and not _is_misfit(own):
            found = _over(first_numbers(own, self._size), found)
        return None if found is None or np.isnan(found).all() else found

    def _substitutes(self, field_number: int) -> list[Raw]:
        return [
            raw
            for raw in self._fields.values()
            if raw.info.developer is not None
            and raw.is_numbers
            and _stands_for(raw.info.developer) == field_number
        ]

    def _substituted(self, raw: Raw) -> Float64Array:
        values = first_numbers(raw, self._size)
        values[np.isinf(values)] = np.nan
        return values / raw.info.scale - raw.info.offset

    @cached_property
    def _unpacked(self) -> dict[int, Float64Array] | None:
        """Three bytes: 12 bits of speed in 1/100 m/s, 12 bits of a distance in 1/16 m that wraps."""
        raw = self._fields.get(COMPRESSED_SPEED_DISTANCE)
        if raw is None or isinstance(raw.values, list) or raw.values.shape[1:] != (3,):
            return None
        there = np.ones(len(raw.values), np.bool_) if raw.absent is None else ~raw.absent.any(axis=1)
        octets = raw.values[there].astype(np.int64)
        speed = octets[:, 0] | (octets[:, 1] & 0x0F) << 8
        sixteenths = octets[:, 1] >> 4 | octets[:, 2] << 4
        travelled = followed(sixteenths, np.zeros(len(sixteenths), np.bool_), _TWELVE_BITS)
        rows = np.flatnonzero(there) if raw.rows is None else raw.rows[there]
        return {
            SPEED: _spread(speed * 10.0, rows, self._size),
            DISTANCE: _spread(travelled * 100 / 16, rows, self._size),
        }


def native_beats(table: LinkTable | None, records: NativeRecords) -> Beats:
    """The heart beats of a table of `hrv` messages, or of none."""
    timed = ~np.isnan(records.seconds)
    seconds, offsets = records.seconds[timed], records.offsets[timed]
    first = float(seconds[0]) if len(seconds) else float("nan")
    raw = None if table is None else table.fields({_INTERVALS}).get(_INTERVALS)
    if table is None or raw is None or isinstance(raw.values, list):
        return Beats(np.empty(0), np.empty(0), first)
    values = raw.values[:, None] if raw.is_numbers else raw.values
    there = np.ones(values.shape, np.bool_) if raw.absent is None else ~raw.absent.reshape(values.shape)
    row, _ = np.nonzero(there)
    messages = table.offsets if raw.rows is None else table.offsets[raw.rows]
    before = np.searchsorted(offsets, messages[row]) - 1
    known = np.concatenate((seconds, [np.nan]))[before]
    return Beats(values[there] / HRV_SCALE, known, first)


def _stands_for(declared: DeveloperField) -> int | None:
    """The field of the record message, or of ours, that an app's field gives values to."""
    # Devices leave out the native message's number where it is the record's.
    if declared.native_field in NATIVE_OVERRIDES and declared.native_message in (None, MessageNumber.RECORD):
        return declared.native_field
    return APP_FIELDS.get((declared.name, declared.units))


def _is_misfit(raw: Raw) -> bool:
    """Bytes where the profile has wider numbers: their sizes did not fit, and they mean nothing."""
    if isinstance(raw.values, list) or raw.values.ndim == 1:
        return False
    return raw.values.dtype.itemsize == 1 and (raw.info.item_bits or 0) > 8


def first_numbers(raw: Raw, size: int) -> Float64Array:
    """A field as numbers, shape (n,): of arrays the first item that is there, NaN where there is none."""
    values, absent = raw.values, raw.absent
    if isinstance(values, list):
        found: Any = np.array([_first(item) for item in values], np.float64)
    elif values.ndim == 2:
        there = np.ones(values.shape, np.bool_) if absent is None else ~absent
        first = np.argmax(there, axis=1)
        rows = np.arange(len(values))
        found = np.where(there[rows, first], values[rows, first].astype(np.float64), np.nan)
    else:
        found = values.astype(np.float64)
        if absent is not None:
            found[absent] = np.nan
    return found if raw.rows is None else _spread(found, raw.rows, size)


def _first(item: Any) -> float:
    if isinstance(item, list):
        item = next((part for part in item if part is not None), None)
    return float(item) if isinstance(item, int | float) else float("nan")


def _over(better: Float64Array, other: Float64Array | None) -> Float64Array:
    return better if other is None else np.where(np.isnan(better), other, better)


def _spread(values: Float64Array, rows: npt.NDArray[np.integer[Any]], size: int) -> Float64Array:
    spread = np.full(size, np.nan)
    spread[rows] = values
    return spread
