"""A FIT encoder that leaves nothing to chance: every byte of the layout is the caller's choice.

Made for simulated activities and for tests of decoders: endianness per definition, header sizes, local
numbers, redefinitions, compressed timestamps, invalid values, and good, absent or wrong checksums. Messages
are written one at a time or as columns, thousands at once.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import numpy as np
import numpy.typing as npt

from ingest_edge.files.fit_crc import fit_crc

Endian = Literal["<", ">"]
Checksum = Literal["good", "zero", "bad"]
Value = int | float | str | bytes | Sequence[int | float | None] | None

_PROTOCOL_VERSION = 0x20
_PROFILE_VERSION = 21218
_DEFINITION = 0x40
_COMPRESSED = 0x80
_MAX_COMPRESSED_LOCAL = 3
_MAX_LOCAL = 15


class BaseType(Enum):
    """FIT's base types: the number in a definition, numpy's kind, and the value that means "none"."""

    ENUM = (0x00, "u1", 0xFF)
    SINT8 = (0x01, "i1", 0x7F)
    UINT8 = (0x02, "u1", 0xFF)
    STRING = (0x07, "S", 0)
    UINT8Z = (0x0A, "u1", 0)
    BYTE = (0x0D, "u1", 0xFF)
    SINT16 = (0x83, "i2", 0x7FFF)
    UINT16 = (0x84, "u2", 0xFFFF)
    SINT32 = (0x85, "i4", 0x7FFFFFFF)
    UINT32 = (0x86, "u4", 0xFFFFFFFF)
    FLOAT32 = (0x88, "f4", float("nan"))
    FLOAT64 = (0x89, "f8", float("nan"))
    UINT16Z = (0x8B, "u2", 0)
    UINT32Z = (0x8C, "u4", 0)
    SINT64 = (0x8E, "i8", 0x7FFFFFFFFFFFFFFF)
    UINT64 = (0x8F, "u8", 0xFFFFFFFFFFFFFFFF)
    UINT64Z = (0x90, "u8", 0)

    def __init__(self, code: int, kind: str, invalid: float) -> None:
        self.code = code
        self.kind = kind
        self.invalid = invalid

    @property
    def size(self) -> int:
        """Bytes of one item."""
        return 1 if self is BaseType.STRING else int(self.kind[1])


@dataclass(frozen=True, slots=True)
class FitField:
    """A field of a definition: `count` items of a base type (for text: so many bytes)."""

    number: int
    base_type: BaseType
    count: int = 1


@dataclass(frozen=True, slots=True)
class FitDefinition:
    """A definition of a message: what `FitWriter.define` announces and `encode` follows.

    `local_number` is 0 to 15, and at most 3 where messages carry a compressed timestamp.
    """

    local_number: int
    message_number: int
    fields: tuple[FitField, ...]
    endian: Endian = "<"

    def __post_init__(self) -> None:
        if not 0 <= self.local_number <= _MAX_LOCAL:
            raise ValueError(f"a local number is 0 to {_MAX_LOCAL}, not {self.local_number}")

    def encode_definition(self) -> bytes:
        """The definition message."""
        head = struct.pack(
            f"{self.endian}BBBHB",
            _DEFINITION | self.local_number,
            0,
            int(self.endian == ">"),
            self.message_number,
            len(self.fields),
        )
        fields = (
            bytes((field.number, field.count * field.base_type.size, field.base_type.code))
            for field in self.fields
        )
        return head + b"".join(fields)

    def encode(self, values: Mapping[int, Value], time_offset: int | None = None) -> bytes:
        """One data message; fields without a value hold their invalid. `time_offset` makes a compressed one.

        Raises ValueError or OverflowError for a value that its field cannot hold, and for unknown fields.
        """
        unknown = values.keys() - {field.number for field in self.fields}
        if unknown:
            raise ValueError(f"fields {sorted(unknown)} are not in the definition")
        body = b"".join(_encode_field(field, values.get(field.number), self.endian) for field in self.fields)
        return bytes((self._header(time_offset),)) + body

    def encode_columns(
        self,
        columns: Mapping[int, npt.NDArray[np.int64]],
        validity: Mapping[int, npt.NDArray[np.bool_] | None],
        time_offsets: npt.NDArray[np.int64] | None = None,
    ) -> npt.NDArray[np.uint8]:
        """Many data messages of single-item fields: a row of bytes each, shape (n, message size).

        `columns[number]` has shape (n,); rows where `validity[number]` is False hold the field's invalid.
        """
        size = len(next(iter(columns.values())))
        dtype = [("header", "u1")]
        dtype += [(str(field.number), f"{self.endian}{field.base_type.kind}") for field in self.fields]
        rows = np.zeros(size, np.dtype(dtype))
        rows["header"] = self.local_number if time_offsets is None else self._compressed_headers(time_offsets)
        for field in self.fields:
            valid = validity.get(field.number)
            column = columns[field.number]
            _check_range(field, column if valid is None else column[valid])
            invalid = np.array(field.base_type.invalid, rows[str(field.number)].dtype)
            rows[str(field.number)] = column if valid is None else np.where(valid, column, invalid)
        return rows.view(np.uint8).reshape(size, rows.dtype.itemsize)

    def _header(self, time_offset: int | None) -> int:
        if time_offset is None:
            return self.local_number
        return int(self._compressed_headers(np.array([time_offset]))[0])

    def _compressed_headers(self, time_offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        if self.local_number > _MAX_COMPRESSED_LOCAL:
            raise ValueError("a compressed timestamp leaves room for local numbers 0 to 3 only")
        return _COMPRESSED | self.local_number << 5 | (time_offsets & 0x1F)


def _encode_field(field: FitField, value: Value, endian: Endian) -> bytes:
    if field.base_type is BaseType.STRING:
        text = value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else b""
        if len(text) > field.count:
            raise ValueError(f"{text!r} is longer than the {field.count} bytes of field {field.number}")
        return text.ljust(field.count, b"\0")
    items: Sequence[int | float | None]
    if isinstance(value, str):
        raise ValueError(f"field {field.number} holds numbers, not text")
    items = (value,) if value is None or isinstance(value, int | float) else value
    if len(items) > field.count:
        raise ValueError(f"{len(items)} items for the {field.count} of field {field.number}")
    filled = [field.base_type.invalid if item is None else item for item in items]
    filled += [field.base_type.invalid] * (field.count - len(filled))
    return np.array(filled, f"{endian}{field.base_type.kind}").tobytes()


def _check_range(field: FitField, values: npt.NDArray[np.int64]) -> None:
    if field.base_type.kind[0] == "f" or not len(values):
        return
    limits = np.iinfo(np.dtype(field.base_type.kind))
    if values.min() < limits.min or values.max() > limits.max:
        raise ValueError(f"field {field.number}: a value is outside of {limits.min} to {limits.max}")


class FitWriter:
    """Collects definitions and messages and makes a file of them."""

    def __init__(self, *, header_size: int = 14) -> None:
        if header_size < 12:
            raise ValueError("a FIT header has 12 bytes at least")
        self._header_size = header_size
        self._parts: list[bytes] = []

    def define(self, definition: FitDefinition) -> None:
        """Announce a definition; it replaces what its local number meant before."""
        self._parts.append(definition.encode_definition())

    def write(self, content: bytes) -> None:
        """Append encoded messages, or any bytes a test wants in their place."""
        self._parts.append(content)

    def to_bytes(
        self,
        *,
        checksum: Checksum = "good",
        header_checksum: Checksum = "good",
        data_size: int | None = None,
    ) -> bytes:
        """The file. `data_size` overrides the true one in the header, as a crashed device leaves it."""
        data = b"".join(self._parts)
        size = len(data) if data_size is None else data_size
        header = struct.pack("<BBHI4s", self._header_size, _PROTOCOL_VERSION, _PROFILE_VERSION, size, b".FIT")
        if self._header_size >= 14:
            header += _checksum_bytes(header, header_checksum)
        header = header.ljust(self._header_size, b"\0")
        return header + data + _checksum_bytes(header + data, checksum)


def _checksum_bytes(content: bytes, checksum: Checksum) -> bytes:
    if checksum == "zero":
        return b"\0\0"
    value = fit_crc(content)
    if checksum == "bad":
        # Neither right nor zero: zero means "not computed".
        value = value ^ 0x5555 or 0xAAAA
    return struct.pack("<H", value)
