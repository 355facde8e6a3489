"""The numbers as the contract's message."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import analysis_pb2, recording_pb2
from services.workout.metrics.analysis import ALGORITHM
from services.workout.metrics.body import BodyMeasure
from services.workout.metrics.curves import Curve
from services.workout.metrics.hrv import HeartRateVariability
from services.workout.metrics.results import Effort, Interval, Load, Metrics, StretchMetrics
from services.workout.metrics.swimming import SwimAnalysis
from services.workout.metrics.thresholds import Thresholds
from services.workout.metrics.zones import ZoneTimes

_UINT32_MAX = 2**32 - 1


def metrics_message(metrics: Metrics) -> analysis_pb2.Analysis:
    """The contract's `Analysis` without the workout's id and the time of computing.

    A number that is None stays absent; so does one that is not finite, which no reader could use.
    """
    whole = metrics.whole
    return analysis_pb2.Analysis(
        thresholds=thresholds_message(metrics.thresholds),
        load=_load(whole.load),
        zones=[_zones(times) for times in whole.zones],
        curves=[_curve(curve, _offset_s(metrics, whole)) for curve in whole.curves],
        best_efforts=[_effort(effort) for effort in _efforts(metrics)],
        intervals=[_interval(interval) for interval in whole.intervals],
        w_prime_balance=_balance(whole),
        quadrants=_quadrants(whole),
        heart_rate_variability=_variability(whole.heart_rate_variability),
        swim=_swim(whole.swim),
        body=[_body(measure) for measure in whole.body],
        sessions=[_session(metrics, session) for session in metrics.sessions],
        algorithm=ALGORITHM,
    )


def thresholds_message(thresholds: Thresholds) -> analysis_pb2.Thresholds:
    """The contract's thresholds; what is not known stays absent."""
    return analysis_pb2.Thresholds(
        functional_threshold_power_w=thresholds.functional_threshold_power_w,
        critical_power_w=thresholds.critical_power_w,
        w_prime_j=thresholds.w_prime_j,
        lactate_threshold_heart_rate_bpm=thresholds.lactate_threshold_heart_rate_bpm,
        maximum_heart_rate_bpm=thresholds.max_heart_rate_bpm,
        resting_heart_rate_bpm=thresholds.resting_heart_rate_bpm,
        threshold_speed_mps=thresholds.threshold_speed_mps,
        threshold_swim_speed_mps=thresholds.threshold_swim_speed_mps,
        weight_kg=thresholds.weight_kg,
        sex=analysis_pb2.Sex.ValueType(thresholds.sex or analysis_pb2.SEX_UNSPECIFIED),
    )


def _efforts(metrics: Metrics) -> Iterable[Effort]:
    """Those of the whole; of several sports, of the sessions: each has its own distances."""
    if metrics.whole.best_efforts or not metrics.sessions:
        return metrics.whole.best_efforts
    return (effort for session in metrics.sessions for effort in session.best_efforts)


def _session(metrics: Metrics, session: StretchMetrics) -> analysis_pb2.SessionAnalysis:
    return analysis_pb2.SessionAnalysis(
        sport=sport_pb2.Sport.ValueType(session.sport),
        sub_sport=sport_pb2.SubSport.ValueType(session.sub_sport),
        start_time_ms=session.start_ms,
        end_time_ms=session.end_ms,
        load=_load(session.load),
        zones=[_zones(times) for times in session.zones],
        curves=[_curve(curve, _offset_s(metrics, session)) for curve in session.curves],
        best_efforts=[_effort(effort) for effort in session.best_efforts],
        intervals=[_interval(interval) for interval in session.intervals],
        w_prime_balance=_balance(session),
        quadrants=_quadrants(session),
        heart_rate_variability=_variability(session.heart_rate_variability),
        swim=_swim(session.swim),
        body=[_body(measure) for measure in session.body],
    )


def _offset_s(metrics: Metrics, stretch: StretchMetrics) -> int:
    return max(0, (stretch.axis_start_ms - metrics.start_ms) // 1000)


def _load(load: Load) -> analysis_pb2.TrainingLoad:
    message = analysis_pb2.TrainingLoad()
    for field in fields(load):
        value = getattr(load, field.name)
        if value is not None and math.isfinite(value):
            setattr(message, field.name, value)
    return message


def _zones(times: ZoneTimes) -> analysis_pb2.ZoneTimes:
    model = times.model
    message = analysis_pb2.ZoneTimes(model=model.name, channel=channel_pb2.Channel.ValueType(model.channel))
    lows, highs = (0.0, *model.bounds), (*model.bounds, None)
    for name, low, high, seconds in zip(model.names, lows, highs, times.seconds, strict=True):
        zone = message.zones.add(name=name, below=high, seconds=seconds)
        setattr(zone, "from", low)  # a keyword of Python's
    return message


def _curve(curve: Curve, offset_s: int) -> analysis_pb2.MeanMaximalCurve:
    return analysis_pb2.MeanMaximalCurve(
        channel=channel_pb2.Channel.ValueType(curve.channel),
        durations_s=curve.durations_s.tolist(),
        values=curve.values.astype(np.float32).tolist(),
        starts_s=np.clip(curve.starts + offset_s, 0, _UINT32_MAX).tolist(),
    )


def _effort(effort: Effort) -> analysis_pb2.BestEffort:
    best = effort.best
    return analysis_pb2.BestEffort(
        kind=best.kind,
        channel=channel_pb2.Channel.ValueType(best.channel),
        duration_s=best.duration_s,
        distance_m=best.distance_m,
        value=best.value,
        start_time_ms=effort.start_ms,
        end_time_ms=effort.end_ms,
    )


def _interval(interval: Interval) -> analysis_pb2.DetectedInterval:
    return analysis_pb2.DetectedInterval(
        kind=analysis_pb2.DetectedInterval.Kind.ValueType(interval.kind),
        start_time_ms=interval.start_ms,
        end_time_ms=interval.end_ms,
        distance_m=interval.distance_m or 0.0,
        average_power_w=interval.average_power_w,
        average_heart_rate_bpm=interval.average_heart_rate_bpm,
        average_speed_mps=interval.average_speed_mps,
        elevation_gain_m=interval.elevation_gain_m,
        grade_percent=interval.grade_percent,
        climb_category=interval.category,
    )


def _balance(stretch: StretchMetrics) -> analysis_pb2.WPrimeBalance | None:
    balance = stretch.w_prime_balance
    if balance is None:
        return None
    return analysis_pb2.WPrimeBalance(
        minimum_j=balance.minimum_j,
        minimum_time_ms=stretch.w_prime_minimum_ms,
        step_s=balance.step_s,
        balance_j=_floats(balance.balance_j),
        start_time_ms=stretch.axis_start_ms,
    )


def _quadrants(stretch: StretchMetrics) -> analysis_pb2.Quadrants | None:
    quadrants, torque = stretch.quadrants, stretch.torque
    if quadrants is None and torque is None:
        return None
    message = analysis_pb2.Quadrants()
    if quadrants is not None:
        message.shares.extend(quadrants.shares)
        message.threshold_force_n = quadrants.threshold_force_n
        message.threshold_speed_mps = quadrants.threshold_speed_mps
        message.crank_length_m = quadrants.crank_length_m
        message.threshold_cadence_rpm = quadrants.cadence_rpm
    if torque is not None:
        message.average_torque_nm = torque.average_nm
        message.maximum_torque_nm = torque.maximum_nm
    return message


def _variability(measured: HeartRateVariability | None) -> analysis_pb2.HeartRateVariability | None:
    if measured is None:
        return None
    return analysis_pb2.HeartRateVariability(
        beats=measured.beats,
        artefacts=measured.artefacts,
        rmssd_ms=measured.rmssd_ms,
        sdnn_ms=measured.sdnn_ms,
        dfa_alpha1=measured.dfa_alpha1,
        step_s=measured.step_s,
        dfa_alpha1_series=_floats(measured.dfa_alpha1_series),
    )


def _swim(swim: SwimAnalysis | None) -> analysis_pb2.SwimAnalysis | None:
    if swim is None:
        return None
    message = analysis_pb2.SwimAnalysis(
        lengths=swim.whole.lengths,
        pool_length_m=swim.pool_length_m,
        average_length_s=swim.whole.average_length_s,
        average_strokes=swim.whole.average_strokes,
        swolf=swim.whole.swolf,
        rest_s=swim.rest_s,
        length_swolf=swim.length_swolf,
        length_s=swim.length_s,
        length_strokes=[min(strokes, _UINT32_MAX) for strokes in swim.length_strokes],
    )
    for stroke in swim.by_stroke:
        message.by_stroke.add(
            stroke=recording_pb2.SwimStroke.ValueType(stroke.stroke),
            lengths=stroke.lengths,
            average_length_s=stroke.average_length_s,
            average_strokes=stroke.average_strokes,
            swolf=stroke.swolf,
        )
    return message


def _body(measure: BodyMeasure) -> analysis_pb2.BodyMeasure:
    return analysis_pb2.BodyMeasure(
        channel=channel_pb2.Channel.ValueType(measure.channel),
        average=measure.average,
        minimum=measure.minimum,
        maximum=measure.maximum,
        above=[
            analysis_pb2.BodyMeasure.Above(bound=bound, seconds=seconds) for bound, seconds in measure.above
        ],
    )


def _floats(values: NDArray[np.float64]) -> Sequence[float]:
    """In the 32 bits of the message; 0 for what is not a number."""
    told: list[float] = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0).tolist()
    return told
