"""Several workouts on one axis. Pure, and not for the event loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pulsemesh.samples import CHANNELS
from pulsemesh.type.v1 import channel_pb2
from services.workout.comparing.alignment import Axis, Placement, align
from services.workout.comparing.changes import Change, changes
from services.workout.comparing.numbers import Split, StretchNumbers, has_mean, splits, stretch_numbers
from services.workout.comparing.workout import ComparableWorkout
from services.workout.routes.geometry import Floats

USUAL_POINTS = 400
USUAL_CHANNELS = (
    int(channel_pb2.CHANNEL_SPEED),
    int(channel_pb2.CHANNEL_HEART_RATE),
    int(channel_pb2.CHANNEL_POWER),
    int(channel_pb2.CHANNEL_CADENCE),
    int(channel_pb2.CHANNEL_ALTITUDE),
)


@dataclass(frozen=True, slots=True)
class OnAxis:
    """One workout on the axis: arrays as long as the axis, NaN where nothing is known.

    Attributes:
        coverage: share of the axis on which it is, 0 to 1.
        elapsed_s, distance_m: since its own beginning.
        gap_s: seconds behind the first workout (axes of distance and route), else None.
        gap_m: metres ahead of the first workout (axis of time), else None.
        columns: by channel number.
        common: numbers of the stretch that all workouts cover; None where there is none.
    """

    coverage: float
    elapsed_s: Floats
    distance_m: Floats
    gap_s: Floats | None
    gap_m: Floats | None
    columns: Mapping[int, Floats]
    common: StretchNumbers | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Workouts beside each other; the first is the reference."""

    axis_kind: Axis
    axis: Floats
    workouts: tuple[OnAxis, ...]
    splits: tuple[Split, ...]
    changes: tuple[Change, ...]


def compare(
    workouts: Sequence[ComparableWorkout],
    axis: Axis | None = None,
    channels: Sequence[int] = (),
    points: int = USUAL_POINTS,
) -> Comparison:
    """Compare workouts on an axis (None: the most telling one), with `points` (at least 2) values each.

    Raises:
        NotAlignable: a workout lacks what the axis counts.
    """
    kind, placements = align(workouts, axis)
    length = _length(placements, kind)
    grid = np.linspace(0.0, length, max(points, 2))
    common = _common(placements)
    wanted = channels or _present(workouts)
    at = [placement.times_ms(grid) for placement in placements]
    distances = [_distances(workout, times) for workout, times in zip(workouts, at, strict=True)]
    numbers = tuple(
        None if common is None else stretch_numbers(workout, placement, *common)
        for workout, placement in zip(workouts, placements, strict=True)
    )
    shown = tuple(
        OnAxis(
            coverage=float(np.mean(~np.isnan(times))),
            elapsed_s=(times - workout.start_ms) / 1000,
            distance_m=distance,
            gap_s=None if kind is Axis.TIME else _gap(times, at[0]) / 1000,
            gap_m=distance - distances[0] if kind is Axis.TIME else None,
            columns={
                channel: _column(workout, placement, channel, grid)
                for channel in wanted
                if channel in workout.series
            },
            common=number,
        )
        for workout, placement, times, distance, number in zip(
            workouts, placements, at, distances, numbers, strict=True
        )
    )
    pieces = tuple(splits(workouts, placements, kind, length))
    common_length = 0.0 if common is None else common[1] - common[0]
    said = changes(kind, grid, at, numbers, pieces, common_length=common_length)
    return Comparison(kind, grid, shown, pieces, tuple(said))


def _length(placements: Sequence[Placement], kind: Axis) -> float:
    """How long the axis is: all of the first workout's course, or as far as the longest went."""
    if kind is Axis.ROUTE:
        return placements[0].last
    return max(placement.last for placement in placements)


def _common(placements: Sequence[Placement]) -> tuple[float, float] | None:
    """What of the axis all workouts cover."""
    first = max(placement.first for placement in placements)
    last = min(placement.last for placement in placements)
    return (first, last) if last > first else None


def _present(workouts: Sequence[ComparableWorkout]) -> list[int]:
    return [channel for channel in USUAL_CHANNELS if any(channel in workout.series for workout in workouts)]


def _distances(workout: ComparableWorkout, times: Floats) -> Floats:
    if workout.odometer is None:
        return np.full(len(times), np.nan)
    # np.interp makes something of NaN that is not NaN.
    return np.where(np.isnan(times), np.nan, workout.odometer.at(np.nan_to_num(times)))


def _gap(times: Floats, reference: Floats) -> Floats:
    """Milliseconds that a workout is behind the reference since the first point where both were."""
    behind = times - reference
    known = np.flatnonzero(~np.isnan(behind))
    return behind - behind[known[0]] if len(known) else behind


def _column(workout: ComparableWorkout, placement: Placement, channel: int, grid: Floats) -> Floats:
    """The mean of a channel around each point of the axis; a counter's value there."""
    times = placement.times_ms(grid)
    here = ~np.isnan(times)
    values = np.full(len(grid), np.nan)
    if not here.any():
        return values
    if not has_mean(channel) and CHANNELS[channel].cumulative:
        values[here] = workout.series[channel].at(times[here])
        return values
    half = (grid[-1] - grid[0]) / (len(grid) - 1) / 2
    edges = np.clip(np.column_stack((grid[here] - half, grid[here] + half)), placement.first, placement.last)
    starts, ends = placement.times_ms(edges[:, 0]), placement.times_ms(edges[:, 1])
    # A second at least: between two samples there would be nothing to average.
    short = np.maximum(1000 - (ends - starts), 0) / 2
    values[here] = workout.means[channel].over(starts - short, ends + short)
    return values
