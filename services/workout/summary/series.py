"""What the formulas work on: one channel over time, in its unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pulsemesh.samples import CHANNELS
from services.workout.streams.merging import ChannelSeries

MAX_GAP_MS = 10_000
"""A sensor silent for longer than this was away: nothing is integrated across. Devices that record on change
("smart recording") leave gaps of up to some seven seconds, which this bridges."""


@dataclass(frozen=True, slots=True)
class Series:
    """Values of one quantity, times strictly growing.

    Attributes:
        times_ms: int64, shape (n,).
        values: float64, shape (n,), in the unit of the quantity.
    """

    times_ms: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.times_ms)

    def steps_ms(self) -> NDArray[np.int64]:
        """How long each value stood until the next: 0 for the last and before a gap; shape (n,)."""
        if not len(self):
            return np.zeros(0, np.int64)
        steps = np.append(np.diff(self.times_ms), 0)
        steps[steps > MAX_GAP_MS] = 0
        return steps

    def between(self, start_ms: int, end_ms: int) -> Series:
        """Those with ``start_ms <= time < end_ms``."""
        first, last = np.searchsorted(self.times_ms, [start_ms, end_ms])
        return Series(self.times_ms[first:last], self.values[first:last])

    def at(self, times_ms: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Values at any times, interpolated, constant beyond the ends; the series must not be empty."""
        return np.asarray(np.interp(times_ms, self.times_ms, self.values), np.float64)


def in_units(channels: Mapping[int, ChannelSeries]) -> dict[int, Series]:
    """Integer steps to units; channels that the contract does not know are left out."""
    return {
        channel: Series(series.times_ms, series.values / CHANNELS[channel].scale)
        for channel, series in channels.items()
        if channel in CHANNELS
    }
