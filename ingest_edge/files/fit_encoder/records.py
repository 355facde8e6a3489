"""A table of samples as record messages: whole columns at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import SampleTable
from ingest_edge.files.fit_encoder.base_types import BaseType
from ingest_edge.files.fit_encoder.channel_fields import RECORD_FIELDS, FieldOfChannel
from ingest_edge.files.fit_encoder.clock import fit_seconds_array
from ingest_edge.files.fit_encoder.definitions import Endian, FieldKey, FitDefinition, FitField
from ingest_edge.files.fit_encoder.developer_fields import DeveloperChannel, developer_channel
from ingest_edge.files.fit_encoder.interleave import RecordBlock
from ingest_edge.files.fit_encoder.layout import FileLayout

RECORD = 20
_TIMESTAMP = FitField(253, BaseType.UINT32)
_FARTHEST_COMPRESSED_S = 32


class RecordColumns:
    """The columns of all records of a file, before they are cut into blocks.

    Raises ValueError for a value that its field cannot hold, unless `lenient`: then it is left out.
    """

    def __init__(self, table: SampleTable, layout: FileLayout, *, lenient: bool = False) -> None:
        self.seconds = fit_seconds_array(table.time_ms)
        self._layout = layout
        self._columns: dict[FieldKey, npt.NDArray[Any]] = {253: self.seconds}
        self._validity: dict[FieldKey, npt.NDArray[np.bool_] | None] = {253: None}
        self._fields = [_TIMESTAMP]
        self.developer_channels: list[DeveloperChannel] = []
        for channel, column in table.columns.items():
            integers, valid = column.astype(np.int64), table.validity[channel]
            if channel in RECORD_FIELDS:
                self._add_native(channel, integers, valid, lenient)
            else:
                self._add_developer(channel, integers, valid)

    def __len__(self) -> int:
        return len(self.seconds)

    def _add_native(
        self,
        channel: str,
        integers: npt.NDArray[np.int64],
        valid: npt.NDArray[np.bool_] | None,
        lenient: bool,
    ) -> None:
        for source in _fields_of(channel, self._layout.plain_fields):
            self._fields.append(FitField(source.number, source.base_type))
            values = source.from_channel(integers)
            self._columns[source.number] = values
            self._validity[source.number] = _holdable(source.base_type, values, valid) if lenient else valid

    def _add_developer(
        self, channel: str, integers: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_] | None
    ) -> None:
        described = developer_channel(channel, len(self.developer_channels), integers)
        self.developer_channels.append(described)
        self._columns[described.field.key] = described.values
        self._validity[described.field.key] = valid

    def blocks(self, bare_local: int) -> Iterator[RecordBlock]:
        """The records in blocks as the layout says; `bare_local` is for records whose time is compressed."""
        step = self._layout.redefine_every or max(len(self), 1)
        previous: int | None = None
        for number, first in enumerate(range(0, len(self), step)):
            flipped = self._layout.flip_endian and number % 2 == 1
            yield self._block(slice(first, first + step), flipped, bare_local, previous)
            previous = int(self.seconds[first : first + step][-1])

    def _block(self, rows: slice, flipped: bool, bare_local: int, previous: int | None) -> RecordBlock:
        endian: Endian = self._layout.endian
        if flipped:
            endian = ">" if endian == "<" else "<"
        developer = tuple(channel.field for channel in self.developer_channels)
        columns = {key: column[rows] for key, column in self._columns.items()}
        validity = {key: None if valid is None else valid[rows] for key, valid in self._validity.items()}
        fields, seconds = tuple(self._fields), self.seconds[rows]
        full = FitDefinition(self._layout.record_local, RECORD, fields, endian, developer)
        lines = full.encode_columns(columns, validity)
        if not self._layout.compressed_timestamps:
            ends = np.arange(1, len(lines) + 1, dtype=np.int64) * lines.shape[1]
            return RecordBlock(full.encode_definition(), seconds, ends, lines.tobytes())
        bare = FitDefinition(bare_local, RECORD, fields[1:], endian, developer)
        near = _near(seconds, previous)
        short = bare.encode_columns(columns, validity, seconds)
        parts = [
            one.tobytes() if is_near else whole.tobytes()
            for is_near, one, whole in zip(near, short, lines, strict=True)
        ]
        ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
        definitions = full.encode_definition() + bare.encode_definition()
        return RecordBlock(definitions, seconds, ends, b"".join(parts))


def _near(seconds: npt.NDArray[np.int64], previous: int | None) -> npt.NDArray[np.bool_]:
    """Which records can say their time in five bits, from the one before."""
    before = int(seconds[0]) - _FARTHEST_COMPRESSED_S if previous is None else previous
    gaps = np.diff(seconds, prepend=before)
    return np.asarray((gaps >= 0) & (gaps < _FARTHEST_COMPRESSED_S))


def _fields_of(channel: str, plain: bool) -> tuple[FieldOfChannel, ...]:
    every = RECORD_FIELDS[channel]
    return tuple(field for field in every if field.plain is None or field.plain == plain)


def _holdable(
    base_type: BaseType, values: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_] | None
) -> npt.NDArray[np.bool_] | None:
    """Which values the field can hold: within its range, and not the one that means none."""
    limits = np.iinfo(np.dtype(base_type.kind))
    fits = (values >= limits.min) & (values <= limits.max) & (values != base_type.invalid)
    if valid is not None:
        fits &= valid
    return None if fits.all() else fits
