"""Any message of the FIT profile, written by the names and in the units that the profile gives its fields."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ingest_edge.files.fit_encoder.base_types import BaseType
from ingest_edge.files.fit_encoder.clock import FIT_EPOCH_S
from ingest_edge.files.fit_encoder.definitions import (
    DeveloperFitField,
    Endian,
    FieldKey,
    FitDefinition,
    FitField,
    Value,
)
from ingest_edge.files.fit_encoder.developer_fields import describe_developer, describe_field
from ingest_edge.files.fit_encoder.fields_by_name import NamedField, field_of, message_number
from ingest_edge.files.fit_encoder.writer import FitWriter

NamedValue: TypeAlias = int | float | str | bytes | datetime | Sequence[int | float | None] | None
"""A value in the profile's unit; enumerations as numbers; times as FIT seconds or as a `datetime`."""

_LOCALS = 15
_DESCRIPTIONS = 15  # the local number that is kept for describing developer fields
_MAX_FIELD_BYTES = 255


class NamedWriter:
    """A FIT file, message by message. Definitions are written when they are needed.

    Values that are absent or None are left out of a message; of a column, `validity` says which are absent.
    A number that its field cannot hold raises ValueError or OverflowError.
    """

    def __init__(self, *, endian: Endian = "<", header_size: int = 14) -> None:
        self._endian: Endian = endian
        self._writer = FitWriter(header_size=header_size)
        self._known: OrderedDict[tuple[Any, ...], FitDefinition] = OrderedDict()
        self._developer: dict[str, DeveloperFitField] = {}

    def add_developer_field(
        self, name: str, base_type: BaseType, unit: str = "", *, count: int = 1, message: str = "record"
    ) -> None:
        """Describe a field of our own, to be given by its name as the profile's are."""
        if not self._developer:
            self._writer.write(describe_developer(_DESCRIPTIONS, self._endian))
        field = DeveloperFitField(0, len(self._developer), base_type, count)
        self._developer[name] = field
        number = message_number(message)
        self._writer.write(
            describe_field(_DESCRIPTIONS, self._endian, field, name, unit, native_message=number)
        )

    def message(self, name: str, values: Mapping[str, NamedValue]) -> None:
        """Write one message."""
        number = message_number(name)
        fields: list[FitField] = []
        developer: list[DeveloperFitField] = []
        encoded: dict[FieldKey, Value] = {}
        for field_name, value in values.items():
            if value is None:
                continue
            own = self._developer.get(field_name)
            if own is not None:
                developer.append(own)
                encoded[own.key] = _raw(value, None)
                continue
            field = field_of(number, field_name)
            raw = _raw(value, field)
            fields.append(FitField(field.number, field.base_type, _count(field.base_type, raw)))
            encoded[field.number] = raw
        definition = self._defined(number, tuple(fields), tuple(developer))
        self._writer.write(definition.encode(encoded))

    def columns(
        self,
        name: str,
        columns: Mapping[str, npt.ArrayLike],
        validity: Mapping[str, npt.NDArray[np.bool_] | None] | None = None,
    ) -> None:
        """Write a message a row. Columns have shape (n,), or (n, items) for fields of several items."""
        number = message_number(name)
        fields: list[FitField] = []
        developer: list[DeveloperFitField] = []
        encoded: dict[FieldKey, npt.NDArray[Any]] = {}
        valid: dict[FieldKey, npt.NDArray[np.bool_] | None] = {}
        for column_name, given in columns.items():
            array = np.asarray(given)
            mask = None if validity is None else validity.get(column_name)
            own = self._developer.get(column_name)
            if own is not None:
                developer.append(own)
                encoded[own.key], valid[own.key] = array, mask
                continue
            field = field_of(number, column_name)
            raw = _raw_column(array, field, mask)
            fields.append(FitField(field.number, field.base_type, _column_count(field.base_type, raw)))
            encoded[field.number], valid[field.number] = raw, mask
        definition = self._defined(number, tuple(fields), tuple(developer))
        self._writer.write(definition.encode_columns(encoded, valid).tobytes())

    def to_bytes(self) -> bytes:
        """The file."""
        return self._writer.to_bytes()

    def _defined(
        self, message: int, fields: tuple[FitField, ...], developer: tuple[DeveloperFitField, ...]
    ) -> FitDefinition:
        """A definition that is in force: an earlier one, or one in the place of the least recently used."""
        key = (message, fields, developer)
        definition = self._known.get(key)
        if definition is not None:
            self._known.move_to_end(key)
            return definition
        local = len(self._known)
        if local >= _LOCALS:
            _, oldest = self._known.popitem(last=False)
            local = oldest.local_number
        definition = FitDefinition(local, message, fields, self._endian, developer)
        self._known[key] = definition
        self._writer.define(definition)
        return definition


def _raw(value: NamedValue, field: NamedField | None) -> Value:
    """A value as the file holds it."""
    if isinstance(value, str):
        return value.split("\0", maxsplit=1)[0].encode() + b"\0"
    if isinstance(value, bytes) or value is None:
        return value
    if isinstance(value, datetime):
        return round(value.timestamp()) - FIT_EPOCH_S
    if isinstance(value, int | float):
        return _scaled(value, field)
    return [None if item is None else _scaled(item, field) for item in value]


def _scaled(value: float, field: NamedField | None) -> int | float:
    if field is None or field.base_type.floats:
        return value
    return round((value + field.offset) * field.scale)


def _raw_column(
    column: npt.NDArray[Any], field: NamedField, valid: npt.NDArray[np.bool_] | None
) -> npt.NDArray[Any]:
    if field.base_type is BaseType.STRING:
        return np.char.encode(column, "utf-8") if column.dtype.kind == "U" else column
    if field.base_type.floats:
        return column
    if not field.is_scaled and column.dtype.kind in "iu":
        return column
    if valid is not None:
        present = valid if column.ndim == 1 else valid[:, None]
        column = np.where(present, column, 0)
    integers: npt.NDArray[Any] = np.rint((column + field.offset) * field.scale).astype(np.int64)
    return integers


def _count(base_type: BaseType, raw: Value) -> int:
    count = len(raw) if isinstance(raw, bytes | Sequence) and raw is not None else 1
    return _checked(base_type, count)


def _column_count(base_type: BaseType, raw: npt.NDArray[Any]) -> int:
    if base_type is BaseType.STRING:
        return _checked(base_type, raw.dtype.itemsize + 1)
    return _checked(base_type, raw.shape[1] if raw.ndim > 1 else 1)


def _checked(base_type: BaseType, count: int) -> int:
    if count * base_type.size > _MAX_FIELD_BYTES:
        raise ValueError(f"a FIT field has {_MAX_FIELD_BYTES} bytes at most, not {count * base_type.size}")
    return count
