"""From a file's contents to what is reported: statistics, stillness, curves. Small, plain and picklable."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import Loss
from ingest_edge.files.inspection.contents import FileContents, Message, RecordColumn
from ingest_edge.files.inspection.stillness import Stillness, gaps_of, pauses_of

Readable = Literal["whole", "part", "nothing"]

CURVE_BINS = 120
_SUMMARISED = 500
"""Summaries beyond this many of a kind are counted, not carried."""


@dataclass(frozen=True)
class Channel:
    """A field of the records for people: its range, and its mean over equal stretches of the time."""

    name: str
    unit: str
    count: int
    minimum: float
    mean: float
    maximum: float
    curve: tuple[float | None, ...]


@dataclass(frozen=True)
class Inspection:
    """What is in a file. `to_json` is for programs, the rest for people."""

    kind: str
    readable: Readable
    records: int = 0
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    messages: Mapping[str, int] = field(default_factory=dict)
    sessions: Sequence[Message] = ()
    laps: Sequence[Message] = ()
    devices: Sequence[Message] = ()
    channels: Sequence[Channel] = ()
    pauses: Sequence[Stillness] = ()
    gaps: Sequence[Stillness] = ()
    errors: Sequence[Loss] = ()

    def to_json(self, file: str) -> dict[str, Any]:
        """The object that `pulsemesh-edge inspect --json` prints; neither NaN nor infinity is in it."""
        return {
            "file": file,
            "records": self.records,
            "columns": self.columns,
            "messages": self.messages,
            "sessions": self.sessions,
            "errors": [{"offset": loss.offset, "reason": loss.reason} for loss in self.errors],
        }


def inspection_of(contents: FileContents) -> Inspection:
    """The report on a file that could be read, in part at least."""
    pauses = pauses_of(contents)
    return Inspection(
        kind=contents.kind,
        readable="part" if contents.losses else "whole",
        records=contents.records,
        columns={name: _statistics(column) for name, column in contents.columns.items() if len(column.rows)},
        messages=dict(contents.messages),
        sessions=[_plain(message) for message in contents.of("session")],
        laps=[_plain(message) for message in contents.of("lap")[:_SUMMARISED]],
        devices=[
            _plain(one) for kind in ("file_id", "device_info") for one in contents.of(kind)[:_SUMMARISED]
        ],
        channels=_channels(contents),
        pauses=pauses,
        gaps=gaps_of(contents, pauses),
        errors=tuple(contents.losses),
    )


def _statistics(column: RecordColumn) -> dict[str, Any]:
    """Count, sum, first and last. The sum is null where the values are no numbers, or have none."""
    values = column.values
    return {
        "count": len(values),
        "sum": _plain(_sum(values)),
        "first": _plain(values[0]),
        "last": _plain(values[-1]),
    }


def _sum(values: npt.NDArray[Any]) -> float | None:
    if values.dtype == object:
        return None
    if values.dtype.kind == "f":
        return math.fsum(values.tolist())
    # Sixty-four bits do not hold the sum of as many.
    return float(sum(values.tolist()))


def _plain(value: Any) -> Any:
    """The value as JSON knows it: no numpy, no bytes, no tuples, null for what is no number."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, bytes | bytearray):
        return list(value)
    if isinstance(value, list | tuple | np.ndarray):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, int | str) else str(value)


def _channels(contents: FileContents) -> list[Channel]:
    times = times_by_row(contents)
    found = []
    for name, column in contents.columns.items():
        if name == "timestamp" or column.values.dtype == object or not len(column.rows):
            continue
        values = column.values.astype(np.float64)
        known = np.isfinite(values)
        if known.any():
            found.append(_channel(name, column, known, times))
    return found


def times_by_row(contents: FileContents) -> npt.NDArray[np.float64]:
    """The time of each record in FIT seconds, shape (records,), NaN where one has none."""
    times = np.full(contents.records, np.nan)
    column = contents.columns.get("timestamp")
    if column is not None and column.values.dtype != object:
        times[column.rows] = column.values
    return times


def _channel(
    name: str, column: RecordColumn, known: npt.NDArray[np.bool_], times: npt.NDArray[np.float64]
) -> Channel:
    values = column.values.astype(np.float64)[known]
    return Channel(
        name=name,
        unit=column.unit,
        count=len(values),
        minimum=float(values.min()),
        mean=float(values.mean()),
        maximum=float(values.max()),
        curve=_curve(values, times[column.rows][known], times),
    )


def _curve(
    values: npt.NDArray[np.float64], at: npt.NDArray[np.float64], times: npt.NDArray[np.float64]
) -> tuple[float | None, ...]:
    """The mean in each of `CURVE_BINS` stretches of equal length (fewer for few records), None where a
    stretch has no value.
    """
    timed = ~np.isnan(at)
    if not timed.any():
        return ()
    first, last = np.nanmin(times), np.nanmax(times)
    size = min(CURVE_BINS, len(times))
    width = max((last - first) / size, 1e-9)
    bins = np.clip(((at[timed] - first) / width).astype(np.int64), 0, size - 1)
    counts = np.bincount(bins, minlength=size)
    sums = np.bincount(bins, weights=values[timed], minlength=size)
    return tuple(
        total / count if count else None for total, count in zip(sums.tolist(), counts.tolist(), strict=True)
    )
