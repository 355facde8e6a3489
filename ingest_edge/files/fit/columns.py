"""The columns of a message table: what they hold is known at once, arrays are made when somebody asks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import BoolArray
from ingest_edge.files.fit.profile import DeveloperField, FieldInfo

_MOST_SPREAD = 2
_AT_ONCE = 4096

Values = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


class Column:
    """One field of all messages of a table, in physical units, shape (n,).

    Numbers without a scale are int64 (uint64 where the file says so), others float64; text, text lists and
    lists of numbers are objects. Where a message lacks the field, numbers are 0 or NaN and objects None.
    """

    __slots__ = ("_info", "_present", "_size", "_values")

    def __init__(self, info: FieldInfo, size: int) -> None:
        self._info = info
        self._size = size
        self._values: Values | None = None
        self._present: BoolArray | None = None

    def __len__(self) -> int:
        return self._size

    @property
    def name(self) -> str:
        """The field's name."""
        return self._info.name

    @property
    def units(self) -> str:
        """The unit of the values, as the profile or the app writes it."""
        return self._info.units

    @property
    def developer(self) -> DeveloperField | None:
        """The declaration of a developer field."""
        return self._info.developer

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

    @property
    def is_array(self) -> bool:
        """Whether each row has a list of numbers; `values` are those lists then, and `matrix` is quicker."""
        return False

    def matrix(self) -> Floats:
        """The numbers in physical units, shape (n, k), NaN where one is absent; k is 1 for single numbers.

        For a column of arrays it is much quicker than the lists, and a small part of their memory: prefer it
        for what others wrote. Raises TypeError for text.
        """
        if self.values.dtype.kind == "O":
            raise TypeError(f"{self.name} holds no numbers")
        matrix = self.values.astype(np.float64)
        if self.present is not None:
            matrix[~self.present] = np.nan
        return matrix[:, None]

    def items(self, start: int = 0, stop: int | None = None) -> list[Any]:
        """The values of the rows from `start` to `stop` as Python objects, None where a row has none."""
        present = self.present
        values: list[Any] = self.values[start:stop].tolist()
        if present is None:
            return values
        there = present[start:stop].tolist()
        return [value if is_there else None for value, is_there in zip(values, there, strict=True)]

    def _made(self) -> Values:
        raise NotImplementedError


class ListColumn(Column):
    """A column of few rows, or of objects: items are unscaled, None where a row has none."""

    __slots__ = ("_items", "_numbers")

    def __init__(self, info: FieldInfo, items: list[Any], numbers: bool) -> None:
        # Written out: files have hundreds of these.
        self._info = info
        self._size = len(items)
        self._values = None
        self._items = items
        self._numbers = numbers

    @property
    def present(self) -> BoolArray | None:
        """See `Column.present`."""
        if None not in self._items:
            return None
        return np.array([item is not None for item in self._items], np.bool_)

    def items(self, start: int = 0, stop: int | None = None) -> list[Any]:
        """See `Column.items`."""
        scale, offset = self._info.scale, self._info.offset
        items = self._items if start == 0 and stop is None else self._items[start:stop]
        if scale == 1 and offset == 0:
            return items
        if self._numbers and None not in items:
            if scale == 1:
                return [item - offset for item in items]
            return [item / scale - offset for item in items]
        return [_scaled(item, scale, offset) for item in items]

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

    __slots__ = ("_absent", "_raw")

    def __init__(self, info: FieldInfo, raw: Values, absent: BoolArray | None) -> None:
        super().__init__(info, len(raw))
        self._raw = raw
        self._absent = absent

    @property
    def present(self) -> BoolArray | None:
        """See `Column.present`."""
        if self._present is None and self._absent is not None:
            self._present = ~self._absent
        return self._present

    def _made(self) -> Values:
        if self._raw.dtype.kind != "f":
            return self._made_of(self._raw)
        # The widest floats overflow where a scale is below one.
        with np.errstate(over="ignore", invalid="ignore"):
            return self._made_of(self._raw)

    def _made_of(self, raw: Values) -> Values:
        kind, scale, offset = raw.dtype.kind, self._info.scale, self._info.offset
        values: Values
        if scale == 1 and offset == 0:
            wide = np.uint64 if kind == "u" and raw.dtype.itemsize == 8 else np.int64
            values = raw.astype(np.float64 if kind == "f" else wide)
        elif scale == 1 and kind != "f" and isinstance(offset, int) and raw.dtype.itemsize < 8:
            values = raw.astype(np.int64) - offset
        else:
            values = np.divide(raw, float(scale), dtype=np.float64)
            if offset:
                values -= offset
        if self._absent is not None:
            np.putmask(values, self._absent, np.nan if values.dtype.kind == "f" else 0)
        return values


class RowsColumn(Column):
    """A column of arrays: rows of items, of which any may be absent, as lists.

    `raw` has shape (n, k), `absent` says which of its items are not there, `present` which rows are. In rows
    that are `single` the first item is all there is, and stands by itself.
    """

    __slots__ = ("_absent", "_raw", "_single")

    def __init__(
        self,
        info: FieldInfo,
        raw: Values,
        absent: BoolArray | None,
        present: BoolArray | None,
        single: BoolArray | None = None,
    ) -> None:
        super().__init__(info, len(raw))
        self._raw = raw
        self._absent = absent
        self._present = present
        self._single = single

    @property
    def values(self) -> Values:
        """See `Column.values`. Not kept: lists take many times the room of what they are made of."""
        return _objects(self.items())

    def items(self, start: int = 0, stop: int | None = None) -> list[Any]:
        """See `Column.items`."""
        scaled = self._scaled(start, stop)
        if self._absent is not None:
            scaled = scaled.astype(object)
            scaled[self._absent[start:stop]] = None
        lists: list[Any] = scaled.tolist()
        if self._single is not None:
            for row in np.flatnonzero(self._single[start:stop]).tolist():
                lists[row] = lists[row][0]
        if self._present is not None:
            for row in np.flatnonzero(~self._present[start:stop]).tolist():
                lists[row] = None
        return lists

    @property
    def is_array(self) -> bool:
        """See `Column.is_array`."""
        return True

    def matrix(self) -> Floats:
        """See `Column.matrix`."""
        matrix = self.part(0, len(self))
        if self._present is not None:
            matrix[~self._present] = np.nan
        return matrix

    def part(self, start: int, stop: int) -> Floats:
        """The rows from `start` to `stop` of the matrix, where all are present."""
        matrix = self._scaled(start, stop).astype(np.float64)
        if self._absent is not None:
            matrix[self._absent[start:stop]] = np.nan
        return matrix

    @property
    def width(self) -> int:
        """How many items a row has."""
        return int(self._raw.shape[1])

    def _scaled(self, start: int = 0, stop: int | None = None) -> Values:
        scale, offset = self._info.scale, self._info.offset
        if scale == 1 and offset == 0:
            return self._raw[start:stop]
        with np.errstate(over="ignore", invalid="ignore"):
            scaled: Values = np.divide(self._raw[start:stop], float(scale), dtype=np.float64)
            scaled -= offset
        return scaled


class CopyColumn(Column):
    """A field that is filled from all of another one: the same values under a name of its own."""

    __slots__ = ("_source",)

    def __init__(self, info: FieldInfo, source: Column) -> None:
        super().__init__(info, len(source))
        self._source = source

    @property
    def values(self) -> Values:
        """See `Column.values`."""
        return self._source.values

    @property
    def present(self) -> BoolArray | None:
        """See `Column.present`."""
        return self._source.present


class SparseColumn(Column):
    """A column that few rows have: the dense array is made each time it is asked for, and not kept."""

    __slots__ = ("_compact", "_rows")

    def __init__(self, rows: npt.NDArray[np.integer[Any]], compact: Column, size: int) -> None:
        super().__init__(compact._info, size)
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

    @property
    def is_array(self) -> bool:
        """See `Column.is_array`. A matrix of rows of which most are empty could be of any size."""
        return isinstance(self._compact, RowsColumn) and self._size <= _MOST_SPREAD * len(self._rows)

    def matrix(self) -> Floats:
        """See `Column.matrix`."""
        if not isinstance(self._compact, RowsColumn) or not self.is_array:
            return super().matrix()
        dense = np.full((self._size, self._compact.width), np.nan)
        for start in range(0, len(self._rows), _AT_ONCE):
            rows = self._rows[start : start + _AT_ONCE]
            dense[rows] = self._compact.part(start, start + len(rows))
        return dense

    def items(self, start: int = 0, stop: int | None = None) -> list[Any]:
        """See `Column.items`."""
        stop = self._size if stop is None else min(stop, self._size)
        first, last = np.searchsorted(self._rows, (start, stop)).tolist()
        items: list[Any] = [None] * (stop - start)
        found = self._compact.items(first, last)
        for row, item in zip(self._rows[first:last].tolist(), found, strict=True):
            items[row - start] = item
        return items


class ChainColumn(Column):
    """A field of several tables in a row. Arrays are put together when they are asked for, and not kept.

    `parts` are (rows, column) pairs; None where a table lacks the field.
    """

    __slots__ = ("_parts",)

    def __init__(self, parts: Sequence[tuple[int, Column | None]]) -> None:
        first = next(column for _, column in parts if column is not None)
        super().__init__(first._info, sum(size for size, _ in parts))
        self._parts = parts

    @property
    def is_array(self) -> bool:
        """See `Column.is_array`."""
        return all(column is None or column.is_array for _, column in self._parts)

    @property
    def values(self) -> Values:
        """See `Column.values`."""
        made = [None if column is None else column.values for _, column in self._parts]
        kinds = {values.dtype.kind for values in made if values is not None}
        if "O" in kinds or kinds == {"i", "u"}:
            return _objects(self.items())
        dtype = np.result_type(*(values.dtype for values in made if values is not None))
        filler = np.nan if dtype.kind == "f" else 0
        dense = np.full(self._size, filler, dtype)
        start = 0
        for (size, _), values in zip(self._parts, made, strict=True):
            if values is not None:
                dense[start : start + size] = values
            start += size
        return dense

    @property
    def present(self) -> BoolArray | None:
        """See `Column.present`."""
        masks = [(size, column, column.present if column else None) for size, column in self._parts]
        if all(column is not None and mask is None for _, column, mask in masks):
            return None
        return np.concatenate(
            [np.full(size, column is not None) if mask is None else mask for size, column, mask in masks]
        )

    def matrix(self) -> Floats:
        """See `Column.matrix`."""
        made = [None if column is None else column.matrix() for _, column in self._parts]
        width = max(matrix.shape[1] for matrix in made if matrix is not None)
        dense = np.full((self._size, width), np.nan)
        start = 0
        for (size, _), matrix in zip(self._parts, made, strict=True):
            if matrix is not None:
                dense[start : start + size, : matrix.shape[1]] = matrix
            start += size
        return dense

    def items(self, start: int = 0, stop: int | None = None) -> list[Any]:
        """See `Column.items`."""
        every = itertools.chain.from_iterable(
            [None] * size if column is None else column.items() for size, column in self._parts
        )
        return list(itertools.islice(every, start, stop))


def _scaled(item: Any, scale: float, offset: float) -> Any:
    if item is None or isinstance(item, str):
        return item
    if isinstance(item, list):
        return [_scaled(part, scale, offset) for part in item]
    return item - offset if scale == 1 else item / scale - offset


def _objects(items: list[Any]) -> Values:
    values = np.empty(len(items), object)
    # Lists of one length would become an array of two dimensions.
    for row, item in enumerate(items):
        values[row] = item
    return values
