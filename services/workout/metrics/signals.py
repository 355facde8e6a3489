"""The channels that formulas ask for, cleaned of what nobody can do.

Sensors tell impossible values now and then: a strap without contact 0 or 255 bpm, a meter whose magnet
slipped tens of kilowatts, a receiver under trees a runner at 100 km/h. One such second would be the
athlete's record for ever. They count as unknown."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from services.workout.metrics.grade import flat_speed_mps, grades
from services.workout.metrics.grid import FloatArray, Grid
from services.workout.summary.series import Series

HEART_RATE_BPM = (25.0, 240.0)
POWER_W = (0.0, 3500.0)
"""Sprinters on a track have been measured at some 2,500 W. Below 0 (a meter's offset) is 0."""
CADENCE_RPM = (0.0, 300.0)

FASTEST_MPS = {
    sport_pb2.SPORT_RUNNING: 12.5,
    sport_pb2.SPORT_WALKING: 12.5,
    sport_pb2.SPORT_HIKING: 12.5,
    sport_pb2.SPORT_SWIMMING: 3.0,
    sport_pb2.SPORT_ROWING: 8.0,
    sport_pb2.SPORT_PADDLING: 12.5,
    sport_pb2.SPORT_CYCLING: 36.0,
    sport_pb2.SPORT_E_BIKING: 36.0,
}
"""What records come near to, in m/s: 12.4 in a sprint, 2.4 in the water, 6 in an eight, 36 down a pass."""
FASTEST_OTHERWISE_MPS = 60.0

_FEWEST_SPEEDS = 0.5  # share of the recorded seconds at which a speed channel must tell something


class Signals:
    """The cleaned channels of one stretch, in their units, one value a second of the grid's axis.

    "Known" arrays are NaN where unknown; all have shape (n,) unless they say otherwise. None: no such
    channel."""

    def __init__(self, grid: Grid, sport: int, odometer: Series | None) -> None:
        self.grid = grid
        self.sport = sport
        self._odometer = odometer if odometer is not None and len(odometer) > 1 else None
        self.fastest_mps = FASTEST_MPS.get(sport_pb2.Sport.ValueType(sport), FASTEST_OTHERWISE_MPS)

    @cached_property
    def power(self) -> FloatArray | None:
        """Power in W, known."""
        values = self.grid.channel(channel_pb2.CHANNEL_POWER)
        return None if values is None else _possible(np.maximum(values, 0), *POWER_W)

    @cached_property
    def power_or_zero(self) -> FloatArray | None:
        """Power in W, 0 where unknown: pauses, and a meter that fell silent because nothing turned."""
        return None if self.power is None else np.nan_to_num(self.power, nan=0.0)

    @cached_property
    def heart_rate(self) -> FloatArray | None:
        """Heart rate in beats a minute, known."""
        values = self.grid.channel(channel_pb2.CHANNEL_HEART_RATE)
        return None if values is None else _possible(values, *HEART_RATE_BPM)

    @cached_property
    def known_heart_rate(self) -> FloatArray | None:
        """Heart rates without the unknown ones, shape (m,)."""
        return None if self.heart_rate is None else _known(self.heart_rate)

    @cached_property
    def cadence(self) -> FloatArray | None:
        """Cadence in revolutions or strides a minute, known."""
        values = self.grid.channel(channel_pb2.CHANNEL_CADENCE)
        return None if values is None else _possible(values, *CADENCE_RPM)

    @cached_property
    def altitude(self) -> FloatArray | None:
        """Altitude in m, known."""
        return self.grid.channel(channel_pb2.CHANNEL_ALTITUDE)

    @cached_property
    def odometer(self) -> FloatArray | None:
        """Metres since the axis began, at its edges, shape (n + 1,); never falls, nor grows impossibly
        fast."""
        if self._odometer is None or not len(self.grid):
            return None
        steps = np.diff(self.grid.at_edges(self._odometer))
        np.clip(steps, 0, self.fastest_mps, out=steps)
        total = np.zeros(len(steps) + 1)
        np.cumsum(steps, out=total[1:])
        return total if total[-1] > 0 else None

    @cached_property
    def speed(self) -> FloatArray | None:
        """Speed in m/s, known: as the device told it, else by the odometer."""
        told = self.grid.channel(channel_pb2.CHANNEL_SPEED)
        if told is not None:
            told = _within(told, 0, self.fastest_mps)
            if np.count_nonzero(~np.isnan(told)) >= _FEWEST_SPEEDS * self.grid.recorded_s:
                return told
        if self.odometer is None:
            return told
        return np.asarray(np.where(self.grid.recorded, np.diff(self.odometer), np.nan))

    @cached_property
    def speed_or_zero(self) -> FloatArray | None:
        """Speed in m/s, 0 where unknown."""
        return None if self.speed is None else np.nan_to_num(self.speed, nan=0.0)

    @cached_property
    def flat_speed(self) -> FloatArray | None:
        """Grade-adjusted speed in m/s, 0 where unknown; the speed itself without altitude or distance."""
        if self.speed_or_zero is None or self.altitude is None or self.odometer is None:
            return self.speed_or_zero
        return flat_speed_mps(self.speed_or_zero, grades(self.altitude, self.odometer))


def _possible(values: FloatArray, low: float, high: float) -> FloatArray | None:
    """The same with NaN outside [low, high]; None when nothing is inside."""
    kept = _within(values, low, high)
    return None if kept is not values and np.isnan(kept).all() else kept


def _within(values: FloatArray, low: float, high: float) -> FloatArray:
    """The same with NaN outside [low, high]; not a copy when all are inside."""
    outside = (values < low) | (values > high)
    return np.asarray(np.where(outside, np.nan, values)) if outside.any() else values


def _known(values: FloatArray) -> FloatArray:
    return values[~np.isnan(values)]
