"""Definitions of FIT messages, and the messages that follow them: one at a time, or as columns of thousands.

Every byte of the layout is the caller's choice: byte order, local numbers, sizes, compressed timestamps,
values that mean "none". Numbers are those of the file: `ingest_edge.files.fit_encoder.named` takes values
in the profile's names and units.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ingest_edge.files.fit_encoder.base_types import BaseType

Endian = Literal["<", ">"]
Value: TypeAlias = int | float | str | bytes | Sequence[int | float | None] | None
FieldKey: TypeAlias = int | tuple[int, int]
"""A field's number, or a developer field's (index of the developer, number)."""

_DEFINITION = 0x40
_HAS_DEVELOPER_FIELDS = 0x20
_COMPRESSED = 0x80
_MAX_COMPRESSED_LOCAL = 3
_MAX_LOCAL = 15


@dataclass(frozen=True, slots=True)
class FitField:
    """A field of a definition: `count` items of a base type (for text: so many bytes)."""

    number: int
    base_type: BaseType
    count: int = 1

    @property
    def key(self) -> FieldKey:
        """How values and columns name the field."""
        return self.number

    @property
    def size(self) -> int:
        """Bytes of the whole field."""
        return self.count * self.base_type.size


@dataclass(frozen=True, slots=True)
class DeveloperFitField:
    """A field that the file itself describes: see `developer_fields`."""

    developer: int
    number: int
    base_type: BaseType
    count: int = 1

    @property
    def key(self) -> FieldKey:
        """How values and columns name the field."""
        return (self.developer, self.number)

    @property
    def size(self) -> int:
        """Bytes of the whole field."""
        return self.count * self.base_type.size


AnyField: TypeAlias = FitField | DeveloperFitField


@dataclass(frozen=True, slots=True)
class FitDefinition:
    """A definition of a message: what `FitWriter.define` announces and `encode` follows.

    `local_number` is 0 to 15, and at most 3 where messages carry a compressed timestamp.
    """

    local_number: int
    message_number: int
    fields: tuple[FitField, ...]
    endian: Endian = "<"
    developer_fields: tuple[DeveloperFitField, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.local_number <= _MAX_LOCAL:
            raise ValueError(f"a local number is 0 to {_MAX_LOCAL}, not {self.local_number}")

    @property
    def every_field(self) -> tuple[AnyField, ...]:
        """The fields in the order of their bytes."""
        return (*self.fields, *self.developer_fields)

    def encode_definition(self) -> bytes:
        """The definition message."""
        flag = _HAS_DEVELOPER_FIELDS if self.developer_fields else 0
        head = struct.pack(
            f"{self.endian}BBBHB",
            _DEFINITION | flag | self.local_number,
            0,
            int(self.endian == ">"),
            self.message_number,
            len(self.fields),
        )
        fields = b"".join(bytes((field.number, field.size, field.base_type.code)) for field in self.fields)
        if not self.developer_fields:
            return head + fields
        described = (bytes((field.number, field.size, field.developer)) for field in self.developer_fields)
        return head + fields + bytes((len(self.developer_fields),)) + b"".join(described)

    def encode(self, values: Mapping[Any, Value], time_offset: int | None = None) -> bytes:
        """One data message; fields without a value hold their invalid. `time_offset` makes a compressed one.

        `values` are by field number, or (developer, number). Raises ValueError or OverflowError for a value
        that its field cannot hold, and for unknown fields.
        """
        unknown = values.keys() - {field.key for field in self.every_field}
        if unknown:
            raise ValueError(f"fields {sorted(unknown, key=str)} are not in the definition")
        body = b"".join(
            _encode_field(field, values.get(field.key), self.endian) for field in self.every_field
        )
        return bytes((self._header(time_offset),)) + body

    def encode_columns(
        self,
        columns: Mapping[Any, npt.NDArray[Any]],
        validity: Mapping[Any, npt.NDArray[np.bool_] | None],
        time_offsets: npt.NDArray[np.int64] | None = None,
    ) -> npt.NDArray[np.uint8]:
        """Many data messages at once: a row of bytes each, shape (n, message size).

        `columns[key]` has shape (n,), for fields of several items (n, items), for text numpy's bytes; rows
        where `validity[key]` is False hold the field's invalid. Raises ValueError for a value that its field
        cannot hold.
        """
        size = len(next(iter(columns.values())))
        rows = np.zeros(size, self._row_type())
        rows["header"] = self.local_number if time_offsets is None else self._compressed_headers(time_offsets)
        for field in self.every_field:
            _fill_column(rows[str(field.key)], field, columns[field.key], validity.get(field.key))
        return rows.view(np.uint8).reshape(size, rows.dtype.itemsize)

    def _row_type(self) -> np.dtype[Any]:
        parts: list[tuple[Any, ...]] = [("header", "u1")]
        for field in self.every_field:
            name = str(field.key)
            if field.base_type is BaseType.STRING:
                parts.append((name, f"S{field.count}"))
            elif field.count == 1:
                parts.append((name, f"{self.endian}{field.base_type.kind}"))
            else:
                parts.append((name, f"{self.endian}{field.base_type.kind}", (field.count,)))
        return np.dtype(parts)

    def _header(self, time_offset: int | None) -> int:
        if time_offset is None:
            return self.local_number
        return int(self._compressed_headers(np.array([time_offset]))[0])

    def _compressed_headers(self, time_offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        if self.local_number > _MAX_COMPRESSED_LOCAL:
            raise ValueError("a compressed timestamp leaves room for local numbers 0 to 3 only")
        return _COMPRESSED | self.local_number << 5 | (time_offsets & 0x1F)


def _encode_field(field: AnyField, value: Value, endian: Endian) -> bytes:
    if field.base_type is BaseType.STRING:
        text = value.encode() if isinstance(value, str) else value if isinstance(value, bytes) else b""
        if len(text) > field.count:
            raise ValueError(f"{text!r} is longer than the {field.count} bytes of field {field.key}")
        return text.ljust(field.count, b"\0")
    items: Sequence[int | float | None]
    if isinstance(value, str):
        raise ValueError(f"field {field.key} holds numbers, not text")
    items = (value,) if value is None or isinstance(value, int | float) else value
    if len(items) > field.count:
        raise ValueError(f"{len(items)} items for the {field.count} of field {field.key}")
    filled = [field.base_type.invalid if item is None else item for item in items]
    filled += [field.base_type.invalid] * (field.count - len(filled))
    array = np.array(filled, f"{endian}{field.base_type.kind}")
    if field.base_type.floats:
        return _bits(array, np.isnan(array))
    return array.tobytes()


def _bits(floats: npt.NDArray[Any], absent: npt.NDArray[np.bool_]) -> bytes:
    """Floats as bytes; FIT's absent float is all bits set, which is one NaN of many."""
    integers = floats.view(floats.dtype.str.replace("f", "u")).copy()
    integers[absent] = np.iinfo(integers.dtype).max
    return integers.tobytes()


def _fill_column(
    target: npt.NDArray[Any],
    field: AnyField,
    column: npt.NDArray[Any],
    valid: npt.NDArray[np.bool_] | None,
) -> None:
    """Write a column into its place among the rows."""
    if field.base_type is BaseType.STRING:
        target[...] = column if valid is None else np.where(valid, column, b"")
        return
    _check_range(field, column if valid is None else column[valid])
    if field.base_type.floats:
        target[...] = column
        absent = np.isnan(column) if valid is None else np.isnan(column) | ~_spread(valid, column)
        bits = target.view(target.dtype.str.replace("f", "u"))
        bits[absent] = np.iinfo(bits.dtype).max
        return
    if valid is None:
        target[...] = column
        return
    invalid = np.array(field.base_type.invalid, target.dtype)
    target[...] = np.where(_spread(valid, column), column, invalid)


def _spread(valid: npt.NDArray[np.bool_], column: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """`valid`, one a row, for every item of its row."""
    return valid if column.ndim == 1 else valid[:, None]


def _check_range(field: AnyField, values: npt.NDArray[Any]) -> None:
    if field.base_type.floats or not values.size:
        return
    limits = np.iinfo(np.dtype(field.base_type.kind))
    if values.min() < limits.min or values.max() > limits.max:
        raise ValueError(f"field {field.key}: a value is outside of {limits.min} to {limits.max}")
