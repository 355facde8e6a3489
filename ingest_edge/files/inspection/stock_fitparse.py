"""FIT through fitparse as it is, brought to the SDK's names and numbers where that can be done.

What differs then is fitparse's: its profile is of 2019, it raises on some damage where others read on, and it
knows only the components of its time.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import fitparse.records
import numpy as np
from fitparse import FitFile
from fitparse.utils import FitParseError

from ingest_edge.files.activity import Loss
from ingest_edge.files.fit.profile import message_info
from ingest_edge.files.fit_profile import FILE_KINDS
from ingest_edge.files.inspection.contents import (
    MOST_SUMMARIES,
    SUMMARY_KINDS,
    FileContents,
    RecordColumn,
    message_key,
)

_UNKNOWN = "unknown_"


class _AsStored:
    """A processor that leaves numbers alone, where fitparse's own makes dates and words of them."""

    def run_type_processor(self, field: Any) -> None: ...

    def run_field_processor(self, field: Any) -> None: ...

    def run_unit_processor(self, field: Any) -> None: ...

    def run_message_processor(self, message: Any) -> None: ...


class _Column:
    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.rows: list[int] = []
        self.values: list[Any] = []

    def done(self) -> RecordColumn:
        numeric = all(isinstance(value, int | float) for value in self.values)
        values = np.array(self.values) if numeric else _objects(self.values)
        return RecordColumn(values, np.array(self.rows, np.int64), self.unit)


def stock_fitparse_contents(content: bytes) -> FileContents:
    """The contents of a FIT file, up to where fitparse gives up: the error is among the losses."""
    # fitparse keeps what one file declares for the next one.
    fitparse.records.DEV_TYPES.clear()
    counts: dict[str, int] = {}
    summaries: dict[str, list[dict[str, Any]]] = {}
    columns: dict[str, _Column] = {}
    losses: list[Loss] = []
    for name, fields in _messages(content, losses):
        key = message_key(name)
        if name == "record":
            _add_record(columns, counts.get(key, 0), fields)
        elif name in SUMMARY_KINDS and counts.get(key, 0) < MOST_SUMMARIES:
            summaries.setdefault(key, []).append({field: value for field, (value, _) in fields.items()})
        counts[key] = counts.get(key, 0) + 1
    return FileContents(
        kind=f"FIT {_kind(summaries)}",
        records=counts.get("record_mesgs", 0),
        columns={name: column.done() for name, column in columns.items()},
        messages=counts,
        summaries=summaries,
        losses=losses,
    )


def _messages(content: bytes, losses: list[Loss]) -> Iterator[tuple[str, dict[str, tuple[Any, str]]]]:
    stream = io.BytesIO(content)
    try:
        for message in FitFile(stream, check_crc=False, data_processor=_AsStored()).get_messages():
            # Messages younger than fitparse's profile are named as ours names them.
            yield message_info(message.mesg_num).name, dict(_fields(message))
    except (
        FitParseError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
        AttributeError,
        ArithmeticError,
    ) as error:
        offset = min(stream.tell(), len(content))
        losses.append(Loss(offset, f"fitparse gives up here: {type(error).__name__}: {error}"))


def _fields(message: Any) -> Iterator[tuple[str, tuple[Any, str]]]:
    for field in message.fields:
        # Words stand for numbers that the SDK leaves alone; real text is text in the file too.
        value = field.raw_value if isinstance(field.value, str) else field.value
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace").rstrip("\0")
        if value is None or (isinstance(value, tuple) and not any(item is not None for item in value)):
            continue
        if field.parent_field is not None:
            # The SDK keeps the field beside the subfield that it is in this message.
            yield field.parent_field.name, (_scaled(field.parent_field, field.raw_value), field.units or "")
        yield (
            str(field.name).removeprefix(_UNKNOWN),
            (
                list(value) if isinstance(value, tuple) else value,
                field.units or "",
            ),
        )


def _scaled(field: Any, raw: Any) -> Any:
    if not isinstance(raw, int | float):
        return list(raw) if isinstance(raw, tuple) else raw
    return raw if not field.scale and not field.offset else raw / (field.scale or 1) - (field.offset or 0)


def _add_record(columns: dict[str, _Column], row: int, fields: dict[str, tuple[Any, str]]) -> None:
    for name, (value, unit) in fields.items():
        column = columns.get(name)
        if column is None:
            column = columns[name] = _Column(unit)
        column.rows.append(row)
        column.values.append(value)


def _kind(summaries: dict[str, list[dict[str, Any]]]) -> str:
    number = next((one["type"] for one in summaries.get("file_id_mesgs", ()) if "type" in one), None)
    return FILE_KINDS.get(number, f"file of type {number}") if isinstance(number, int) else "file"


def _objects(values: list[Any]) -> Any:
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column
