"""Columns of a table of many messages: each field is a strided view of the file, or of the messages gathered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import BoolArray
from ingest_edge.files.fit.columns import ArrayColumn, Column, ListColumn, RowsColumn, SparseColumn, Values
from ingest_edge.files.fit.plan import BYTES, NUMBER, TEXT, DeveloperField, Plan, Slot
from ingest_edge.files.fit.profile import TIMESTAMP
from ingest_edge.files.fit.short_tables import decoded

_MEMO = 16_384
"""Texts remembered while a column is decoded: most columns repeat a few."""

Rows = npt.NDArray[np.integer[Any]]
Offsets = npt.NDArray[np.int64]


@dataclass(slots=True)
class Raw:
    """A field before scale and offset. `values` is (n,) numbers, (n, k) numbers, or a list of objects.

    `absent` marks the items that are not there (None: all are), in the shape of `values`. With `rows` the
    field is sparse: `values` are those of these rows of the table only.
    """

    values: Any
    absent: BoolArray | None
    rows: Rows | None = None
    developer: DeveloperField | None = None

    @property
    def is_numbers(self) -> bool:
        """One number a row."""
        return not isinstance(self.values, list) and self.values.ndim == 1

    def dense(self, size: int) -> tuple[Values, BoolArray | None]:
        """Numbers and what is absent of all rows of the table; the numbers of absent rows mean nothing."""
        if self.rows is None:
            return self.values, self.absent
        values = np.zeros(size, self.values.dtype)
        values[self.rows] = self.values
        absent = np.ones(size, np.bool_)
        absent[self.rows] = False if self.absent is None else self.absent
        return values, absent


Key = int | tuple[int, int]
"""A field number, or developer and field number."""


def long_fields(
    content: bytes,
    parts: Sequence[tuple[Plan, Offsets, Rows | None]],
    size: int,
    timestamps: npt.NDArray[np.int64] | None,
) -> dict[Key, Raw]:
    """The fields that any of the messages has. `parts` are plan, offsets, and rows (None: all of them).

    `timestamps` has the time of messages with compressed headers, −1 elsewhere.
    """
    found: dict[Key, list[Raw]] = {}
    for plan, offsets, rows in parts:
        reader = _PlanReader(content, plan, offsets)
        for slot in plan.slots:
            raw = reader.read(slot)
            if raw is not None:
                raw.rows = rows
                found.setdefault(slot.number, []).append(raw)
        for slot in plan.developer_slots:
            raw = reader.read(slot)
            if raw is not None and slot.developer is not None:
                raw.rows, raw.developer = rows, slot.developer
                found.setdefault((slot.developer.developer, slot.number), []).append(raw)
    fields = {key: raws[0] if len(raws) == 1 else _joined(raws, size) for key, raws in found.items()}
    if timestamps is not None:
        _fill_in(fields, timestamps, size)
    return fields


class _PlanReader:
    """Reads fields of messages that share a plan."""

    def __init__(self, content: bytes, plan: Plan, offsets: Offsets) -> None:
        self._count = len(offsets)
        self._stride = plan.size
        first = int(offsets[0])
        if int(offsets[-1]) - first == (len(offsets) - 1) * plan.size:
            self._buffer: Any = content
            self._first = first
        else:
            at_every_byte: Values = np.ndarray(
                (len(content) - plan.size + 1,), _void(plan.size), content, 0, (1,)
            )
            self._buffer = at_every_byte[offsets]
            self._first = 0

    def read(self, slot: Slot) -> Raw | None:
        """A field, None where no message has a value."""
        if slot.form == NUMBER:
            return self._numbers(slot)
        if slot.form == TEXT:
            return self._texts(slot)
        return self._arrays(slot)

    def _view(self, dtype: Any, slot: Slot, shape: tuple[int, ...], strides: tuple[int, ...]) -> Values:
        return np.ndarray(shape, dtype, self._buffer, self._first + slot.start, strides)

    def _numbers(self, slot: Slot) -> Raw | None:
        values = self._view(slot.dtype, slot, (self._count,), (self._stride,))
        absent = values != values if slot.invalid is None else values == slot.invalid
        missing = np.count_nonzero(absent)
        if not missing:
            return Raw(values, None)
        return Raw(values, absent) if missing < self._count else None

    def _arrays(self, slot: Slot) -> Raw | None:
        step = np.dtype(slot.dtype).itemsize
        values = self._view(slot.dtype, slot, (self._count, slot.count), (self._stride, step))
        absent: BoolArray = values != values if slot.invalid is None else values == slot.invalid
        nothing = absent.all(axis=1)
        if nothing.all():
            return None
        if slot.form == BYTES:
            # Bytes are all there, or none of them is.
            absent = np.repeat(nothing[:, None], slot.count, axis=1)
        return Raw(values, absent if absent.any() else None)

    def _texts(self, slot: Slot) -> Raw | None:
        memo: dict[bytes, Any] = {}
        texts = []
        for octets in self._view(f"S{slot.size}", slot, (self._count,), (self._stride,)).tolist():
            text = memo.get(octets, memo)
            if text is memo:
                text = decoded(octets)
                if len(memo) < _MEMO:
                    memo[octets] = text
            texts.append(text)
        return None if texts.count(None) == len(texts) else Raw(texts, None)


@lru_cache(maxsize=256)
def _void(size: int) -> np.dtype[np.void]:
    return np.dtype((np.void, size))


def _joined(raws: list[Raw], size: int) -> Raw:
    """A field of several plans, or one that a plan has twice: then the later value counts where there is one."""
    developer = raws[0].developer
    dtype = _common([raw.values.dtype for raw in raws]) if all(raw.is_numbers for raw in raws) else None
    if dtype is None:
        return _joined_objects(raws, size)
    covered = sum(size if raw.rows is None else len(raw.rows) for raw in raws)
    if 2 * covered < size:
        rows = np.concatenate([raw.rows for raw in raws if raw.rows is not None])
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
        if not np.any(rows[1:] == rows[:-1]):
            values = np.concatenate([raw.values for raw in raws], dtype=dtype)[order]
            absent = np.concatenate([_absent(raw) for raw in raws])[order]
            return Raw(values, absent if absent.any() else None, rows, developer)
    values = np.zeros(size, dtype)
    absent = np.ones(size, np.bool_)
    for raw in raws:
        rows = np.arange(size) if raw.rows is None else raw.rows
        kept, source = rows, raw.values
        if raw.absent is not None:
            kept, source = rows[~raw.absent], source[~raw.absent]
        values[kept] = source
        absent[kept] = False
    return Raw(values, absent if absent.any() else None, None, developer)


def _absent(raw: Raw) -> BoolArray:
    return np.zeros(len(raw.values), np.bool_) if raw.absent is None else raw.absent


def _common(dtypes: Sequence[np.dtype[Any]]) -> np.dtype[Any] | None:
    """A type that holds all of these exactly, None where there is none."""
    common = np.result_type(*dtypes)
    if common.kind != "f" or all(dtype.kind == "f" for dtype in dtypes):
        return common.newbyteorder("=")
    if all(dtype.kind == "f" or dtype.itemsize < 8 for dtype in dtypes):
        return np.dtype(np.float64)
    return None


def _joined_objects(raws: list[Raw], size: int) -> Raw:
    items: list[Any] = [None] * size
    for raw in raws:
        rows = range(size) if raw.rows is None else raw.rows.tolist()
        for row, item in zip(
            rows, column_of("", "", raw, len(rows), 1, 0, compact=True).items(), strict=True
        ):
            if item is not None:
                items[row] = item
    return Raw(items, None, None, raws[0].developer)


def _fill_in(fields: dict[Key, Raw], timestamps: npt.NDArray[np.int64], size: int) -> None:
    compressed = timestamps >= 0
    own = fields.get(TIMESTAMP)
    if own is None or not own.is_numbers:
        fields[TIMESTAMP] = Raw(timestamps, None if compressed.all() else ~compressed)
        return
    values, absent = own.dense(size)
    missing = ~compressed if absent is None else ~compressed & absent
    if absent is None:
        missing = np.zeros(size, np.bool_)
    joined = np.where(compressed, timestamps, values)
    fields[TIMESTAMP] = Raw(joined, missing if missing.any() else None)


def column_of(
    name: str, units: str, raw: Raw, size: int, scale: float, offset: float, compact: bool = False
) -> Column:
    """The column of a raw field of a table of `size` rows; sparse where fewer than half have a value.

    With `compact` the rows of a sparse field are taken as all there are.
    """
    values, absent, rows = raw.values, raw.absent, None if compact else raw.rows
    if isinstance(values, list):
        column: Column = ListColumn(name, units, values, scale, offset, False, raw.developer)
        return column if rows is None else _spread(column, values, rows, size)
    if values.ndim == 2:
        present = None if absent is None else ~absent.all(axis=1)
        present = None if present is None or present.all() else present
        column = RowsColumn(name, units, values, absent, present, scale, offset, raw.developer)
        if rows is None:
            return column
        return _spread(column, column.items(), rows, size)
    if absent is not None and 2 * np.count_nonzero(absent) > len(values):
        there = ~absent
        rows = np.flatnonzero(there).astype(np.uint32) if rows is None else rows[there]
        values, absent = values[there], None
    if rows is None:
        return ArrayColumn(name, units, values, absent, scale, offset, raw.developer)
    if absent is not None:
        there = ~absent
        rows, values = rows[there], values[there]
    return SparseColumn(rows, ArrayColumn(name, units, values, None, scale, offset, raw.developer), size)


def _spread(column: Column, items: list[Any], rows: Rows, size: int) -> Column:
    there = [item is not None for item in items]
    kept = [item for item in items if item is not None]
    # The items of an array column are in physical units already; text has none.
    listed = ListColumn(column.name, column.units, kept, 1, 0, False, column.developer)
    return SparseColumn(rows[np.array(there)], listed, size)
