"""fitparse 1.2.0 made safe and quick: the messages of one link as plain numbers.

fitparse brings the framing, the base types and the compressed timestamps. What it does with a message after
that is replaced here, for these reasons:

- it keeps developer fields in a module global, so that one file inherits the names of another: here they
  belong to the reader;
- it raises on fields of zero size, on sizes that are no multiple of the type's, and on undeclared developer
  fields, and the rest of the file is lost: here such fields are stepped over, as the official SDK does;
- its expansion of components lets an absent `speed` overwrite a real `enhanced_speed`, and raises on arrays
  where it expects a scalar: here fields stay apart, as raw integers by number, which also makes the age of
  its profile (2019) irrelevant;
- it builds an object for every field: here a definition is compiled once to a `struct`.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any

from fitparse.base import FitFile
from fitparse.records import BASE_TYPE_BYTE, BASE_TYPES
from fitparse.utils import FitEOFError, FitParseError

from ingest_edge.files.activity import Loss
from ingest_edge.files.fit_links import FitLink
from ingest_edge.files.fit_messages import FitMessage, Raw
from ingest_edge.files.fit_profile import APP_FIELDS, NATIVE_OVERRIDES, TIMESTAMP, MessageNumber

_HEADER_SIZE = 12
_STRING = 0x07
_UINT8 = 0x02


@dataclass(frozen=True, slots=True)
class _Slot:
    """One field of a definition: where its items lie in the unpacked tuple and how they are read."""

    field_number: int
    first: int
    count: int
    base_type: Any
    is_array: bool
    native_of: _DeveloperField | None = None


@dataclass(frozen=True, slots=True)
class _DeveloperField:
    base_type: int
    stands_for: int | None
    scale: float
    offset: float


@dataclass(frozen=True, slots=True)
class _Plan:
    """A definition, compiled: how one data message of it is read."""

    number: int
    layout: struct.Struct
    slots: tuple[_Slot, ...]


class FitparseReader(FitFile):  # type: ignore[misc]
    """Reads the messages of one link. `losses` is complete when `messages` has come to its end."""

    def __init__(self, link: FitLink, wanted: Container[int]) -> None:
        header = struct.pack("<BBHI4s", _HEADER_SIZE, 0x10, 0, len(link.data), b".FIT")
        super().__init__(io.BytesIO(header + link.data), check_crc=False)
        self.losses: list[Loss] = []
        self._shift = link.data_offset - _HEADER_SIZE
        self._wanted = wanted
        self._plans: dict[int, _Plan] = {}
        self._developer_fields: dict[tuple[int, int], _DeveloperField] = {}

    def messages_by_number(self) -> Iterator[FitMessage]:
        """The wanted messages in the order of the file. What cannot be read is noted in `losses`."""
        while self._bytes_left > 0:
            offset = self._file.tell() + self._shift
            try:
                message = self._next_message(offset)
            except FitEOFError:
                self.losses.append(Loss(offset, "the last message is cut off"))
                return
            except FitParseError as error:
                rest = self._bytes_left + self._file.tell() + self._shift - offset
                self.losses.append(Loss(offset, f"{error}; the {rest} bytes that follow cannot be read"))
                return
            if message is not None:
                yield message

    def _next_message(self, offset: int) -> FitMessage | None:
        header = self._parse_message_header()
        if header.is_definition:
            self._plans[header.local_mesg_num] = self._read_plan(header)
            return None
        plan = self._plans.get(header.local_mesg_num)
        if plan is None:
            raise FitParseError(f"a message of the undeclared local type {header.local_mesg_num}")
        values = self._read_values(plan)
        self._follow_time(header.time_offset, values)
        if plan.number == MessageNumber.FIELD_DESCRIPTION:
            self._declare_developer_field(values)
        return FitMessage(plan.number, offset, values) if plan.number in self._wanted else None

    def _read_values(self, plan: _Plan) -> dict[int, Raw]:
        items = plan.layout.unpack(self._read(plan.layout.size) or b"")
        values: dict[int, Raw] = {}
        substitutes: dict[int, Raw] = {}
        for slot in plan.slots:
            value = _slot_value(slot, items)
            if value is None:
                continue
            if slot.native_of is None:
                values[slot.field_number] = value
            elif isinstance(value, int | float):
                substitutes[slot.field_number] = value / slot.native_of.scale - slot.native_of.offset
        return substitutes | values if substitutes else values

    def _follow_time(self, time_offset: int | None, values: dict[int, Raw]) -> None:
        """Keep the reference of compressed timestamps, and fill in a compressed one."""
        timestamp = values.get(TIMESTAMP)
        if isinstance(timestamp, int):
            self._compressed_ts_accumulator = timestamp
        if time_offset is not None:
            self._compressed_ts_accumulator = self._apply_compressed_accumulation(
                time_offset, self._compressed_ts_accumulator, 5
            )
            values[TIMESTAMP] = self._compressed_ts_accumulator

    def _read_plan(self, header: Any) -> _Plan:
        architecture = self._read_struct("xB")
        endian = ">" if architecture else "<"
        number, field_count = self._read_struct("HB", endian=endian)
        # Of messages nobody wants only the time matters: compressed timestamps may refer to it.
        keep_all = number in self._wanted or number == MessageNumber.FIELD_DESCRIPTION
        layout = _Layout(endian)
        for _ in range(field_count):
            field_number, size, base_type = self._read_struct("3B")
            layout.add(field_number, size, base_type, keep=keep_all or field_number == TIMESTAMP)
        if header.is_developer_data:
            for _ in range(self._read_struct("B")):
                field_number, size, developer = self._read_struct("3B")
                declared = self._developer_fields.get((developer, field_number))
                layout.add_developer(size, declared, keep=number == MessageNumber.RECORD)
        return layout.plan(number)

    def _declare_developer_field(self, values: dict[int, Raw]) -> None:
        developer, number, base_type = values.get(0), values.get(1), values.get(2)
        if not (isinstance(developer, int) and isinstance(number, int) and isinstance(base_type, int)):
            return
        native_message, native_field = values.get(14), values.get(15)
        scale, shift = values.get(6), values.get(7)
        # Devices leave out the native message's number where it is the record's.
        is_native = native_message in (None, MessageNumber.RECORD) and native_field in NATIVE_OVERRIDES
        name, units = values.get(3), values.get(8)
        ours = APP_FIELDS.get((name, units)) if isinstance(name, str) and isinstance(units, str) else None
        self._developer_fields[developer, number] = _DeveloperField(
            base_type,
            native_field if is_native and isinstance(native_field, int) else ours,
            scale if isinstance(scale, int) and scale else 1,
            shift if isinstance(shift, int) else 0,
        )


class _Layout:
    """Collects the fields of a definition into a struct format and the slots to read from it."""

    def __init__(self, endian: str) -> None:
        self._format = [endian]
        self._items = 0
        self._slots: list[_Slot] = []

    def add(
        self,
        field_number: int,
        size: int,
        base_type_number: int,
        *,
        keep: bool,
        native_of: _DeveloperField | None = None,
    ) -> None:
        base_type = BASE_TYPES.get(base_type_number, BASE_TYPE_BYTE)
        if not keep or size == 0 or (size > 1 and size % base_type.size):
            self._format.append(f"{size}x")
            return
        if size % base_type.size:
            # One byte where the type wants more holds a small number, as the official SDK reads it.
            base_type = BASE_TYPES[_UINT8]
        if base_type.identifier == _STRING:
            self._format.append(f"{size}s")
            count = 1
        else:
            count = size // base_type.size
            self._format.append(f"{count}{base_type.fmt}")
        is_array = count > 1 or base_type is BASE_TYPE_BYTE
        self._slots.append(_Slot(field_number, self._items, count, base_type, is_array, native_of))
        self._items += count

    def add_developer(self, size: int, declared: _DeveloperField | None, *, keep: bool) -> None:
        if declared is None or declared.stands_for is None:
            self._format.append(f"{size}x")
            return
        self.add(declared.stands_for, size, declared.base_type, keep=keep, native_of=declared)

    def plan(self, number: int) -> _Plan:
        return _Plan(number, struct.Struct("".join(self._format)), tuple(self._slots))


def _slot_value(slot: _Slot, items: tuple[Any, ...]) -> Raw | None:
    if not slot.is_array:
        value: Raw | None = slot.base_type.parse(items[slot.first])
        return value
    values = items[slot.first : slot.first + slot.count]
    if slot.base_type is BASE_TYPE_BYTE:
        whole: Raw | None = slot.base_type.parse(values)
        return whole
    parsed = tuple(slot.base_type.parse(value) for value in values)
    return parsed if any(value is not None for value in parsed) else None
