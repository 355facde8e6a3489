"""Means over any stretch of the axis, from sums made once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from services.workout.metrics.detection import centred_mean
from services.workout.metrics.grid import FloatArray
from services.workout.metrics.signals import Signals
from services.workout.summary.elevation import HYSTERESIS_M, SMOOTHING_MS, swings

_SMOOTHING_S = SMOOTHING_MS // 1000 + 1


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch [first, stop) of the axis's points with its numbers; None where unknown.

    Averages are over the recorded seconds: power counts 0 where it is unknown, heart rate does not count.
    """

    first: int
    stop: int
    distance_m: float | None
    average_power_w: float | None
    average_heart_rate_bpm: float | None
    average_speed_mps: float | None
    elevation_gain_m: float | None


class Sums:
    """Running sums of the signals, to be asked about many stretches."""

    def __init__(self, signals: Signals) -> None:
        self.signals = signals

    def stretch(self, first: int, stop: int) -> Stretch:
        """The numbers of [first, stop), which must lie on the axis."""
        seconds = _between(self._recorded, first, stop)
        power, rate, gain = self._power, self._heart_rate, self._gain
        odometer = self.signals.odometer
        distance = None if odometer is None else float(odometer[stop] - odometer[first])
        beats = None if rate is None else _between(rate[1], first, stop)
        return Stretch(
            first=first,
            stop=stop,
            distance_m=distance,
            average_power_w=None if power is None or not seconds else _between(power, first, stop) / seconds,
            average_heart_rate_bpm=None
            if rate is None or not beats
            else _between(rate[0], first, stop) / beats,
            average_speed_mps=None if distance is None or not seconds else distance / seconds,
            elevation_gain_m=None if gain is None else max(0.0, _between(gain, first, stop)),
        )

    @cached_property
    def _recorded(self) -> FloatArray:
        return _cumulative(self.signals.grid.recorded.astype(np.float64))

    @cached_property
    def _power(self) -> FloatArray | None:
        power = self.signals.power_or_zero
        return None if power is None else _cumulative(power)

    @cached_property
    def _heart_rate(self) -> tuple[FloatArray, FloatArray] | None:
        rate = self.signals.heart_rate
        if rate is None:
            return None
        known = ~np.isnan(rate)
        return _cumulative(np.where(known, rate, 0)), _cumulative(known.astype(np.float64))

    @cached_property
    def _gain(self) -> FloatArray | None:
        altitude = self.signals.altitude
        return None if altitude is None else gain_by_edge(altitude)


def gain_by_edge(altitude_m: FloatArray, hysteresis_m: float = HYSTERESIS_M) -> FloatArray:
    """Metres climbed up to each edge, shape (n + 1,), of altitudes, NaN where unknown, shape (n,).

    Climbs are those of the elevation gain of the summary: the gains of stretches sum up to that of the whole.
    """
    size = len(altitude_m)
    known = np.flatnonzero(~np.isnan(altitude_m))
    gained = np.zeros(size + 1)
    values = altitude_m[known]
    if len(values) > _SMOOTHING_S:
        values = centred_mean(values, _SMOOTHING_S)
    for start, end in swings(values, hysteresis_m):
        if values[end] > values[start]:
            climb = np.maximum.accumulate(values[start : end + 1])
            gained[known[start + 1 : end + 1]] += np.diff(climb)
    return np.cumsum(gained)


def _cumulative(values: FloatArray) -> FloatArray:
    total = np.zeros(len(values) + 1)
    np.cumsum(values, out=total[1:])
    return total


def _between(total: FloatArray, first: int, stop: int) -> float:
    return float(total[stop] - total[first])
