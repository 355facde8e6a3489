"""A long stream made short enough to draw.

The samples are divided into buckets of equal count. Columns share one axis of time, so each bucket gives its
rows the times of its own samples: with a single column they are the exact times of the values kept, with
several they are exact to the width of a bucket.
"""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from services.workout.codec import SampleColumn, SampleColumns
from services.workout.codec.columns import BoolArray, Int64Array
from services.workout.streams.triangles import largest_triangles


class Method(Enum):
    """What represents a bucket."""

    MIN_MAX = "min_max"
    """Two rows: its smallest and its largest value, in the order in which they occurred."""
    LTTB = "lttb"
    """One row: the value that makes the largest triangle (Steinarsson 2013)."""
    MEAN = "mean"
    """One row: the mean of its values, rounded to the channel's steps."""


def downsample(samples: SampleColumns, max_samples: int, method: Method) -> SampleColumns:
    """At most `max_samples` (at least 1) rows for `samples`, which are sorted by time.

    A bucket where a column has no value leaves that column absent.
    """
    if max_samples < 1:
        raise ValueError("at least one sample must be left")
    if len(samples) <= max_samples:
        return samples
    if method is Method.MIN_MAX and max_samples >= 2:
        return _min_max(samples, max_samples // 2)
    if method is Method.LTTB and max_samples >= 3:
        return _lttb(samples, max_samples)
    return _mean(samples, max_samples)


def smallest_and_largest(samples: SampleColumns, rows_each: int) -> SampleColumns:
    """Two rows for every `rows_each` rows: the smallest and the largest value of each column, in their order.

    The first of the two has the time of the stretch's first row, however many columns there are; so the
    stretches of an overview can be told apart.
    """
    if not len(samples):
        return samples
    edges = np.append(np.arange(0, len(samples), rows_each, dtype=np.intp), len(samples))
    return _extremes_at(samples, edges, exact=False)


def _edges(samples: int, buckets: int) -> NDArray[np.intp]:
    """First row of each bucket, and the end of the last; shape (buckets + 1,)."""
    return (np.arange(buckets + 1, dtype=np.int64) * samples // buckets).astype(np.intp)


def _mean(samples: SampleColumns, buckets: int) -> SampleColumns:
    edges = _edges(len(samples), buckets)
    offsets = np.add.reduceat(samples.times_ms - samples.times_ms[0], edges[:-1])
    times = samples.times_ms[0] + offsets // np.diff(edges)
    return SampleColumns(
        times, {channel: _mean_of(column, edges) for channel, column in samples.columns.items()}
    )


def _mean_of(column: SampleColumn, edges: NDArray[np.intp]) -> SampleColumn:
    present = column.mask()
    counts = np.add.reduceat(present.astype(np.int64), edges[:-1])
    sums = np.add.reduceat(np.where(present, column.values, 0).astype(np.int64), edges[:-1])
    means = np.rint(sums / np.maximum(counts, 1)).astype(np.int32)
    return _masked(means, counts > 0)


def _min_max(samples: SampleColumns, buckets: int) -> SampleColumns:
    return _extremes_at(samples, _edges(len(samples), buckets), exact=True)


def _extremes_at(samples: SampleColumns, edges: NDArray[np.intp], *, exact: bool) -> SampleColumns:
    """Smallest and largest of each bucket; `exact`: a single column keeps the times of its values."""
    chosen = {channel: _extremes(column, edges) for channel, column in samples.columns.items()}
    rows = np.column_stack((edges[:-1], (edges[:-1] + edges[1:]) // 2)).reshape(-1)
    if exact and len(chosen) == 1:
        rows, present = next(iter(chosen.values()))
        rows = np.where(present, rows, np.repeat(edges[:-1], 2))
    return _at(samples, rows, chosen)


def _extremes(column: SampleColumn, edges: NDArray[np.intp]) -> tuple[NDArray[np.intp], BoolArray]:
    """Rows of each bucket's smallest and largest value, in the order of time; shape (2 * buckets,)."""
    present = column.mask()
    values = column.values.astype(np.int64)
    lowest = _rows_of_least(np.where(present, values, np.iinfo(np.int64).max), edges)
    highest = _rows_of_least(np.where(present, -values, np.iinfo(np.int64).max), edges)
    rows = np.column_stack((np.minimum(lowest, highest), np.maximum(lowest, highest))).reshape(-1)
    return rows, present[rows]


def _rows_of_least(values: Int64Array, edges: NDArray[np.intp]) -> NDArray[np.intp]:
    """The first row of the smallest value of each bucket; shape (buckets,)."""
    least = np.repeat(np.minimum.reduceat(values, edges[:-1]), np.diff(edges))
    rows = np.where(values == least, np.arange(len(values)), len(values))
    return np.asarray(np.minimum.reduceat(rows, edges[:-1]), np.intp)


def _lttb(samples: SampleColumns, max_samples: int) -> SampleColumns:
    inner = _edges(len(samples) - 2, max_samples - 2) + 1
    edges = np.concatenate(([0], inner, [len(samples)]))
    chosen_rows = largest_triangles(samples, edges)
    chosen = {
        channel: (rows, column.mask()[rows])
        for (channel, column), rows in zip(samples.columns.items(), chosen_rows, strict=True)
    }
    rows = chosen_rows[0] if len(chosen) == 1 else edges[:-1]
    return _at(samples, rows, chosen)


def _at(
    samples: SampleColumns, rows: NDArray[np.intp], chosen: dict[int, tuple[NDArray[np.intp], BoolArray]]
) -> SampleColumns:
    """Times at `rows`, each column at its own chosen rows."""
    columns = {
        channel: _masked(
            np.where(present, samples.columns[channel].values[picked], 0).astype(np.int32), present
        )
        for channel, (picked, present) in chosen.items()
    }
    return SampleColumns(samples.times_ms[rows], columns)


def _masked(values: NDArray[np.int32], present: BoolArray) -> SampleColumn:
    return SampleColumn(values, None if present.all() else present)
