"""Fields that stand for other fields: sub-fields, and components, whose bits are values of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import BoolArray
from ingest_edge.files.fit.columns import (
    ArrayColumn,
    Column,
    CopyColumn,
    ListColumn,
    RowsColumn,
    Values,
)
from ingest_edge.files.fit.counters import followed
from ingest_edge.files.fit.long_tables import Key, Raw, column_of, empty_rows
from ingest_edge.files.fit.profile import ComponentInfo, FieldInfo, MessageInfo, filled_by
from ingest_edge.files.fit.short_tables import unique_name

Int64Array = npt.NDArray[np.int64]

_MOST_FULL = (1 << 32) - 1

_FEW = 1000
"""Rows up to which a set is quicker than sorting."""


def long_columns(
    fields: dict[Key, Raw], message: MessageInfo, size: int
) -> tuple[dict[str, Column], dict[str, Column]]:
    """The profile's columns and the developers', by name."""
    columns: dict[str, Column] = {}
    developed: dict[str, Column] = {}
    sources: list[tuple[FieldInfo, Raw]] = []
    for key, raw in fields.items():
        if not isinstance(key, int):
            info = unique_name(raw.info, developed)
            developed[info.name] = column_of(info, raw, size)
            continue
        info = raw.info
        columns[info.name] = column_of(info, raw, size)
        if info.components:
            sources.append((info, raw))
        if info.sub_fields:
            sources += _add_sub_fields(columns, fields, info, raw, size)
    _Expansion(columns, fields, message, size).run(sources)
    return columns, developed


def _add_sub_fields(
    columns: dict[str, Column], fields: dict[Key, Raw], info: FieldInfo, raw: Raw, size: int
) -> list[tuple[FieldInfo, Raw]]:
    """Add the columns of the sub-fields that apply anywhere; return those that have components."""
    expanded = []
    for sub_field, rows in _applying(fields, info, size):
        chosen = _chosen(raw, rows, size)
        if chosen is None:
            continue
        columns[sub_field.name] = column_of(sub_field, chosen, size)
        if sub_field.components:
            expanded.append((sub_field, chosen))
    return expanded


def _applying(fields: dict[Key, Raw], info: FieldInfo, size: int) -> list[tuple[FieldInfo, BoolArray]]:
    """The sub-fields that the references of some rows call for, with those rows."""
    found: dict[str, tuple[FieldInfo, BoolArray]] = {}
    for reference in info.references:
        raw = fields.get(reference)
        if raw is None or not raw.is_numbers:
            continue
        values, absent = raw.dense(size)
        for value in set(values.tolist()) if size < _FEW else np.unique(values).tolist():
            for sub_field in info.sub_fields_by_condition.get((reference, value), ()):
                rows = values == value
                if absent is not None:
                    rows &= ~absent
                earlier = found.get(sub_field.name)
                found[sub_field.name] = (sub_field, rows if earlier is None else rows | earlier[1])
    return list(found.values())


def _chosen(raw: Raw, rows: BoolArray, size: int) -> Raw | None:
    """The field in these rows only, None where it has no value there."""
    if isinstance(raw.values, list):
        items = raw.values if raw.rows is None else _spread_list(raw, size)
        kept = [item if there else None for item, there in zip(items, rows.tolist(), strict=True)]
        return Raw(raw.info, kept, None) if any(item is not None for item in kept) else None
    if raw.rows is not None:
        rows = rows[raw.rows]
    absent = ~rows if raw.values.ndim == 1 else np.repeat(~rows[:, None], raw.values.shape[1], axis=1)
    if raw.absent is not None:
        absent |= raw.absent
    return None if absent.all() else Raw(raw.info, raw.values, absent, raw.rows, raw.single)


def _spread_list(raw: Raw, size: int) -> list[Any]:
    items: list[Any] = [None] * size
    for row, item in zip(raw.rows.tolist() if raw.rows is not None else (), raw.values, strict=True):
        items[row] = item
    return items


@dataclass(slots=True)
class _Target:
    """What the components that fill one field have given: integers in the component's scale, row by row."""

    component: ComponentInfo
    values: list[Values]
    there: list[BoolArray | None]
    source: Column | None = None


class _Expansion:
    """Components of a whole table at once."""

    def __init__(
        self, columns: dict[str, Column], fields: dict[Key, Raw], message: MessageInfo, size: int
    ) -> None:
        self._columns = columns
        self._fields = fields
        self._message = message
        self._size = size

    def run(self, sources: list[tuple[FieldInfo, Raw]]) -> None:
        """Expand fields, and what they expand to."""
        for info, raw in sources:
            for integers in _integers(raw, self._size) if isinstance(raw.values, list) else (raw,):
                self._expand(info, integers)

    def _expand(self, info: FieldInfo, raw: Raw) -> None:
        item_bits = info.item_bits
        if item_bits is None or isinstance(raw.values, list) or raw.values.dtype.kind not in "iu":
            return
        targets = self._whole(info, raw) if len(info.components) == 1 and raw.is_numbers else None
        for target in targets or self._read(info, raw, item_bits):
            self._store(target)

    def _whole(self, info: FieldInfo, raw: Raw) -> list[_Target] | None:
        """The plain case: one component, which is all of the field."""
        component = info.components[0]
        if raw.values.dtype.kind != "u" or raw.values.dtype.itemsize * 8 != component.bits:
            return None
        values, absent = raw.dense(self._size)
        source = None
        if raw.rows is None and (info.scale, info.offset) == (component.scale, component.offset):
            source = self._columns.get(info.name)
        return [_Target(component, [values], [None if absent is None else ~absent], source)]

    def _read(self, info: FieldInfo, raw: Raw, item_bits: int) -> list[_Target]:
        """Cut the items into components, the lowest bits first."""
        values, absent = raw.values, raw.absent
        if raw.is_numbers:
            values, absent = raw.dense(self._size)
            items = values[:, None]
            there = np.ones(self._size, np.bool_) if absent is None else ~absent
        else:
            items = values
            there = np.ones(len(items), np.bool_) if absent is None else ~empty_rows(absent)
        mask = (1 << item_bits) - 1
        there &= ~np.all((items.astype(np.int64) & mask) == info.invalid, axis=1)
        if raw.rows is not None and not raw.is_numbers:
            items, there = self._spread(items, there, raw.rows)
        targets: dict[int, _Target] = {}
        at, available = 0, items.shape[1] * item_bits
        for component in info.components:
            if available - at < component.bits:
                break
            bits = _bits(items, item_bits, at, component.bits)
            at += component.bits
            target = targets.setdefault(component.target, _Target(component, [], []))
            target.values.append(bits)
            target.there.append(None if there.all() else there)
        return list(targets.values())

    def _spread(self, items: Values, there: BoolArray, rows: Any) -> tuple[Values, BoolArray]:
        spread = np.zeros((self._size, items.shape[1]), items.dtype)
        spread[rows] = items
        known = np.zeros(self._size, np.bool_)
        known[rows] = there
        return spread, known

    def _store(self, target: _Target) -> None:
        component = target.component
        info = self._message.fields[component.target]
        if info.accumulated:
            target.values = self._accumulated(target, info)
        if len(target.values) == 1:
            source = None if info.accumulated else target.source
            self._store_numbers(info, component, target.values[0], target.there[0], source)
        else:
            self._store_lists(info, component, target)

    def _store_numbers(
        self,
        info: FieldInfo,
        component: ComponentInfo,
        values: Values,
        there: BoolArray | None,
        source: Column | None,
    ) -> None:
        """Add the column of one number a row; `source` is the column that it is a copy of, if it is."""
        known = there
        there = _without_invalid(info, component, values, there)
        source = source if there is known else None
        if there is not None and not there.any():
            return
        absent = None if there is None else ~there
        own = self._columns.get(info.name)
        if source is not None and (own is None or absent is None):
            self._columns[info.name] = CopyColumn(filled_by(info, component), source)
        elif absent is not None and own is not None:
            self._columns[info.name] = self._patched(info, component, values, absent, own)
        else:
            filled = filled_by(info, component)
            self._columns[info.name] = column_of(filled, Raw(filled, values, absent), self._size)
        if info.components:
            physical = values / component.scale - component.offset
            again = np.rint((physical + info.offset) * info.scale).astype(np.int64)
            self._expand(info, Raw(info, again, absent))

    def _patched(
        self, info: FieldInfo, component: ComponentInfo, values: Values, absent: BoolArray, own: Column
    ) -> Column:
        """Where the component has nothing to say the field keeps the value of its own."""
        given = ArrayColumn(filled_by(info, component), values, absent)
        plain = replace(info, scale=1, offset=0)
        if own.values.dtype.kind == "O":
            pairs = zip(given.items(), own.items(), strict=True)
            return ListColumn(plain, [old if new is None else new for new, old in pairs], False)
        both = np.where(absent, own.values, given.values)
        present = own.present
        missing = np.zeros(self._size, np.bool_) if present is None else absent & ~present
        return column_of(plain, Raw(plain, both, missing if missing.any() else None), self._size)

    def _store_lists(self, info: FieldInfo, component: ComponentInfo, target: _Target) -> None:
        raw = np.stack(target.values, axis=1)
        there = target.there[0]
        filled = filled_by(info, component)
        own = self._columns.get(info.name)
        given = RowsColumn(filled, raw, None, there)
        if own is None or there is None:
            self._columns[info.name] = given
        elif own.values.dtype.kind in "iuf":
            matrix = given.matrix()
            matrix[~there, 0] = own.values[~there]
            absent = np.isnan(matrix)
            absent[~there] = True
            own_present = ~there if own.present is None else ~there & own.present
            absent[own_present, 0] = False
            present = there | own_present
            plain = replace(info, scale=1, offset=0)
            self._columns[info.name] = RowsColumn(
                plain, matrix, absent, None if present.all() else present, own_present
            )
        else:
            pairs = zip(given.items(), own.items(), strict=True)
            items = [old if new is None else new for new, old in pairs]
            self._columns[info.name] = ListColumn(replace(info, scale=1, offset=0), items, False)

    def _accumulated(self, target: _Target, info: FieldInfo) -> list[Values]:
        """Counters that wrap, followed from message to message; a full value of the field starts anew."""
        count = len(target.values)
        sequence = np.zeros((self._size, count + 1), np.int64)
        used = np.zeros((self._size, count + 1), np.bool_)
        starts = self._full_values(info, target.component)
        if starts is not None:
            sequence[:, 0] = starts[0]
            used[:, 0] = starts[1]
        for index, (values, there) in enumerate(zip(target.values, target.there, strict=True), 1):
            sequence[:, index] = values
            used[:, index] = True if there is None else there
        is_start = np.zeros_like(used)
        is_start[:, 0] = used[:, 0]
        sequence[used] = followed(sequence[used], is_start[used], (1 << target.component.bits) - 1)
        return [sequence[:, index] for index in range(1, count + 1)]

    def _full_values(self, info: FieldInfo, component: ComponentInfo) -> tuple[Int64Array, BoolArray] | None:
        raw = self._fields.get(info.number)
        if raw is not None and isinstance(raw.values, list):
            raw = next((part for part in _integers(raw, self._size) if part.is_numbers), None)
        if raw is None:
            return None
        if raw.values.dtype.kind not in "iu" or np.any(raw.values > _MOST_FULL):
            return None
        if raw.is_numbers:
            values, absent = raw.dense(self._size)
            there = np.ones(self._size, np.bool_) if absent is None else ~absent
        else:
            values, there = raw.values[:, -1], np.ones(len(raw.values), np.bool_)
            if raw.absent is not None:
                last = raw.values.shape[1] - 1 - np.argmin(raw.absent[:, ::-1], axis=1)
                values = raw.values[np.arange(len(last)), last]
                there = ~empty_rows(raw.absent)
            if raw.rows is not None:
                spread, there = self._spread(values[:, None], there, raw.rows)
                values = spread[:, 0]
        if info.scale == component.scale and info.offset == component.offset:
            return values.astype(np.int64), there
        physical = values / info.scale - info.offset
        return np.rint((physical + component.offset) * component.scale).astype(np.int64), there


def _integers(raw: Raw, size: int) -> list[Raw]:
    """Of a field that is a number here and something else there: integers, and arrays of each length."""
    items = raw.values if raw.rows is None else _spread_list(raw, size)
    groups: dict[int, list[int]] = {}
    for row, item in enumerate(items):
        parts = item if isinstance(item, list) else [item]
        if all(isinstance(part, int) and -_MOST_FULL <= part <= _MOST_FULL for part in parts):
            groups.setdefault(len(parts) if isinstance(item, list) else 0, []).append(row)
    return [
        Raw(raw.info, np.array([items[row] for row in rows], np.int64), None, np.array(rows, np.uint32))
        for rows in groups.values()
    ]


def _without_invalid(
    info: FieldInfo, component: ComponentInfo, values: Values, there: BoolArray | None
) -> BoolArray | None:
    """Components that give the field's own "none" give nothing. They can where they are as wide as it is."""
    if component.scale != info.scale or component.offset != info.offset:
        return there
    if info.invalid and info.invalid >> component.bits:
        return there
    nothing: BoolArray = values == info.invalid
    if not nothing.any():
        return there
    return ~nothing if there is None else there & ~nothing


def _bits(items: Values, item_bits: int, start: int, count: int) -> Int64Array:
    """`count` bits from `start` on of rows of items, shape (n,)."""
    found = np.zeros(len(items), np.int64)
    taken = 0
    while taken < count:
        index, shift = divmod(start + taken, item_bits)
        width = min(item_bits - shift, count - taken)
        piece = items[:, index].astype(np.int64) >> shift & (1 << width) - 1
        found |= piece << taken
        taken += width
    return found
