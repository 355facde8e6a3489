"""Smallest, mean and largest value of a channel; integrals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pulsemesh.samples import CHANNELS
from pulsemesh.type.v1 import channel_pb2
from services.workout.summary.intervals import Intervals
from services.workout.summary.series import Series

_WITHOUT_AVERAGE = frozenset(
    {channel_pb2.CHANNEL_LATITUDE, channel_pb2.CHANNEL_LONGITUDE, channel_pb2.CHANNEL_MARKER}
    | {channel for channel, spec in CHANNELS.items() if spec.cumulative}
)


@dataclass(frozen=True, slots=True)
class ChannelRange:
    """The numbers of one channel over a stretch, in its unit."""

    channel: int
    minimum: float
    average: float
    maximum: float
    samples: int


def has_range(channel: int) -> bool:
    """False for positions, markers and counters, whose mean says nothing."""
    return channel not in _WITHOUT_AVERAGE


class Standing:
    """How long each value of a series stood within the first of some sets that any value falls into.

    Channels of one sensor share their times, so the answer is kept for each axis of times.
    """

    def __init__(self, *weights: Intervals) -> None:
        self._weights = weights
        self._known: dict[tuple[int, int], tuple[NDArray[np.int64], NDArray[np.float64] | None]] = {}

    def of(self, series: Series) -> NDArray[np.float64] | None:
        """Milliseconds, shape (n,), with a sum above 0; None where no value stood within any."""
        key = int(series.times_ms.__array_interface__["data"][0]), len(series)
        if key not in self._known:
            # The times are kept beside the answer: the key is their place in memory.
            self._known[key] = series.times_ms, self._computed(series)
        return self._known[key][1]

    def _computed(self, series: Series) -> NDArray[np.float64] | None:
        ends = series.times_ms + series.steps_ms()
        for intervals in self._weights:
            standing_ms = intervals.overlap_ms(series.times_ms, ends)
            if standing_ms.sum() > 0:
                return standing_ms
        return None


def channel_range(channel: int, series: Series, standing: Standing) -> ChannelRange:
    """The numbers of a series with at least one value.

    The average is weighted by how long each value stood; where none did (a single sample, a sensor that tells
    its value once a minute) it is the plain mean.
    """
    return ChannelRange(
        channel=channel,
        minimum=float(series.values.min()),
        average=_average(series, standing.of(series)),
        maximum=float(series.values.max()),
        samples=len(series),
    )


def integral(series: Series, running: Intervals) -> float:
    """Integral over seconds of the clock running; each value stands until the next, none over a gap."""
    standing_ms = running.overlap_ms(series.times_ms, series.times_ms + series.steps_ms())
    return float((series.values * standing_ms).sum()) / 1000


def _average(series: Series, standing_ms: NDArray[np.float64] | None) -> float:
    if standing_ms is None:
        return float(series.values.mean())
    return float((series.values * standing_ms).sum() / standing_ms.sum())
