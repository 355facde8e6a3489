"""Largest triangle, three buckets: keeps what the eye would notice.

S. Steinarsson 2013, "Downsampling Time Series for Visual Representation", MSc thesis, University of
Iceland, section 4.2. The choice in a bucket depends on the choice in the one before, so the buckets are taken
one after the other; within each, all columns and all their samples are compared at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.workout.codec import SampleColumns


def largest_triangles(samples: SampleColumns, edges: NDArray[np.intp]) -> NDArray[np.intp]:
    """The row chosen in each bucket for each column.

    Args:
        samples: sorted by time.
        edges: first row of each bucket, and the end of the last; the first and the last bucket are kept whole
            by choosing their first present sample. Shape (buckets + 1,).

    Returns:
        Shape (columns, buckets). Where a column has no value in a bucket, the bucket's first row.
    """
    columns = list(samples.columns.values())
    if not columns:
        return np.empty((0, len(edges) - 1), np.intp)
    times = (samples.times_ms - samples.times_ms[0]).astype(np.float64)
    present = np.array([column.mask() for column in columns])
    values = np.where(present, np.array([column.values for column in columns], np.float64), 0.0)
    mean_times, mean_values, known = _bucket_means(times, values, present, edges)
    buckets = len(edges) - 1
    chosen = np.empty((len(columns), buckets), np.intp)
    previous_time, previous_value = np.zeros(len(columns)), values[:, 0].copy()
    every = np.arange(len(columns))
    for bucket in range(buckets):
        rows = slice(edges[bucket], edges[bucket + 1])
        following = min(bucket + 1, buckets - 1)
        time_ahead = np.where(known[:, following], mean_times[:, following], times[edges[following]])
        value_ahead = np.where(known[:, following], mean_values[:, following], previous_value)
        area = np.abs(
            (previous_time - time_ahead)[:, None] * (values[:, rows] - previous_value[:, None])
            - (previous_time[:, None] - times[None, rows]) * (value_ahead - previous_value)[:, None]
        )
        picked = edges[bucket] + np.argmax(np.where(present[:, rows], area, -1.0), axis=1)
        chosen[:, bucket] = picked
        has_value = known[:, bucket]
        previous_time = np.where(has_value, times[picked], previous_time)
        previous_value = np.where(has_value, values[every, picked], previous_value)
    return chosen


def _bucket_means(
    times: NDArray[np.float64],
    values: NDArray[np.float64],
    present: NDArray[np.bool_],
    edges: NDArray[np.intp],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Mean time, mean value and whether there is any value: each of shape (columns, buckets)."""
    counts = np.add.reduceat(present.astype(np.int64), edges[:-1], axis=1)
    divisor = np.maximum(counts, 1)
    mean_times = np.add.reduceat(present * times, edges[:-1], axis=1) / divisor
    return mean_times, np.add.reduceat(values, edges[:-1], axis=1) / divisor, counts > 0
