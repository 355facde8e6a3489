"""The columns of a message table. What they hold is known at once; arrays are made when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import BoolArray
from ingest_edge.files.fit.plan import DeveloperField

Values = npt.NDArray[Any]


class Column:
    """One field of all messages of a table, in physical units, shape (n,).

    Numbers without a scale are int64 (uint64 where the file says so), others float64; text, text lists and
    lists of numbers are objects. Where a message lacks the field, numbers are 0 or NaN and objects None.
    `developer` is the declaration of a developer field.
    """

    __slots__ = ("_present", "_size", "_values", "developer", "name", "units")

    def __init__(self, name: str, units: str, size: int, developer: DeveloperField | None = None) -> None:
        self.name = name
        self.units = units
        self.developer = developer
        self._size = size
        self._values: Values | None = None
        self._present: BoolArray | None = None

    def __len__(self) -> int:
        return self._size

    @property
    def values(self) -> Values:
        """All rows, shape (n,). Do not write into it."""
        if self._values is None:
            self._values = self._made()
        return self._values

    @property
    def present(self) -> BoolArray | None:
        """Which rows have a value, shape (n,); None where all have."""
        return self._present

    @property
    def count(self) -> int:
        """How many rows have a value."""
        present = self.present
        return self._size if present is None else int(np.count_nonzero(present))

    def compact(self) -> Values:
        """The values of the rows that have one, shape (count,)."""
        present = self.present
        return self.values if present is None else self.values[present]

    def indices(self) -> npt.NDArray[np.intp]:
        """The rows that have a value, ascending, shape (count,)."""
        present = self.present
        return np.arange(self._size) if present is None else np.flatnonzero(present)

    def items(self) -> list[Any]:
        """The values as Python objects, None where a row has none."""
        values, present = self.values.tolist(), self.present
        if present is None:
            return values
        return [value if there else None for value, there in zip(values, present.tolist(), strict=True)]

    def _made(self) -> Values:
        raise NotImplementedError


class ListColumn(Column):
    """A column of few rows, or of objects: items are unscaled, None where a row has none."""

    __slots__ = ("_items", "_numbers", "_offset", "_scale")

    def __init__(
        self,
        name: str,
        units: str,
        items: list[Any],
        scale: float = 1,
        offset: float = 0,
        numbers: bool = True,
        developer: DeveloperField | None = None,
    ) -> None:
        # Written out: files have hundreds of these.
        self.name = name
        self.units = units
        self.developer = developer
        self._size = len(items)
        self._values = None
        self._present = None
        self._items = items
        self._scale = scale
        self._offset = offset
        self._numbers = numbers

    @property
    def present(self) -> BoolArray | None:
        """See `Column.present`."""
        if None not in self._items:
            return None
        return np.array([item is not None for item in self._items], np.bool_)

    def items(self) -> list[Any]:
        """See `Column.items`."""
        scale, offset = self._scale, self._offset
        if scale == 1 and offset == 0:
            return self._items
        return [_scaled(item, scale, offset) for item in self._items]

    def _made(self) -> Values:
        items = self.items()
        if not self._numbers:
            return _objects(items)
        if None in items:
            absent: float = float("nan") if any(isinstance(item, float) for item in items) else 0
            items = [absent if item is None else item for item in items]
        try:
            values = np.array(items)
        except OverflowError:
            return _objects(items)
        if values.dtype.kind == "f" and not any(isinstance(item, float) for item in items):
            return _objects(items)
        return values


class ArrayColumn(Column):
    """A column of numbers as they lie in the file: value = raw / scale − offset."""

    __slots__ = ("_absent", "_offset", "_raw", "_scale")

    def __init__(
        self,
        name: str,
        units: str,
        raw: Values,
        absent: BoolArray | None,
        scale: float = 1,
        offset: float = 0,
        developer: DeveloperField | None = None,
    ) -> None:
        super().__init__(name, units, len(raw), developer)
        self._raw = raw
        self._absent = absent
        self._scale = scale
        self._offset = offset

    @property
    def present(self) -> BoolArray | None:
        """See `Column.present`."""
        if self._present is None and self._absent is not None:
            self._present = ~self._absent
        return self._present

    def _made(self) -> Values:
        raw, kind = self._raw, self._raw.dtype.kind
        if self._scale == 1 and self._offset == 0:
            values = raw.astype(np.float64 if kind == "f" else np.uint64 if raw.dtype == "u8" else np.int64)
        elif self._scale == 1 and kind != "f" and isinstance(self._offset, int):
            values = raw.astype(np.int64)
            values -= self._offset
        else:
            values = np.divide(raw, float(self._scale), dtype=np.float64)
            if self._offset:
                values -= self._offset
        if self._absent is not None:
            values[self._absent] = np.nan if values.dtype.kind == "f" else 0
        return values


class RowsColumn(Column):
    """A column of arrays: rows of items, of which any may be absent, as lists; a list of one is its item.

    `raw` has shape (n, k), `absent` is the same for its items. Lists are as long as `lengths`, or all k.
    """

    __slots__ = ("_absent", "_lengths", "_offset", "_raw", "_scale")

    def __init__(
        self,
        name: str,
        units: str,
        raw: Values,
        absent: BoolArray | None,
        present: BoolArray | None,
        scale: float = 1,
        offset: float = 0,
        developer: DeveloperField | None = None,
        lengths: npt.NDArray[np.int64] | None = None,
    ) -> None:
        super().__init__(name, units, len(raw), developer)
        self._raw = raw
        self._absent = absent
        self._scale = scale
        self._offset = offset
        self._present = present
        self._lengths = lengths

    @property
    def values(self) -> Values:
        """See `Column.values`. Not kept: lists take many times the room of what they are made of."""
        return _objects(self.items())

    def items(self) -> list[Any]:
        """See `Column.items`."""
        scale, offset = self._scale, self._offset
        lists = self._raw.tolist()
        if self._absent is not None:
            for row, column in np.argwhere(self._absent).tolist():
                lists[row][column] = None
        if self._lengths is not None:
            lengths = self._lengths.tolist()
            lists = [
                items[:length] if length != 1 else items[0]
                for items, length in zip(lists, lengths, strict=True)
            ]
        if scale != 1 or offset != 0:
            lists = [_scaled(items, scale, offset) for items in lists]
        if self._present is not None:
            for row in np.flatnonzero(~self._present).tolist():
                lists[row] = None
        return lists


class SparseColumn(Column):
    """A column that few rows have: the dense array is made each time it is asked for, and not kept."""

    __slots__ = ("_compact", "_rows")

    def __init__(self, rows: npt.NDArray[np.integer[Any]], compact: Column, size: int) -> None:
        super().__init__(compact.name, compact.units, size, compact.developer)
        self._rows = rows
        self._compact = compact

    @property
    def values(self) -> Values:
        """See `Column.values`."""
        compact = self._compact.values
        filler: Any = {"f": np.nan, "O": None}.get(compact.dtype.kind, 0)
        dense = np.full(self._size, filler, compact.dtype)
        dense[self._rows] = compact
        return dense

    @property
    def present(self) -> BoolArray:
        """See `Column.present`."""
        present = np.zeros(self._size, np.bool_)
        present[self._rows] = True
        return present

    @property
    def count(self) -> int:
        """See `Column.count`."""
        return len(self._rows)

    def compact(self) -> Values:
        """See `Column.compact`."""
        return self._compact.values

    def indices(self) -> npt.NDArray[np.intp]:
        """See `Column.indices`."""
        return self._rows.astype(np.intp)


def concatenated(parts: Sequence[tuple[int, Column | None]]) -> Column:
    """The same column of several tables in a row, as (rows, column) pairs; None where a table lacks it."""
    size = sum(rows for rows, _ in parts)
    there = [column for _, column in parts if column is not None]
    starts = np.cumsum([0, *(rows for rows, _ in parts)]).tolist()
    rows = np.concatenate(
        [column.indices() + start for (_, column), start in zip(parts, starts, strict=False) if column]
    )
    kept = [column.compact() for column in there]
    kinds = {values.dtype.kind for values in kept}
    compact: Column
    if "O" in kinds or kinds == {"i", "u"}:
        listed = [item for values in kept for item in values.tolist()]
        compact = ListColumn(there[0].name, there[0].units, listed, numbers="O" not in kinds)
    else:
        compact = ArrayColumn(there[0].name, there[0].units, np.concatenate(kept), None)
    compact.developer = there[0].developer
    return compact if len(rows) == size else SparseColumn(rows.astype(np.uint32), compact, size)


def _scaled(item: Any, scale: float, offset: float) -> Any:
    if item is None or isinstance(item, str):
        return item
    if isinstance(item, list):
        return [_scaled(part, scale, offset) for part in item]
    return item - offset if scale == 1 else item / scale - offset


def _objects(items: list[Any]) -> Values:
    values = np.empty(len(items), object)
    values[:] = items if not any(isinstance(item, list) for item in items) else [None] * len(items)
    if len(items) and any(isinstance(item, list) for item in items):
        for row, item in enumerate(items):
            values[row] = item
    return values
