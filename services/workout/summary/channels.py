"""Smallest, mean and largest value of a channel; integrals."""

from __future__ import annotations

from dataclasses import dataclass

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


def channel_range(channel: int, series: Series, weights: tuple[Intervals, ...]) -> ChannelRange:
    """The numbers of a series with at least one value.

    The average is weighted by how long each value stood within the first of `weights` that any value falls
    into; where none does (a single sample, a sensor that tells its value once a minute) it is the plain mean.
    """
    return ChannelRange(
        channel=channel,
        minimum=float(series.values.min()),
        average=_average(series, weights),
        maximum=float(series.values.max()),
        samples=len(series),
    )


def integral(series: Series, running: Intervals) -> float:
    """Integral over seconds of the clock running; each value stands until the next, none over a gap."""
    standing_ms = running.overlap_ms(series.times_ms, series.times_ms + series.steps_ms())
    return float((series.values * standing_ms).sum()) / 1000


def _average(series: Series, weights: tuple[Intervals, ...]) -> float:
    ends = series.times_ms + series.steps_ms()
    for intervals in weights:
        standing_ms = intervals.overlap_ms(series.times_ms, ends)
        total = float(standing_ms.sum())
        if total > 0:
            return float((series.values * standing_ms).sum()) / total
    return float(series.values.mean())
