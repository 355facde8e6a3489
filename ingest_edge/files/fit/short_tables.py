"""Columns of a table of few messages, value by value: below about sixteen rows arrays cost more than they save."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ingest_edge.files.fit.columns import Column, ListColumn
from ingest_edge.files.fit.plan import ARRAY, BYTES, NUMBER, TEXT, Plan, Slot
from ingest_edge.files.fit.profile import TIMESTAMP, FieldInfo, MessageInfo

MOST_ROWS = 16

_RAW_MESSAGES = frozenset({206, 207})
"""Declarations stay as the file has them."""

Items = list[Any]


def short_columns(
    content: bytes,
    rows: Sequence[tuple[int, Plan]],
    timestamps: Sequence[int | None] | None,
) -> tuple[dict[str, Column], dict[str, Column]] | None:
    """The profile's columns and the developers', by name; None where only arrays can do it.

    `rows` are (offset, plan) pairs in the order of the file. `timestamps` are those of compressed headers.
    """
    raw: dict[int, Items] = {}
    developed: dict[tuple[int, int], tuple[Slot, Items]] = {}
    size = len(rows)
    for row, (offset, plan) in enumerate(rows):
        items = plan.layout.unpack_from(content, offset + 1)
        for slot in plan.slots:
            value = items[slot.index]
            if slot.form == NUMBER:
                # The invalid float is a NaN, and any other NaN is no number either.
                if value == slot.invalid or value != value:
                    continue
            else:
                value = object_value(slot, items)
                if value is None:
                    continue
            number = slot.number
            if number in raw:
                raw[number][row] = value
            elif size == 1:
                raw[number] = [value]
            else:
                raw[number] = column = [None] * size
                column[row] = value
        for slot in plan.developer_slots:
            _develop(developed, slot, items, row, size)
    if timestamps is not None:
        _fill_in(raw, timestamps)
    message = rows[0][1].message
    columns = _named(raw, message)
    if columns is None:
        return None
    return columns, _developer_columns(developed.values())


def object_value(slot: Slot, items: Sequence[Any]) -> Any:
    """What a slot of text or of several numbers holds, None where that is nothing."""
    if slot.form == TEXT:
        return decoded(items[slot.index])
    values = items[slot.index : slot.index + slot.count]
    if slot.form == BYTES:
        return list(values) if values.count(0xFF) != slot.count else None
    if slot.form == ARRAY:
        listed = [None if value == slot.invalid or value != value else value for value in values]
        return listed if listed.count(None) != slot.count else None
    return None if values[0] == slot.invalid or values[0] != values[0] else values[0]


def decoded(octets: bytes) -> str | list[str] | None:
    """Text, or a list where it is several; bytes that are no UTF-8 are left out."""
    text = octets.decode("utf-8", "ignore").rstrip("\0")
    if not text:
        return None
    return text if "\0" not in text else text.split("\0")


def _develop(
    developed: dict[tuple[int, int], tuple[Slot, Items]],
    slot: Slot,
    items: Sequence[Any],
    row: int,
    size: int,
) -> None:
    value = object_value(slot, items)
    if value is None or slot.developer is None:
        return
    key = (slot.developer.developer, slot.number)
    if key not in developed:
        developed[key] = (slot, [None] * size)
    developed[key][1][row] = value


def _fill_in(raw: dict[int, Items], timestamps: Sequence[int | None]) -> None:
    times = raw.setdefault(TIMESTAMP, [None] * len(timestamps))
    for row, time in enumerate(timestamps):
        if time is not None:
            times[row] = time


def _named(raw: dict[int, Items], message: MessageInfo) -> dict[str, Column] | None:
    columns: dict[str, Column] = {}
    fields = message.fields
    is_raw = message.number in _RAW_MESSAGES
    expanded: list[FieldInfo] = []
    for number, items in raw.items():
        info = fields.get(number)
        numbers = _all_numbers(items)
        if info is None:
            columns[str(number)] = ListColumn(str(number), "", items, numbers=numbers)
        elif is_raw:
            columns[info.name] = ListColumn(info.name, info.units, items, numbers=numbers)
        else:
            columns[info.name] = ListColumn(info.name, info.units, items, info.scale, info.offset, numbers)
            if info.components:
                expanded.append(info)
            if info.sub_fields and not _add_sub_fields(columns, raw, info, items, numbers):
                return None
    for info in expanded:
        if not _add_copy(columns, message, info, raw):
            return None
    return columns


def _all_numbers(items: Items) -> bool:
    return all(item is None or isinstance(item, int | float) for item in items)


def _add_sub_fields(
    columns: dict[str, Column], raw: dict[int, Items], info: FieldInfo, items: Items, numbers: bool
) -> bool:
    found: dict[str, tuple[FieldInfo, Items]] = {}
    by_condition = info.sub_fields_by_condition
    for reference in info.references:
        if reference not in raw:
            continue
        for row, value in enumerate(raw[reference]):
            if items[row] is None or isinstance(value, list):
                continue
            for sub_field in by_condition.get((reference, value), ()):
                if sub_field.components:
                    return False
                if sub_field.name not in found:
                    found[sub_field.name] = (sub_field, [None] * len(items))
                found[sub_field.name][1][row] = items[row]
    for name, (sub_field, chosen) in found.items():
        columns[name] = ListColumn(name, sub_field.units, chosen, sub_field.scale, sub_field.offset, numbers)
    return True


def _add_copy(
    columns: dict[str, Column], message: MessageInfo, info: FieldInfo, raw: dict[int, Items]
) -> bool:
    """A field whose one component is all of it: the other is a copy. False for all that is not so plain."""
    component = info.components[0]
    target = message.fields[component.target]
    limit = 1 << component.bits
    items = raw[info.number]
    if (
        len(info.components) > 1
        or component.bits != info.item_bits
        or target.accumulated
        or target.components
        or not all(_fits(item, limit, component.target in raw) for item in items)
    ):
        return False
    columns[target.name] = ListColumn(target.name, target.units, items, component.scale, component.offset)
    return True


def _fits(item: Any, limit: int, target_is_there: bool) -> bool:
    """An absent value would have to leave the target's own in place."""
    return not target_is_there if item is None else isinstance(item, int) and 0 <= item < limit - 1


def _developer_columns(found: Iterable[tuple[Slot, Items]]) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for slot, items in found:
        field = slot.developer
        if field is None:
            continue
        name = field.name if field.name not in columns else f"{field.name}_{field.developer}_{field.number}"
        numbers = _all_numbers(items)
        columns[name] = ListColumn(name, field.units, items, field.scale, field.offset, numbers, field)
    return columns
