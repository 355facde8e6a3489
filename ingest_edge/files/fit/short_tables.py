"""Columns of a table of few messages, value by value: for few rows arrays cost more than they save."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ingest_edge.files.fit.columns import Column, ListColumn
from ingest_edge.files.fit.plan import ARRAY, BYTES, NUMBER, TEXT, Plan, Slot
from ingest_edge.files.fit.profile import TIMESTAMP, FieldInfo, MessageInfo, developer_info, filled_by

_MOST_ROWS = 12
_MOST_ROWS_A_PLAN = 4


def is_short(rows: int, plans: int) -> bool:
    """Whether messages are so few, or their definitions so many, that arrays cost more than they save."""
    return rows <= max(_MOST_ROWS, _MOST_ROWS_A_PLAN * plans)


Items = list[Any]
Found = dict[int, tuple[FieldInfo, Items]]
"""The fields that any message has, by number."""


def short_columns(
    content: bytes,
    rows: Sequence[tuple[int, Plan]],
    timestamps: Sequence[int | None] | None,
) -> tuple[dict[str, Column], dict[str, Column]] | None:
    """The profile's columns and the developers', by name; None where only arrays can do it.

    `rows` are (offset, plan) pairs in the order of the file. `timestamps` are those of compressed headers.
    """
    found: Found = {}
    developed: dict[tuple[int, int], tuple[FieldInfo, Items]] = {}
    size = len(rows)
    for row, (offset, plan) in enumerate(rows):
        items = plan.layout.unpack_from(content, offset + 1)
        for slot in plan.slots:
            value = items[slot.index] if slot.form == NUMBER else object_value(slot, items)
            # The invalid float is a NaN, and any other NaN is no number either.
            if value is None or value == slot.invalid or value != value:  # noqa: PLR0124
                continue
            number = slot.number
            if size == 1:
                found[number] = (slot.info, [value])
            elif number in found:
                found[number][1][row] = value
            else:
                found[number] = (slot.info, [None] * size)
                found[number][1][row] = value
        for slot in plan.developer_slots:
            value = object_value(slot, items)
            declared = slot.info.developer
            if value is not None and declared is not None:
                key = (declared.developer, declared.number)
                developed.setdefault(key, (slot.info, [None] * size))[1][row] = value
    message = rows[0][1].message
    if timestamps is not None:
        _fill_in(found, timestamps, message)
    columns = _named(found, message)
    return None if columns is None else (columns, _developer_columns(developed))


def object_value(slot: Slot, items: Sequence[Any]) -> Any:
    """What a slot holds, None where that is nothing."""
    if slot.form == TEXT:
        return decoded(items[slot.index])
    values = items[slot.index : slot.index + slot.count]
    if slot.form == BYTES:
        return list(values) if values.count(0xFF) != slot.count else None
    listed = [None if value == slot.invalid or value != value else value for value in values]  # noqa: PLR0124
    if slot.form == ARRAY:
        return listed if listed.count(None) != slot.count else None
    return listed[0]


def decoded(octets: bytes) -> str | list[str] | None:
    """Text, or a list where it is several; bytes that are no UTF-8 are left out."""
    text = octets.decode("utf-8", "ignore").rstrip("\0")
    if not text:
        return None
    return text if "\0" not in text else text.split("\0")


def _fill_in(found: Found, timestamps: Sequence[int | None], message: MessageInfo) -> None:
    info = message.fields.get(TIMESTAMP) or TIMES
    _, times = found.setdefault(TIMESTAMP, (info, [None] * len(timestamps)))
    for row, time in enumerate(timestamps):
        if time is not None:
            times[row] = time


TIMES = FieldInfo(TIMESTAMP, str(TIMESTAMP), "", 1, 0, "")
"""The timestamp of a message that by the profile has none."""


def _named(found: Found, message: MessageInfo) -> dict[str, Column] | None:
    columns: dict[str, Column] = {}
    following: list[tuple[FieldInfo, Items]] = []
    for info, items in found.values():
        first = type(items[0])
        is_numbers = (first is int or first is float) if len(items) == 1 else _all_numbers(items)
        columns[info.name] = ListColumn(info, items, is_numbers)
        if not info.is_plain:
            following.append((info, items))
    for info, items in following:
        if info.sub_fields and not _add_sub_fields(columns, found, info, items):
            return None
    for info, items in following:
        if info.components and not _add_copy(columns, message, info, items, found):
            return None
    return columns


def _all_numbers(items: Items) -> bool:
    return all(item is None or isinstance(item, int | float) for item in items)


def _add_sub_fields(columns: dict[str, Column], found: Found, info: FieldInfo, items: Items) -> bool:
    chosen: dict[str, tuple[FieldInfo, Items]] = {}
    by_condition = info.sub_fields_by_condition
    for reference in info.references:
        if reference not in found:
            continue
        for row, value in enumerate(found[reference][1]):
            if items[row] is None or isinstance(value, list):
                continue
            for sub_field in by_condition.get((reference, value), ()):
                if sub_field.components:
                    return False
                chosen.setdefault(sub_field.name, (sub_field, [None] * len(items)))[1][row] = items[row]
    for name, (sub_field, kept) in chosen.items():
        columns[name] = ListColumn(sub_field, kept, _all_numbers(kept))
    return True


def _add_copy(
    columns: dict[str, Column], message: MessageInfo, info: FieldInfo, items: Items, found: Found
) -> bool:
    """A field whose one component is all of it: the other is a copy. False for all that is not so plain."""
    component = info.components[0]
    target = message.fields[component.target]
    own = found[component.target][1] if component.target in found else None
    if (
        len(info.components) > 1
        or component.bits != info.item_bits
        or target.accumulated
        or target.components
        or not all(_fits(item, component.bits) for item in items)
    ):
        return False
    filled = filled_by(target, component)
    if own is not None and None in items:
        # An absent value leaves the target's own in place.
        if (filled.scale, filled.offset) != (target.scale, target.offset) or not _all_numbers(own):
            return False
        items = [other if item is None else item for item, other in zip(items, own, strict=True)]
    columns[target.name] = ListColumn(filled, items, True)
    return True


def _fits(item: Any, bits: int) -> bool:
    return item is None or (isinstance(item, int) and 0 <= item < (1 << bits) - 1)


def _developer_columns(found: dict[tuple[int, int], tuple[FieldInfo, Items]]) -> dict[str, Column]:
    columns: dict[str, Column] = {}
    for info, items in found.values():
        named = unique_name(info, columns)
        columns[named.name] = ListColumn(named, items, _all_numbers(items))
    return columns


def unique_name(info: FieldInfo, taken: dict[str, Column]) -> FieldInfo:
    """A developer field under its own name, or where another has that name a longer one."""
    declared = info.developer
    if declared is None or info.name not in taken:
        return info
    return developer_info(declared, f"{info.name}_{declared.developer}_{declared.number}")
