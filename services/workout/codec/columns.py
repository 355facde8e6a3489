"""Samples by columns: what the codec, the summary and the streams work on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int64Array = NDArray[np.int64]
Int32Array = NDArray[np.int32]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SampleColumn:
    """The values of one channel.

    Attributes:
        values: int32, shape (n,), in the channel's integer steps; 0 where absent.
        present: bool, shape (n,), or None when every sample has a value.
    """

    values: Int32Array
    present: BoolArray | None = None

    def mask(self) -> BoolArray:
        """Where values are present; bool, shape (n,)."""
        return np.ones(len(self.values), np.bool_) if self.present is None else self.present

    def take(self, rows: slice | NDArray[np.intp]) -> SampleColumn:
        """The same column at `rows`: a slice is a view, an index array a copy."""
        return SampleColumn(self.values[rows], None if self.present is None else self.present[rows])


@dataclass(frozen=True, slots=True)
class SampleColumns:
    """Samples of one source: sample i is (times_ms[i], value i of every column).

    Attributes:
        times_ms: int64, shape (n,), milliseconds since 1970 UTC.
        columns: by `pulsemesh.type.v1.Channel` number, each of length n.
    """

    times_ms: Int64Array
    columns: dict[int, SampleColumn]

    def __len__(self) -> int:
        return len(self.times_ms)

    def take(self, rows: slice | NDArray[np.intp]) -> SampleColumns:
        """The same samples at `rows`."""
        return SampleColumns(
            self.times_ms[rows], {channel: column.take(rows) for channel, column in self.columns.items()}
        )

    def sorted_by_time(self) -> SampleColumns:
        """Sorted by time; samples of equal time keep their order. Itself when it is sorted already."""
        if len(self) < 2 or bool(np.all(self.times_ms[1:] >= self.times_ms[:-1])):
            return self
        return self.take(np.argsort(self.times_ms, kind="stable"))

    def between(self, start_ms: int, end_ms: int) -> SampleColumns:
        """Those with ``start_ms <= time < end_ms``; the samples must be sorted by time."""
        first, last = np.searchsorted(self.times_ms, [start_ms, end_ms], side="left")
        return self.take(slice(int(first), int(last)))

    def only(self, channels: frozenset[int]) -> SampleColumns:
        """The same samples with the columns of `channels`."""
        kept = {channel: column for channel, column in self.columns.items() if channel in channels}
        return SampleColumns(self.times_ms, kept)

    def shifted(self, offset_ms: int) -> SampleColumns:
        """The same samples, all times later by `offset_ms`."""
        return self if offset_ms == 0 else SampleColumns(self.times_ms + offset_ms, self.columns)

    def without_absent(self) -> SampleColumns:
        """Without the columns that hold no value, and without a mask where every value is present."""
        return SampleColumns(
            self.times_ms,
            {
                channel: SampleColumn(column.values) if column.mask().all() else column
                for channel, column in self.columns.items()
                if column.mask().any()
            },
        )


EMPTY = SampleColumns(np.empty(0, np.int64), {})


def concatenate(parts: Sequence[SampleColumns]) -> SampleColumns:
    """One after the other; a column that a part lacks is absent there."""
    if len(parts) < 2:
        return parts[0] if parts else EMPTY
    channels = sorted({channel for part in parts for channel in part.columns})
    return SampleColumns(
        np.concatenate([part.times_ms for part in parts]),
        {channel: _joined(parts, channel) for channel in channels},
    )


def _joined(parts: Sequence[SampleColumns], channel: int) -> SampleColumn:
    columns = [part.columns.get(channel) or _absent(len(part)) for part in parts]
    whole = all(column.present is None for column in columns)
    return SampleColumn(
        np.concatenate([column.values for column in columns]),
        None if whole else np.concatenate([column.mask() for column in columns]),
    )


def _absent(samples: int) -> SampleColumn:
    return SampleColumn(np.zeros(samples, np.int32), np.zeros(samples, np.bool_))
