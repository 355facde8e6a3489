"""The numbers of a stretch of a workout, and how a comparison is cut into such stretches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pulsemesh.samples import CHANNELS
from pulsemesh.type.v1 import channel_pb2
from services.workout.comparing.alignment import Axis, Placement
from services.workout.comparing.workout import ComparableWorkout
from services.workout.routes.geometry import Floats

MOST_SPLITS = 25

_USUAL = {Axis.TIME: 300.0, Axis.DISTANCE: 1000.0, Axis.ROUTE: 1000.0}
_METRES = (50.0, 100.0, 200.0, 250.0, 500.0, 1000.0, 2000.0, 5000.0, 10_000.0, 20_000.0, 50_000.0)
_SECONDS = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 21_600.0)
_FEWEST = 3
_NEAR_ENDS_M = 100.0
_WITHOUT_MEAN = frozenset(
    {channel_pb2.CHANNEL_MARKER, channel_pb2.CHANNEL_LATITUDE, channel_pb2.CHANNEL_LONGITUDE}
)


@dataclass(frozen=True, slots=True)
class StretchNumbers:
    """The numbers of a stretch; None where not known. Means are weighted by time, by channel number."""

    elapsed_s: float
    stopped_s: float | None = None
    distance_m: float | None = None
    means: Mapping[int, float] = field(default_factory=dict)

    @property
    def speed_mps(self) -> float | None:
        """Distance over elapsed time."""
        if self.distance_m is None or self.elapsed_s <= 0:
            return None
        return self.distance_m / self.elapsed_s


@dataclass(frozen=True, slots=True)
class Split:
    """A piece of the axis, with each workout's numbers there; None where it does not cover the piece."""

    start: float
    end: float
    workouts: tuple[StretchNumbers | None, ...]


def stretch_numbers(
    workout: ComparableWorkout, placement: Placement, start: float, end: float
) -> StretchNumbers | None:
    """The numbers from one place on the axis to another; None where the workout was not at both."""
    start_ms, end_ms = placement.times_ms(np.array([start, end])).tolist()
    if not start_ms < end_ms:  # NaN, too
        return None
    elapsed_s = (end_ms - start_ms) / 1000
    stopped = None
    if workout.motion is not None:
        moved_ms = float(workout.motion.overlap_ms(start_ms, end_ms))
        stopped = max(elapsed_s - moved_ms / 1000, 0.0)
    distance = None
    if workout.odometer is not None:
        at_start, at_end = workout.odometer.at(np.array([start_ms, end_ms]))
        distance = float(at_end - at_start)
    means = {
        channel: float(mean)
        for channel, series in sorted(workout.means.items())
        if has_mean(channel) and not np.isnan(mean := series.over(start_ms, end_ms))
    }
    return StretchNumbers(elapsed_s, stopped, distance, means)


def has_mean(channel: int) -> bool:
    """Whether the mean of a channel says anything: not that of a counter, a place, a marker."""
    return channel in CHANNELS and channel not in _WITHOUT_MEAN and not CHANNELS[channel].cumulative


def splits(
    workouts: Sequence[ComparableWorkout], placements: Sequence[Placement], axis: Axis, length: float
) -> list[Split]:
    """The axis in pieces of a kilometre or five minutes, or what is round and gives at most `MOST_SPLITS`.

    What is left at the end is a piece of its own if it is more than a tenth of a whole one. On a route the
    first piece begins, and the last ends, where all workouts are on it, if that is near: nobody starts a
    device at exactly the same place twice.
    """
    edges = _edges(length, axis)
    if axis is Axis.ROUTE and len(edges) > 1:
        first = max(placement.first for placement in placements)
        last = min(placement.last for placement in placements)
        if first < min(edges[1], edges[0] + _NEAR_ENDS_M):
            edges[0] = first
        if last > max(edges[-2], edges[-1] - _NEAR_ENDS_M):
            edges[-1] = last
    return [
        Split(
            start,
            end,
            tuple(
                stretch_numbers(workout, placement, start, end)
                for workout, placement in zip(workouts, placements, strict=True)
            ),
        )
        for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    ]


def _edges(length: float, axis: Axis) -> Floats:
    if not length > 0:
        return np.zeros(1)
    size = _USUAL[axis]
    if not _FEWEST <= length / size <= MOST_SPLITS:
        sizes = _SECONDS if axis is Axis.TIME else _METRES
        size = next((each for each in sizes if length / each <= MOST_SPLITS), length)
    edges = np.arange(0, length, size)
    if len(edges) > 1 and length - edges[-1] <= size / 10:
        edges = edges[:-1]
    return np.append(edges, length)
