"""Columns of a table of many messages: fields are strided views of the file, or of its gathered bytes."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import BoolArray
from ingest_edge.files.fit.columns import ArrayColumn, Column, ListColumn, RowsColumn, SparseColumn, Values
from ingest_edge.files.fit.plan import BYTES, NUMBER, TEXT, Plan, Slot
from ingest_edge.files.fit.profile import TIMESTAMP, FieldInfo, unknown_field
from ingest_edge.files.fit.short_tables import decoded

_MEMO = 4096
"""Texts remembered while a column is decoded: most columns repeat a few."""

_MOST_MIXED = 65_536
"""Rows of a column that may hold numbers and arrays as objects, each many times its size in the file."""

Rows = npt.NDArray[np.integer[Any]]
Places = npt.NDArray[np.intp]
Offsets = npt.NDArray[np.uint32]


@dataclass(slots=True)
class Raw:
    """A field before scale and offset. `values` is (n,) numbers, (n, k) numbers, or a list of objects.

    `absent` marks the items that are not there (None: all are), in the shape of `values`. With `rows` the
    field is sparse: `values` are those of these rows of the table only. In rows that are `single` the first
    of k numbers is no array.
    """

    info: FieldInfo
    values: Any
    absent: BoolArray | None
    rows: Rows | None = None
    single: BoolArray | None = None

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


@dataclass(frozen=True, slots=True)
class Part:
    """The messages of one plan in a table: `rows` says which of the table's they are (None: all)."""

    plan: Plan
    offsets: Offsets
    rows: Rows | None


def long_fields(
    content: bytes,
    parts: Sequence[Part],
    order: Rows | None,
    timestamps: npt.NDArray[np.int64] | None,
    wanted: Container[Key] | None = None,
) -> dict[Key, Raw]:
    """The fields that any of the messages has.

    `order` takes the messages of all parts, one part after the other, into the order of the table; it is None
    where there is one part. `timestamps` has the time of messages with compressed headers, −1 elsewhere.
    """
    readers = [_PlanReader(content, part) for part in parts]
    slots: dict[Key, list[tuple[_PlanReader, Slot]]] = {}
    for reader, part in zip(readers, parts, strict=True):
        for slot in part.plan.slots + part.plan.developer_slots:
            declared = slot.info.developer
            key: Key = slot.number if declared is None else (declared.developer, slot.number)
            if wanted is None or key in wanted:
                slots.setdefault(key, []).append((reader, slot))
    size = len(parts[0].offsets) if order is None else len(order)
    places = None if order is None else order.astype(np.intp)
    fields: dict[Key, Raw] = {}
    for key, sources in slots.items():
        raw = _field(sources, readers, places, size)
        if raw is not None:
            fields[key] = raw
    if timestamps is not None:
        info = parts[0].plan.message.fields.get(TIMESTAMP) or unknown_field(TIMESTAMP)
        fields[TIMESTAMP] = _filled_in(info, fields.get(TIMESTAMP), timestamps, size)
    return fields


def _field(
    sources: list[tuple[_PlanReader, Slot]],
    readers: list[_PlanReader],
    order: Places | None,
    size: int,
) -> Raw | None:
    if len(sources) == 1:
        reader, slot = sources[0]
        return reader.read(slot)
    if order is not None and _are_alike(sources, size):
        return _stacked(dict(sources), readers, order)
    raws = [raw for reader, slot in sources if (raw := reader.read(slot)) is not None]
    if not raws:
        return None
    return raws[0] if len(raws) == 1 else _joined(raws, size)


def _are_alike(sources: list[tuple[_PlanReader, Slot]], size: int) -> bool:
    """Whether a field is the same integer in all plans that have it, and most messages have one of these."""
    first = sources[0][1]
    alike = all(
        slot.form == NUMBER and slot.invalid == first.invalid and slot.dtype == first.dtype
        for _, slot in sources
    )
    if not alike or first.invalid is None or len({id(reader) for reader, _ in sources}) < len(sources):
        return False
    return 2 * sum(reader.count for reader, _ in sources) >= size


def _stacked(sources: dict[_PlanReader, Slot], readers: list[_PlanReader], order: Places) -> Raw | None:
    """One plan's values after the other, then put into the order of the table."""
    first = next(iter(sources.values()))
    stacked: Values = np.empty(len(order), first.dtype)
    start = 0
    for reader in readers:
        end = start + reader.count
        slot = sources.get(reader)
        stacked[start:end] = first.invalid if slot is None else reader.numbers(slot)
        start = end
    return _present_numbers(first, stacked.take(order))


class _PlanReader:
    """Reads fields of messages that share a plan."""

    def __init__(self, content: bytes, part: Part) -> None:
        offsets, size = part.offsets, part.plan.size
        self.count = len(offsets)
        self._rows = part.rows
        self._stride = size
        first = int(offsets[0])
        if int(offsets[-1]) - first == (len(offsets) - 1) * size:
            self._buffer: Any = content
            self._first = first
        else:
            at_every_byte: Values = np.ndarray((len(content) - size + 1,), _void(size), content, 0, (1,))
            self._buffer = at_every_byte[offsets]
            self._first = 0

    def read(self, slot: Slot) -> Raw | None:
        """A field, None where no message has a value."""
        if slot.form == NUMBER:
            raw = _present_numbers(slot, self.numbers(slot))
        else:
            raw = self._texts(slot) if slot.form == TEXT else self._arrays(slot)
        if raw is not None:
            raw.rows = self._rows
        return raw

    def numbers(self, slot: Slot) -> Values:
        """A field of one number as it lies in the file, shape (n,)."""
        return self._view(slot.dtype, slot, (self.count,), (self._stride,))

    def _view(self, dtype: Any, slot: Slot, shape: tuple[int, ...], strides: tuple[int, ...]) -> Values:
        return np.ndarray(shape, dtype, self._buffer, self._first + slot.start, strides)

    def _arrays(self, slot: Slot) -> Raw | None:
        step = np.dtype(slot.dtype).itemsize
        values = self._view(slot.dtype, slot, (self.count, slot.count), (self._stride, step))
        absent = _invalid(slot, values)
        nothing = empty_rows(absent)
        if nothing.all():
            return None
        if slot.form == BYTES:
            # Bytes are all there, or none of them is.
            absent = np.repeat(nothing[:, None], slot.count, axis=1)
        return Raw(slot.info, values, absent if absent.any() else None)

    def _texts(self, slot: Slot) -> Raw | None:
        memo: dict[bytes, Any] = {}
        texts = []
        view = self._view(f"S{slot.size}", slot, (self.count,), (self._stride,))
        for start in range(0, self.count, _MEMO):
            for octets in view[start : start + _MEMO].tolist():
                text = memo.get(octets, memo)
                if text is memo:
                    text = decoded(octets)
                    if len(memo) < _MEMO:
                        memo[octets] = text
                texts.append(text)
        return None if texts.count(None) == len(texts) else Raw(slot.info, texts, None)


def _present_numbers(slot: Slot, values: Values) -> Raw | None:
    absent = _invalid(slot, values)
    missing = np.count_nonzero(absent)
    if not missing:
        return Raw(slot.info, values, None)
    return Raw(slot.info, values, absent) if missing < len(values) else None


def _invalid(slot: Slot, values: Values) -> BoolArray:
    invalid: BoolArray = np.isnan(values) if slot.invalid is None else values == slot.invalid
    return invalid


def empty_rows(absent: BoolArray) -> BoolArray:
    """Which rows of items, of shape (n, k), have none that is there."""
    empty: BoolArray = np.logical_and.reduce(absent, axis=1)
    return empty


@lru_cache(maxsize=256)
def _void(size: int) -> np.dtype[np.void]:
    return np.dtype((np.void, size))


def _joined(raws: list[Raw], size: int) -> Raw:
    """A field of several plans, or one that a plan has twice: there the later value counts, if any."""
    info = raws[0].info
    dtype = _common([raw.values.dtype for raw in raws]) if all(raw.is_numbers for raw in raws) else None
    if dtype is None:
        padded = _padded(raws, size)
        if padded is not None or size <= _MOST_MIXED or any(isinstance(raw.values, list) for raw in raws):
            return padded or _joined_objects(raws, size)
        # No device does this, a hostile file may: of each array there is room for the first number.
        raws = [_first_items(raw) for raw in raws]
        dtype = np.dtype(np.float64)
    covered = sum(size if raw.rows is None else len(raw.rows) for raw in raws)
    if 2 * covered < size:
        rows = np.concatenate([raw.rows for raw in raws if raw.rows is not None])
        order = np.argsort(rows, kind="stable")
        rows = rows[order]
        if not np.any(rows[1:] == rows[:-1]):
            values = np.concatenate([raw.values for raw in raws], dtype=dtype)[order]
            absent = np.concatenate([_absent(raw) for raw in raws])[order]
            return Raw(info, values, absent if absent.any() else None, rows)
    values = np.zeros(size, dtype)
    absent = np.ones(size, np.bool_)
    for raw in raws:
        rows = np.arange(size) if raw.rows is None else raw.rows
        kept, source = rows, raw.values
        if raw.absent is not None:
            kept, source = rows[~raw.absent], source[~raw.absent]
        values[kept] = source
        absent[kept] = False
    return Raw(info, values, absent if absent.any() else None)


def _absent(raw: Raw) -> BoolArray:
    return np.zeros(len(raw.values), np.bool_) if raw.absent is None else raw.absent


def _common(dtypes: Sequence[np.dtype[Any]]) -> np.dtype[Any] | None:
    """A type that holds all of these exactly, None where there is none."""
    if len({dtype.kind == "f" for dtype in dtypes}) > 1:
        return None
    common = np.result_type(*dtypes)
    return None if common.kind == "f" and dtypes[0].kind != "f" else common.newbyteorder("=")


def _first_items(raw: Raw) -> Raw:
    if raw.is_numbers:
        return raw
    absent = None if raw.absent is None else raw.absent[:, 0]
    return Raw(raw.info, raw.values[:, 0], absent, raw.rows)


def _padded(raws: list[Raw], size: int) -> Raw | None:
    """Numbers in some messages and arrays in others, as arrays; None where that would be a waste."""
    shapes = [None if isinstance(raw.values, list) else raw.values.shape for raw in raws]
    widths = {shape[1] for shape in shapes if shape is not None and len(shape) == 2}
    items = sum(shape[0] * (shape[1] if len(shape) == 2 else 1) for shape in shapes if shape is not None)
    if None in shapes or len(widths) != 1 or size * max(widths) > 2 * items:
        return None
    dtype = _common([raw.values.dtype for raw in raws])
    if dtype is None:
        return None
    width = widths.pop()
    values = np.zeros((size, width), dtype)
    absent = np.ones((size, width), np.bool_)
    single = np.zeros(size, np.bool_)
    for raw in raws:
        if raw.rows is None or raw.single is not None:
            return None
        columns = slice(0, 1) if raw.is_numbers else slice(0, width)
        given = raw.values[:, None] if raw.is_numbers else raw.values
        missing = np.zeros(given.shape, np.bool_) if raw.absent is None else raw.absent.reshape(given.shape)
        there = ~empty_rows(missing)
        rows = raw.rows[there]
        absent[rows] = True
        values[rows, columns] = given[there]
        absent[rows, columns] = missing[there]
        single[rows] = raw.is_numbers
    return Raw(raws[0].info, values, absent, None, single)


def _joined_objects(raws: list[Raw], size: int) -> Raw:
    items: list[Any] = [None] * size
    for raw in raws:
        rows = range(size) if raw.rows is None else raw.rows.tolist()
        for row, item in zip(rows, _items(raw), strict=True):
            if item is not None:
                items[row] = item
    return Raw(raws[0].info, items, None)


def _items(raw: Raw) -> list[Any]:
    """Unscaled items, None where there is none."""
    if isinstance(raw.values, list):
        return raw.values
    items: list[Any] = raw.values.tolist()
    if raw.absent is None:
        return items
    objects = raw.values.astype(object)
    objects[raw.absent] = None
    items = objects.tolist()
    if raw.is_numbers:
        return items
    if raw.single is not None:
        items = [item[0] if one else item for one, item in zip(raw.single.tolist(), items, strict=True)]
    nothing: list[bool] = empty_rows(raw.absent).tolist()
    return [None if empty else item for empty, item in zip(nothing, items, strict=True)]


def _filled_in(info: FieldInfo, own: Raw | None, timestamps: npt.NDArray[np.int64], size: int) -> Raw:
    """The timestamp field with the times of compressed headers in it."""
    compressed = timestamps >= 0
    given = Raw(info, timestamps, None if compressed.all() else ~compressed)
    if own is None:
        return given
    if not own.is_numbers:
        if size <= _MOST_MIXED or isinstance(own.values, list):
            return _joined_objects([own, given], size)
        own = _first_items(own)
    values, absent = own.dense(size)
    missing = np.zeros(size, np.bool_) if absent is None else ~compressed & absent
    joined = np.where(compressed, timestamps, values)
    return Raw(own.info, joined, missing if missing.any() else None)


def column_of(info: FieldInfo, raw: Raw, size: int) -> Column:
    """The column of a raw field of a table of `size` rows; sparse where fewer than half have a value."""
    values, absent, rows = raw.values, raw.absent, raw.rows
    if isinstance(values, list) or values.ndim == 2:
        return _objects_column(info, raw, size)
    if absent is not None and 2 * np.count_nonzero(absent) > len(values):
        there = ~absent
        rows = np.flatnonzero(there).astype(np.uint32) if rows is None else rows[there]
        values, absent = values[there], None
    if rows is None:
        return ArrayColumn(info, values, absent)
    if absent is not None:
        there = ~absent
        rows, values = rows[there], values[there]
    return SparseColumn(rows, ArrayColumn(info, values, None), size)


def _objects_column(info: FieldInfo, raw: Raw, size: int) -> Column:
    if raw.rows is None and isinstance(raw.values, list):
        return ListColumn(info, raw.values, False)
    if raw.rows is None:
        present = None if raw.absent is None else ~empty_rows(raw.absent)
        present = None if present is None or present.all() else present
        return RowsColumn(info, raw.values, raw.absent, present, raw.single)
    if not isinstance(raw.values, list):
        return _sparse_rows(info, raw, raw.rows, size)
    items = _items(raw)
    there = np.array([item is not None for item in items], np.bool_)
    kept = ListColumn(info, [item for item in items if item is not None], False)
    return SparseColumn(raw.rows[there], kept, size)


def _sparse_rows(info: FieldInfo, raw: Raw, rows: Rows, size: int) -> Column:
    values, absent, single = raw.values, raw.absent, raw.single
    if absent is not None:
        there = ~empty_rows(absent)
        if not there.all():
            rows, values, absent = rows[there], values[there], absent[there]
            single = None if single is None else single[there]
    return SparseColumn(rows, RowsColumn(info, values, absent, None, single), size)
