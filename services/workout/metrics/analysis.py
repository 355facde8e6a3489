"""Every number of a workout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from services.workout.codec import SampleColumns
from services.workout.metrics import body, found, hrv, pedalling, swimming, w_prime, zones
from services.workout.metrics.curves import Curve, full_curve, mean_maximal
from services.workout.metrics.grid import FloatArray, Grid, grid
from services.workout.metrics.results import Metrics, StretchMetrics
from services.workout.metrics.signals import Signals
from services.workout.metrics.stretch_load import CRANKED, stretch_load, sum_of
from services.workout.metrics.thresholds import Thresholds
from services.workout.summary import Lap, Length, Part, Track, build_track
from services.workout.summary.distance import covered_m
from services.workout.summary.series import Series

ALGORITHM = 1
"""Grows with every change of a formula: what was computed with a smaller one is computed again."""

_BODY = (int(channel_pb2.CHANNEL_RESPIRATION_RATE), int(channel_pb2.CHANNEL_CORE_TEMPERATURE))
_POWER = int(channel_pb2.CHANNEL_POWER)
_HEART_RATE = int(channel_pb2.CHANNEL_HEART_RATE)
_SPEED = int(channel_pb2.CHANNEL_SPEED)
_SCALES = {_POWER: 10, _HEART_RATE: 10, _SPEED: 1000}


@dataclass(frozen=True, slots=True)
class Options:
    """What an athlete may choose.

    Attributes:
        zones: models of their own, beside the common ones.
        crank_length_m, threshold_cadence_rpm: for the quadrants.
    """

    zones: tuple[zones.ZoneModel, ...] = ()
    crank_length_m: float = pedalling.CRANK_LENGTH_M
    threshold_cadence_rpm: float = pedalling.THRESHOLD_CADENCE_RPM


_USUAL = Options()


def analyse(
    sources: Sequence[SampleColumns] | Track,
    *,
    sport: int,
    sub_sport: int,
    thresholds: Thresholds,
    start_ms: int,
    sessions: Sequence[Part] = (),
    laps: Sequence[Lap] = (),
    lengths: Sequence[Length] = (),
    options: Options = _USUAL,
) -> Metrics:
    """Compute every number of a workout that its samples and the thresholds allow.

    Args:
        sources: the samples, or the track that the summary was made of (`summary.build_track`), which spares
            merging them again; then `start_ms`, `laps` and `lengths` are the track's.
        sport, sub_sport: of the whole; without `sessions` it is one session of them.
        thresholds: what is known of the athlete.
        start_ms: the beginning where there is neither a sample nor a session.
    """
    track = (
        sources
        if isinstance(sources, Track)
        else build_track(sources, start_ms=start_ms, sessions=sessions, laps=laps, lengths=lengths)
    )
    thresholds = thresholds.possible()
    parts = list(sessions) or [Part(sport, sub_sport, track.start_ms, track.end_ms)]
    if len(parts) == 1:
        only = replace(parts[0], start_ms=track.start_ms, end_ms=track.end_ms)
        return Metrics(track.start_ms, thresholds, _stretch(track, only, thresholds, options))
    measured = tuple(_stretch(track, part, thresholds, options) for part in parts)
    everything = Part(int(sport_pb2.SPORT_MULTISPORT), 0, track.start_ms, track.end_ms)
    sports = {part.sport for part in parts if part.sport != sport_pb2.SPORT_TRANSITION}
    if len(sports) == 1:
        everything = replace(everything, sport=sports.pop(), sub_sport=parts[0].sub_sport)
    whole = _stretch(track, everything, thresholds, options)
    if everything.sport == sport_pb2.SPORT_MULTISPORT:
        whole = replace(
            whole,
            load=sum_of([one.load for one in measured], whole.load),
            best_efforts=(),
            intervals=tuple(interval for one in measured for interval in one.intervals),
        )
    return Metrics(track.start_ms, thresholds, whole, measured)


def curve_at_every_duration(track: Track, channel: int, sport: int) -> Curve | None:
    """The mean-maximal curve of power, heart rate or speed over the whole, at every second; None without any.

    This takes n² / 2 steps, about 0.1 s for six hours: off the event loop.
    """
    part = Part(sport, 0, track.start_ms, track.end_ms)
    signals = _signals(track, part, _grid(track, part))
    values = {_POWER: signals.power, _HEART_RATE: signals.heart_rate, _SPEED: signals.speed}.get(channel)
    if values is None:
        return None
    whole = full_curve(channel, values, scale=_SCALES[channel], zero_when_unknown=channel != _HEART_RATE)
    return _in_seconds(whole, signals.grid)


def _stretch(track: Track, part: Part, thresholds: Thresholds, options: Options) -> StretchMetrics:
    axis = _grid(track, part)
    signals = _signals(track, part, axis)
    pool = _lengths_of(track, part)
    swim = swimming.swim_analysis(pool, part.pool_length_m)
    zone_times = _zones(signals, thresholds, options)
    curves = _curves(signals)
    balance = _balance(signals, thresholds)
    return StretchMetrics(
        sport=part.sport,
        sub_sport=part.sub_sport,
        start_ms=part.start_ms,
        end_ms=part.end_ms,
        axis_start_ms=axis.start_ms,
        load=stretch_load(signals, thresholds, zone_times, swum=_swum(track, part, signals, swim)),
        zones=zone_times,
        curves=tuple(_in_seconds(curve, axis) for curve in curves),
        best_efforts=found.best_efforts(signals, curves),
        intervals=found.intervals(signals, in_pool=swim is not None),
        w_prime_balance=balance,
        w_prime_minimum_ms=0 if balance is None else axis.time_ms(balance.minimum_point + 1),
        quadrants=_quadrants(signals, thresholds, options),
        torque=None
        if signals.power is None or signals.cadence is None
        else pedalling.torque(signals.power, signals.cadence),
        body=_body(axis),
        heart_rate_variability=_variability(axis),
        swim=swim,
    )


def _grid(track: Track, part: Part) -> Grid:
    stop_ms = part.end_ms + (part.end_ms >= track.end_ms)
    series = track.series
    if track.altitude is not None:
        series = {**series, int(channel_pb2.CHANNEL_ALTITUDE): track.altitude}
    return grid(series, track.running, part.start_ms, stop_ms)


def _signals(track: Track, part: Part, axis: Grid) -> Signals:
    return Signals(axis, part.sport, _odometer(track, part))


def _odometer(track: Track, part: Part) -> Series | None:
    """Of the lengths in a pool, else the first of the track's that grew."""
    pool = [length for length in _lengths_of(track, part) if length.end_ms > length.start_ms]
    if part.pool_length_m > 0 and any(length.active for length in pool):
        return _odometer_of_lengths(pool, part.pool_length_m)
    for odometer in track.odometers:
        covered = covered_m(odometer, part.start_ms, part.end_ms)
        if covered is not None and covered > 0:
            return odometer
    return None


def _odometer_of_lengths(lengths: Sequence[Length], pool_length_m: float) -> Series:
    """Even speed within each length, none in rests."""
    ordered = sorted(lengths, key=lambda length: length.start_ms)
    times = np.array([[length.start_ms, length.end_ms] for length in ordered], np.int64)
    swum = np.cumsum([pool_length_m if length.active else 0.0 for length in ordered])
    metres = np.column_stack((np.append(0.0, swum[:-1]), swum)).reshape(-1)
    edges = np.maximum.accumulate(times.reshape(-1))
    last = np.append(edges[1:] != edges[:-1], True)  # of two equal times the later metres
    return Series(edges[last], metres[last])


def _lengths_of(track: Track, part: Part) -> list[Length]:
    stop_ms = part.end_ms + (part.end_ms >= track.end_ms)
    return [length for length in track.lengths if part.start_ms <= length.start_ms < stop_ms]


def _swum(
    track: Track, part: Part, signals: Signals, swim: swimming.SwimAnalysis | None
) -> tuple[float, float] | None:
    """(seconds, metres) of a swim: of its lengths without rests, else by the clock and the odometer."""
    if part.sport != sport_pb2.SPORT_SWIMMING:
        return None
    if swim is not None:
        return sum(swim.length_s), len(swim.length_s) * swim.pool_length_m
    if signals.odometer is None:
        return None
    return float(signals.grid.recorded_s), float(signals.odometer[-1])


def _zones(signals: Signals, thresholds: Thresholds, options: Options) -> tuple[zones.ZoneTimes, ...]:
    common = [
        model
        for model in zones.models(thresholds, signals.sport)
        if model.channel != _POWER or signals.sport in CRANKED
    ]
    times = []
    for model in (*common, *options.zones):
        values = _zoned(signals, model.channel)
        if values is not None and (known := int(np.count_nonzero(~np.isnan(values)))):
            times.append(zones.time_in_zones(model, values, known))
    return tuple(times)


def _zoned(signals: Signals, channel: int) -> FloatArray | None:
    """The values that zones of a channel divide; power is 0 where it is unknown, as in all of its numbers."""
    if channel == _POWER and signals.power_or_zero is not None:
        return np.asarray(signals.grid.while_recorded(signals.power_or_zero), np.float64)
    if channel == _HEART_RATE:
        return signals.known_heart_rate
    return signals.speed if channel == _SPEED else signals.grid.channel(channel)


def _curves(signals: Signals) -> tuple[Curve, ...]:
    """Of power, heart rate and speed; pace is 1000 / speed, in seconds a kilometre."""
    made = []
    power = signals.power_or_zero
    if power is not None and power.any():
        made.append(mean_maximal(_POWER, power, scale=_SCALES[_POWER]))
    if signals.heart_rate is not None:
        made.append(
            mean_maximal(_HEART_RATE, signals.heart_rate, scale=_SCALES[_HEART_RATE], zero_when_unknown=False)
        )
    if signals.speed is not None:
        made.append(mean_maximal(_SPEED, signals.speed, scale=_SCALES[_SPEED]))
    return tuple(curve for curve in made if len(curve.values))


def _in_seconds(curve: Curve, axis: Grid) -> Curve:
    return replace(curve, starts=axis.seconds[curve.starts])


def _balance(signals: Signals, thresholds: Thresholds) -> w_prime.WPrimeBalance | None:
    power = signals.power_or_zero
    if power is None or signals.sport not in CRANKED:
        return None
    return w_prime.w_prime_balance(power, thresholds.critical_power_w, thresholds.w_prime_j)


def _quadrants(signals: Signals, thresholds: Thresholds, options: Options) -> pedalling.Quadrants | None:
    threshold = thresholds.functional_threshold_power_w
    if signals.power is None or signals.cadence is None or threshold is None or signals.sport not in CRANKED:
        return None
    return pedalling.quadrants(
        signals.power,
        signals.cadence,
        threshold,
        crank_length_m=options.crank_length_m,
        threshold_cadence_rpm=options.threshold_cadence_rpm,
    )


def _body(axis: Grid) -> tuple[body.BodyMeasure, ...]:
    told = [(channel, axis.channel(channel)) for channel in _BODY]
    measures = [body.body_measure(channel, values) for channel, values in told if values is not None]
    return tuple(measure for measure in measures if measure is not None)


def _variability(axis: Grid) -> hrv.HeartRateVariability | None:
    beats = axis.series.get(channel_pb2.CHANNEL_RR_INTERVAL)
    return None if beats is None or len(beats) < 3 else hrv.variability(beats.times_ms, beats.values)
