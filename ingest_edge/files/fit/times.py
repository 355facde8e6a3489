"""Shortened timestamps: a few bits, counted on from the last full one."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ingest_edge.files.fit.counters import followed
from ingest_edge.files.fit.plan import Plan
from ingest_edge.files.fit.scan import Offsets, PlanRows

_COMPRESSED = 0x80
_OFFSET_MASK = 0x1F
_INVALID = 0xFFFFFFFF
_LOWER_BITS = 0xFFFF

Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]


class CompressedTimes:
    """The times of a link's messages with compressed headers, which may refer to messages of any kind.

    Before the first full timestamp the reference is zero: time since the device was switched on.
    """

    def __init__(self, content: bytes, rows: Iterable[PlanRows]) -> None:
        self._content = np.frombuffer(content, np.uint8)
        places: list[Int64Array] = [np.empty(0, np.int64)]
        values: list[Int64Array] = [np.empty(0, np.int64)]
        for part in rows:
            offsets = part.offsets()
            if part.plan.clock is not None:
                full = self._full(part.plan, offsets)
                given = full != _INVALID
                places.append(2 * offsets[given].astype(np.int64))
                values.append(full[given])
            if part.compressed:
                headers = self._content[offsets]
                compressed = headers >= _COMPRESSED
                places.append(2 * offsets[compressed].astype(np.int64) + 1)
                values.append(headers[compressed].astype(np.int64) & _OFFSET_MASK)
        place, value = np.concatenate(places), np.concatenate(values)
        order = np.argsort(place)
        place = place[order]
        is_compressed = (place & 1).astype(np.bool_)
        times = followed(value[order], ~is_compressed, _OFFSET_MASK)
        self._offsets = place[is_compressed] >> 1
        self._times = times[is_compressed]

    def of(self, offsets: Offsets) -> Int64Array | None:
        """The times of the messages at these offsets, −1 where they have no compressed header."""
        if not len(self._offsets):
            return None
        index = np.minimum(np.searchsorted(self._offsets, offsets), len(self._offsets) - 1)
        times = np.where(self._offsets[index] == offsets, self._times[index], -1)
        return times if np.any(times >= 0) else None

    def _full(self, plan: Plan, offsets: Offsets) -> Int64Array:
        start = plan.clock.start if plan.clock is not None else 0
        octets = [self._content[offsets + (start + index)].astype(np.int64) for index in range(4)]
        if plan.clock is not None and plan.clock.dtype.startswith(">"):
            octets.reverse()
        return octets[0] | octets[1] << 8 | octets[2] << 16 | octets[3] << 24


def full_timestamps(timestamp: Float64Array, lower_bits: Float64Array) -> Float64Array:
    """Times of messages of which some have the lower 16 bits only (`timestamp_16`), shape (n,).

    Both in FIT seconds, NaN where absent. A message without either, or before the first full one, has NaN.
    """
    is_full = ~np.isnan(timestamp)
    known = is_full | ~np.isnan(lower_bits)
    known[: int(np.argmax(is_full)) if is_full.any() else len(known)] = False
    times = np.full(len(timestamp), np.nan)
    values = np.where(is_full, timestamp, lower_bits)[known].astype(np.int64)
    times[known] = followed(values, is_full[known], _LOWER_BITS)
    return times
