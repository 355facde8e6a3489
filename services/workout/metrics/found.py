"""What is found along a stretch: best efforts, intervals, laps, climbs."""

from __future__ import annotations

import numpy as np

from services.workout.metrics import climbs, detection, efforts, laps
from services.workout.metrics.curves import Curve
from services.workout.metrics.grid import FloatArray, Grid
from services.workout.metrics.results import Effort, Interval, Kind
from services.workout.metrics.signals import Signals
from services.workout.metrics.stretch_load import CRANKED, ON_FOOT
from services.workout.metrics.stretches import Sums

_CURVE_NAMES = {8: "power", 6: "heart_rate"}


def best_efforts(signals: Signals, curves: tuple[Curve, ...]) -> tuple[Effort, ...]:
    """By distance and by duration; `curves` with starts as points of the axis."""
    grid, odometer = signals.grid, signals.odometer
    found = [] if odometer is None else efforts.best_distances(odometer, signals.sport)
    for curve in curves:
        if curve.channel in _CURVE_NAMES:
            found += efforts.best_durations(curve, _CURVE_NAMES[curve.channel])
    return tuple(_timed(grid, best) for best in found)


def _timed(grid: Grid, best: efforts.BestEffort) -> Effort:
    point = int(best.start_s)
    start_ms = grid.time_ms(point) + round((best.start_s - point) * 1000)
    last = best.start_s + best.duration_s
    end_ms = grid.time_ms(int(last)) + round((last - int(last)) * 1000)
    return Effort(best, start_ms, max(end_ms, start_ms))


def intervals(signals: Signals, *, in_pool: bool) -> tuple[Interval, ...]:
    """Works and the rests between them, laps, climbs; works in a pool are told by its lengths."""
    sums = Sums(signals)
    effort = None if in_pool else _effort(signals)
    work = [] if effort is None else detection.work_intervals(effort, signals.grid.recorded)
    rests = detection.rests_between(work)
    found = [_interval(Kind.WORK, sums, *each) for each in work]
    found += [_interval(Kind.REST, sums, *each) for each in rests]
    found.sort(key=lambda one: one.start_ms)
    found += [_interval(Kind.AUTO_LAP, sums, *each) for each in _laps(signals)]
    if signals.altitude is not None and signals.odometer is not None:
        found += [
            _interval(Kind.CLIMB, sums, climb.first, climb.stop, climb)
            for climb in climbs.climbs(signals.altitude, signals.odometer)
        ]
    return tuple(found)


def _effort(signals: Signals) -> FloatArray | None:
    """What intervals are looked for in: power, on foot speed on the flat, afloat speed, else heart rate.

    A bicycle's speed says more of the road than of the rider.
    """
    if signals.power_or_zero is not None and signals.power_or_zero.any():
        return signals.power_or_zero
    if signals.sport in ON_FOOT and signals.flat_speed is not None:
        return signals.flat_speed
    if signals.sport not in CRANKED and signals.speed_or_zero is not None:
        return signals.speed_or_zero
    rate = signals.heart_rate
    return None if rate is None else _held(rate)


def _held(values: FloatArray) -> FloatArray:
    """Unknown heart rates as the mean: neither work nor rest."""
    return np.asarray(np.nan_to_num(values, nan=float(np.nanmean(values))))


def _laps(signals: Signals) -> list[tuple[int, int]]:
    metres = laps.METRES.get(signals.sport)
    if metres is not None and signals.odometer is not None:
        return laps.by_distance(signals.odometer, metres)
    return laps.by_time(len(signals.grid))


def _interval(kind: Kind, sums: Sums, first: int, stop: int, climb: climbs.Climb | None = None) -> Interval:
    grid, numbers = sums.signals.grid, sums.stretch(first, stop)
    return Interval(
        kind=kind,
        start_ms=grid.time_ms(first),
        end_ms=grid.time_ms(stop),
        distance_m=numbers.distance_m,
        average_power_w=numbers.average_power_w,
        average_heart_rate_bpm=numbers.average_heart_rate_bpm,
        average_speed_mps=numbers.average_speed_mps,
        elevation_gain_m=numbers.elevation_gain_m if climb is None else climb.gain_m,
        grade_percent=None if climb is None else climb.grade_percent,
        category=0 if climb is None else climb.category,
    )
