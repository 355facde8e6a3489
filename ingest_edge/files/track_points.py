"""The points of an XML track file as columns of numbers, gathered while the file is read."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ingest_edge.files.channels import SCALES
from ingest_edge.files.track_values import Float64Array, Text, numbers, times_ms

TIME = "time"

_FIELDS: dict[str, str] = {
    # GPX 1.0 and 1.1.
    "lat": "latitude",
    "lon": "longitude",
    "ele": "altitude",
    "time": TIME,
    # Garmin's TrackPointExtension and PowerExtension, Cluetrust's gpxdata, and what others write.
    "hr": "heart_rate",
    "heartrate": "heart_rate",
    "cad": "cadence",
    "cadence": "cadence",
    "atemp": "temperature",
    "temp": "temperature",
    "power": "power",
    "powerinwatts": "power",
    "watts": "power",
    "dist": "distance",
    "coretemp": "core_temperature",
    # TCX.
    "latitudedegrees": "latitude",
    "longitudedegrees": "longitude",
    "altitudemeters": "altitude",
    "distancemeters": "distance",
    "heartratebpm": "heart_rate",
    "runcadence": "cadence",
}

_CHANNELS = set(SCALES) - {"unspecified", "marker", "rr_interval", "latitude", "longitude"}

_VALUE = "value"
_FLUSH_VALUES = 1 << 16
_WORTH_AN_ARRAY = 256


def field_of(name: str, parent: str = "") -> str | None:
    """The field that an element of a point holds, by its name without prefix in small letters.

    Fields are `time` and channels. Elements of any vocabulary that bear a channel's own name in its own unit
    (`speed`, `respiration_rate`) are taken too. TCX wraps some numbers in a `Value`: then the parent says
    which. None for everything else.
    """
    if name == _VALUE:
        name = parent
    known = _FIELDS.get(name)
    return known if known is not None else (name if name in _CHANNELS else None)


@dataclass
class _Column:
    """One field: what is converted already, and texts that wait to be, each with the row it belongs to."""

    rows: list[npt.NDArray[np.int64]] = field(default_factory=list)
    values: list[Float64Array] = field(default_factory=list)
    waiting_rows: array[int] = field(default_factory=lambda: array("q"))
    waiting: list[Text] = field(default_factory=list)
    garbage: int = 0


class PointColumns:
    """Takes points in the order of the file, one by one or in blocks. A point is a row."""

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}
        self._rows = 0
        self._waiting = 0
        self.without_zone = 0

    def __len__(self) -> int:
        """How many points there are so far."""
        return self._rows

    @property
    def fields(self) -> list[str]:
        """The fields of which there is at least one value, `time` among them."""
        return [name for name, column in self._columns.items() if column.rows]

    def add(self, point: Mapping[str, str]) -> None:
        """Take one point: texts by field."""
        row = self._rows
        for name, text in point.items():
            column = self._columns.get(name) or self._column(name)
            column.waiting_rows.append(row)
            column.waiting.append(text)
        self._rows = row + 1
        self._waiting += len(point)
        if self._waiting >= _FLUSH_VALUES:
            self.flush()

    def add_block(self, names: Sequence[str], points: Sequence[Sequence[bytes]]) -> None:
        """Take points that have the same fields: row by row the texts of `names`."""
        rows = np.arange(self._rows, self._rows + len(points), dtype=np.int64)
        self._rows += len(points)
        for name, texts in zip(names, zip(*points, strict=True), strict=True):
            column = self._column(name)
            if len(points) >= _WORTH_AN_ARRAY:
                self._convert(name, column, rows, texts, plain=True)
            else:
                column.waiting_rows.extend(rows.tolist())
                column.waiting.extend(texts)
                self._waiting += len(points)
        if self._waiting >= _FLUSH_VALUES:
            self.flush()

    def flush(self) -> None:
        """Convert what waits. The columns are complete after that."""
        if not self._waiting:
            return
        self._waiting = 0
        for name, column in self._columns.items():
            if column.waiting:
                rows = np.frombuffer(column.waiting_rows, np.int64)
                self._convert(name, column, rows, column.waiting)
                column.waiting_rows, column.waiting = array("q"), []

    def garbage(self) -> dict[str, int]:
        """How many texts of each field were neither empty nor what the field wants."""
        return {name: column.garbage for name, column in self._columns.items() if column.garbage}

    def spread(self, name: str) -> Float64Array:
        """A field over all rows, shape (n,), NaN where a point has no value. Times are in ms."""
        whole = np.full(self._rows, np.nan)
        column = self._columns.get(name)
        if column is not None:
            for rows, values in zip(column.rows, column.values, strict=True):
                whole[rows] = values
        return whole

    def _column(self, name: str) -> _Column:
        return self._columns.setdefault(name, _Column())

    def _convert(
        self,
        name: str,
        column: _Column,
        rows: npt.NDArray[np.int64],
        texts: Sequence[Text],
        *,
        plain: bool = False,
    ) -> None:
        if name == TIME:
            values, garbage, without_zone = times_ms(texts, plain=plain)
            self.without_zone += without_zone
        else:
            values, garbage = numbers(texts, plain=plain)
        column.garbage += garbage
        present = ~np.isnan(values)
        if present.all():
            column.rows.append(rows)
            column.values.append(values)
        elif present.any():
            column.rows.append(rows[present])
            column.values.append(values[present])
