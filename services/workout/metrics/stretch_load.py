"""The load of a stretch: which formula is fed with which signal."""

from __future__ import annotations

import numpy as np

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from services.workout.metrics import aerobic, load, pedalling, power, zones
from services.workout.metrics.grid import FloatArray
from services.workout.metrics.results import Load
from services.workout.metrics.signals import Signals
from services.workout.metrics.thresholds import Thresholds
from services.workout.summary.timing import MOVING_SPEED_MPS

ON_FOOT = frozenset({sport_pb2.SPORT_RUNNING, sport_pb2.SPORT_WALKING, sport_pb2.SPORT_HIKING})
CRANKED = frozenset(
    {
        *(sport_pb2.SPORT_CYCLING, sport_pb2.SPORT_E_BIKING, sport_pb2.SPORT_FITNESS_EQUIPMENT),
        *(sport_pb2.SPORT_UNSPECIFIED, sport_pb2.SPORT_OTHER),
    }
)
"""Where power is measured against cycling's thresholds. What meters for runners and rowers call power is
another quantity, and has no threshold among ours."""


def stretch_load(
    signals: Signals,
    thresholds: Thresholds,
    zone_times: tuple[zones.ZoneTimes, ...] = (),
    *,
    swum: tuple[float, float] | None = None,
) -> Load:
    """The load of signals; `swum` is (seconds, metres) of a swim without its rests."""
    watts = _running_clock(signals, signals.power_or_zero)
    if watts is not None and not watts.any():
        watts = None
    normalized = None if watts is None else power.normalized_power_w(watts)
    average = None if watts is None else float(watts.mean())
    cranked = signals.sport in CRANKED
    threshold = thresholds.functional_threshold_power_w if cranked else None
    critical = thresholds.critical_power_w if cranked else None
    intensity = (
        None if normalized is None or threshold is None else power.intensity_factor(normalized, threshold)
    )
    graded = _graded(signals)
    graded_normalized = None if graded is None else power.normalized_mean(graded)
    recorded_s = float(signals.grid.recorded_s)
    scores = {
        "training_stress_score": None
        if intensity is None
        else power.training_stress_score(recorded_s, intensity),
        "heart_rate_stress_score": _of_heart(signals, thresholds),
        "running_stress_score": _running_score(signals, thresholds, graded_normalized),
        "swimming_stress_score": _swimming_score(thresholds, swum),
    }
    return Load(
        recorded_s=recorded_s,
        average_power_w=average,
        normalized_power_w=normalized,
        intensity_factor=intensity,
        variability_index=None
        if normalized is None or average is None
        else power.variability_index(normalized, average),
        stress_score=next((score for score in scores.values() if score is not None), None),
        trimp_banister=_banister(signals, thresholds),
        trimp_edwards=_edwards(signals, thresholds),
        efficiency_factor=_efficiency(signals, normalized, graded_normalized),
        decoupling_percent=_decoupling(signals, watts, graded),
        grade_adjusted_speed_mps=_mean_in_motion(graded),
        normalized_graded_speed_mps=graded_normalized,
        left_power_percent=_left(signals),
        work_kj=None if watts is None else power.work_kj(watts),
        work_above_critical_power_kj=None
        if watts is None or critical is None
        else power.work_above_kj(watts, critical),
        polarisation_index=_polarisation(zone_times),
        average_cadence_rpm=None
        if signals.cadence is None
        else pedalling.average_cadence_rpm(signals.cadence),
        **scores,
    )


def sum_of(loads: list[Load], whole: Load) -> Load:
    """The load of a workout of several sports: stress is the sum of the sessions', each by its own sport.

    What is not additive and mixes sports (normalised power, efficiency, decoupling) is absent.
    """

    def total(name: str) -> float | None:
        known = [value for one in loads if (value := getattr(one, name)) is not None]
        return float(sum(known)) if known else None

    return Load(
        recorded_s=whole.recorded_s,
        average_power_w=whole.average_power_w,
        training_stress_score=total("training_stress_score"),
        heart_rate_stress_score=whole.heart_rate_stress_score,
        running_stress_score=total("running_stress_score"),
        swimming_stress_score=total("swimming_stress_score"),
        stress_score=total("stress_score"),
        trimp_banister=whole.trimp_banister,
        trimp_edwards=whole.trimp_edwards,
        work_kj=whole.work_kj,
        work_above_critical_power_kj=total("work_above_critical_power_kj"),
        polarisation_index=whole.polarisation_index,
    )


def _running_clock(signals: Signals, values: FloatArray | None) -> FloatArray | None:
    """The values at recorded seconds; None where there is none."""
    if values is None or not signals.grid.recorded_s:
        return None
    return np.asarray(signals.grid.while_recorded(values), np.float64)


def _graded(signals: Signals) -> FloatArray | None:
    return _running_clock(signals, signals.flat_speed) if signals.sport in ON_FOOT else None


def _of_heart(signals: Signals, thresholds: Thresholds) -> float | None:
    rates = signals.known_heart_rate
    return None if rates is None or not len(rates) else load.heart_rate_stress_score(rates, thresholds)


def _banister(signals: Signals, thresholds: Thresholds) -> float | None:
    rates = signals.known_heart_rate
    resting, maximum, sex = thresholds.resting_heart_rate_bpm, thresholds.max_heart_rate_bpm, thresholds.sex
    if rates is None or resting is None or maximum is None or not sex or maximum <= resting:
        return None
    return load.trimp_banister(rates, resting, maximum, sex)


def _edwards(signals: Signals, thresholds: Thresholds) -> float | None:
    rates, maximum = signals.known_heart_rate, thresholds.max_heart_rate_bpm
    return None if rates is None or maximum is None else load.trimp_edwards(rates, maximum)


def _running_score(signals: Signals, thresholds: Thresholds, normalized: float | None) -> float | None:
    threshold = thresholds.threshold_speed_mps
    if signals.sport != sport_pb2.SPORT_RUNNING or threshold is None or not normalized:
        return None
    return load.running_stress_score(signals.grid.recorded_s, normalized, threshold)


def _swimming_score(thresholds: Thresholds, swum: tuple[float, float] | None) -> float | None:
    threshold = thresholds.threshold_swim_speed_mps
    return None if swum is None or threshold is None else load.swimming_stress_score(*swum, threshold)


def _efficiency(signals: Signals, watts: float | None, flat_mps: float | None) -> float | None:
    rates = signals.known_heart_rate
    effort = (None if flat_mps is None else flat_mps * 60) if signals.sport in ON_FOOT else watts
    if rates is None or not len(rates) or not effort:
        return None
    return aerobic.efficiency_factor(effort, float(rates.mean()))


def _decoupling(signals: Signals, watts: FloatArray | None, flat_mps: FloatArray | None) -> float | None:
    effort = flat_mps if signals.sport in ON_FOOT else watts
    rates = _running_clock(signals, signals.heart_rate)
    return None if effort is None or rates is None else aerobic.decoupling_percent(effort, rates)


def _mean_in_motion(speed_mps: FloatArray | None) -> float | None:
    if speed_mps is None:
        return None
    moving = speed_mps[speed_mps >= MOVING_SPEED_MPS]
    return float(moving.mean()) if len(moving) else None


def _left(signals: Signals) -> float | None:
    share = signals.grid.channel(channel_pb2.CHANNEL_LEFT_POWER)
    return None if share is None else pedalling.left_power_percent(share, signals.power)


def _polarisation(zone_times: tuple[zones.ZoneTimes, ...]) -> float | None:
    """Of power where its thresholds are known, else of heart rate."""
    for name in ("power/polarised", "heart_rate/polarised"):
        for each in zone_times:
            if each.model.name == name:
                return zones.polarisation_index(*each.seconds)
    return None
