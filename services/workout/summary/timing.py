"""When the clock ran, and when the athlete was in motion."""

from __future__ import annotations

import numpy as np

from pulsemesh.type.v1 import channel_pb2
from services.workout.streams.merging import ChannelSeries
from services.workout.summary.intervals import Intervals
from services.workout.summary.series import Series

MOVING_SPEED_MPS = 0.4
"""Below the slowest useful walk: people who walk slower than 0.4 m/s cannot leave the house on foot (Perry et
al. 1995, "Classification of walking handicap in the stroke population", Stroke 26:982-989)."""

SWIMMING_SPEED_MPS = 0.2
"""Drifting, for a swimmer; our own choice, half the walker's."""

_SMOOTHING_MS = 5_000


def pauses(markers: ChannelSeries | None, end_ms: int) -> Intervals:
    """The stretches between each pause marker and the resume marker that follows it.

    A pause within a pause and a resume without one mean nothing; a pause without a resume lasts to `end_ms`.
    """
    starts: list[int] = []
    ends: list[int] = []
    if markers is not None:
        for time_ms, kind in zip(markers.times_ms.tolist(), markers.values.tolist(), strict=True):
            if kind == channel_pb2.MARKER_KIND_PAUSE and len(starts) == len(ends):
                starts.append(time_ms)
            elif kind == channel_pb2.MARKER_KIND_RESUME and len(starts) > len(ends):
                ends.append(time_ms)
    ends += [end_ms] * (len(starts) - len(ends))
    return Intervals.of(starts, ends)


def clock_running(markers: ChannelSeries | None, start_ms: int, end_ms: int) -> Intervals:
    """[start_ms, end_ms) without the pauses."""
    return pauses(markers, end_ms).gaps_within(start_ms, end_ms)


def in_motion(speed: Series, threshold_mps: float) -> Intervals:
    """Where the speed is at or above the threshold; each value stands until the next, but not over a gap."""
    moving = speed.values >= threshold_mps
    return Intervals.of(speed.times_ms[moving], (speed.times_ms + speed.steps_ms())[moving])


def speed_from_odometer(odometer: Series) -> Series:
    """Speed in m/s out of a distance in m that never falls: over five seconds around each sample.

    Devices tell distance in steps of up to several metres: from sample to sample it would jump.
    """
    if len(odometer) < 2:
        return Series(odometer.times_ms, np.zeros(len(odometer)))
    half = _SMOOTHING_MS / 2
    earlier = np.maximum(odometer.times_ms - half, odometer.times_ms[0])
    later = np.minimum(odometer.times_ms + half, odometer.times_ms[-1])
    return Series(odometer.times_ms, (odometer.at(later) - odometer.at(earlier)) / (later - earlier) * 1000)
