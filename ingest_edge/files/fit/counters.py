"""Counters that wrap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import BoolArray

Int64Array = npt.NDArray[np.int64]


def followed(values: Int64Array, is_start: BoolArray, mask: int) -> Int64Array:
    """Running totals, shape (n,): a start is a full value, any other the lower bits of a total that grows.

    `mask` has those bits set. A first value that is no start counts as one.
    """
    if not len(values):
        return values
    is_start = is_start.copy()
    is_start[0] = True
    steps = np.diff(values, prepend=values[:1]) & mask
    steps[is_start] = 0
    total = np.cumsum(steps)
    start = np.maximum.accumulate(np.where(is_start, np.arange(len(values)), 0))
    running: Int64Array = values[start] + total - total[start]
    return running
