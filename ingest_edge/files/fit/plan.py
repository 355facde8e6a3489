"""A definition message, compiled once: where each field of its data messages lies and how it is read.

Plans depend on the definition's bytes and on the developer fields that were declared by then, and on nothing
else. They are shared between files: devices write the same definitions over and over.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

from ingest_edge.files.fit.profile import (
    TIMESTAMP,
    DeveloperField,
    FieldInfo,
    MessageInfo,
    developer_info,
    message_info,
    unknown_field,
)

_TYPE_MASK = 0x1F
_UINT8 = 0x02
_STRING = 0x07
_BYTE = 0x0D
_UINT32 = 0x06

# Size of an item, struct code, numpy kind, invalid value (None: not a number).
_BASE_TYPES: dict[int, tuple[int, str, str, int | None]] = {
    0x00: (1, "B", "u1", 0xFF),
    0x01: (1, "b", "i1", 0x7F),
    0x02: (1, "B", "u1", 0xFF),
    0x03: (2, "h", "i2", 0x7FFF),
    0x04: (2, "H", "u2", 0xFFFF),
    0x05: (4, "i", "i4", 0x7FFFFFFF),
    0x06: (4, "I", "u4", 0xFFFFFFFF),
    0x07: (1, "s", "S", 0),
    0x08: (4, "f", "f4", None),
    0x09: (8, "d", "f8", None),
    0x0A: (1, "B", "u1", 0),
    0x0B: (2, "H", "u2", 0),
    0x0C: (4, "I", "u4", 0),
    0x0D: (1, "B", "u1", 0xFF),
    0x0E: (8, "q", "i8", 0x7FFFFFFFFFFFFFFF),
    0x0F: (8, "Q", "u8", 0xFFFFFFFFFFFFFFFF),
    0x10: (8, "Q", "u8", 0),
}

# Sessions have the most fields, about 130 on newer devices. What is remembered stays below 10 MB.
_LARGEST_SHARED = 3 * 160

NUMBER, TEXT, ARRAY, BYTES = range(4)
"""What a slot holds: a number, text, numbers of which any may be absent, bytes that are all there or not."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One field of a definition. `start` counts from the message's header byte, `index` in unpacked items."""

    number: int
    start: int
    size: int
    count: int
    index: int
    form: int
    dtype: str
    invalid: int | None
    info: FieldInfo


@dataclass(frozen=True, slots=True)
class Plan:
    """How the data messages of a definition are read. `size` includes the header byte.

    `clock` is the slot of a plain 32-bit timestamp, to which compressed ones may refer.
    """

    message: MessageInfo
    size: int
    slots: tuple[Slot, ...]
    developer_slots: tuple[Slot, ...]
    clock: Slot | None
    layout: struct.Struct
    distinct: bool

    @property
    def number(self) -> int:
        """The message's global number."""
        return self.message.number


DeveloperFields = tuple[DeveloperField | None, ...]


def developer_keys(definition: bytes) -> tuple[tuple[int, int], ...]:
    """The (developer, field number) pairs of a definition's developer fields."""
    start = 5 + 3 * definition[4]
    if len(definition) <= start:
        return ()
    rows = definition[start + 1 :]
    return tuple((rows[at + 2], rows[at]) for at in range(0, 3 * definition[start], 3))


def compile_plan(definition: bytes, declared: DeveloperFields) -> Plan:
    """Compile a definition: its bytes after the header byte, and what is declared of its developer fields."""
    if len(definition) > _LARGEST_SHARED:
        return _compile(definition, declared)
    return _compile_shared(definition, declared)


@lru_cache(maxsize=256)
def _compile_shared(definition: bytes, declared: DeveloperFields) -> Plan:
    return _compile(definition, declared)


def _compile(definition: bytes, declared: DeveloperFields) -> Plan:
    endian = ">" if definition[1] else "<"
    number = int.from_bytes(definition[2:4], "big" if definition[1] else "little")
    message = message_info(number)
    layout = _Layout(endian)
    field_count = definition[4]
    for at in range(5, 5 + 3 * field_count, 3):
        field_number, size, base_type = definition[at : at + 3]
        info = message.fields.get(field_number) or unknown_field(field_number)
        layout.add(field_number, size, base_type, info)
    slots = tuple(layout.slots)
    layout.slots = []
    if declared:
        start = 6 + 3 * field_count
        for index, field in enumerate(declared):
            field_number, size, _ = definition[start + 3 * index : start + 3 * index + 3]
            if field is None:
                layout.skip(size)
            else:
                layout.add(field_number, size, field.base_type, developer_info(field, field.name))
    clock = next(
        (s for s in slots if s.number == TIMESTAMP and s.form == NUMBER and s.dtype.endswith("u4")), None
    )
    numbers = [slot.number for slot in slots]
    return Plan(
        message,
        layout.size,
        slots,
        tuple(layout.slots),
        clock,
        struct.Struct("".join(layout.format)),
        len(numbers) == len(set(numbers)),
    )


class _Layout:
    """Collects the fields of a definition."""

    def __init__(self, endian: str) -> None:
        self.endian = endian
        self.format = [endian]
        self.size = 1
        self.items = 0
        self.slots: list[Slot] = []

    def skip(self, size: int) -> None:
        self.format.append(f"{size}x")
        self.size += size

    def add(self, number: int, size: int, base_type: int, info: FieldInfo) -> None:
        if not size:
            return
        # A type that nobody knows is bytes; a size that the type does not divide is small numbers, as the
        # official SDK reads it.
        code = base_type & _TYPE_MASK
        code = code if code in _BASE_TYPES else _BYTE
        code = _UINT8 if size % _BASE_TYPES[code][0] else code
        item_size, char, kind, invalid = _BASE_TYPES[code]
        count = size // item_size
        form = NUMBER if count == 1 else BYTES if code == _BYTE else ARRAY
        if code == _STRING:
            form, count, items = TEXT, 1, 1
            self.format.append(f"{size}s")
        else:
            items = count
            self.format.append(f"{count}{char}" if count > 1 else char)
        dtype = self.endian + kind
        self.slots.append(Slot(number, self.size, size, count, self.items, form, dtype, invalid, info))
        self.items += items
        self.size += size
