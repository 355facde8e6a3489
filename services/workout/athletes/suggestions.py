"""Thresholds that recent workouts speak for. Pure; nothing is applied by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping

from services.workout.athletes.power_models import Fit, Model, PowerPoint, fit_all
from services.workout.athletes.vo2max import of_running

_HOUR_S = 3600.0


def threshold_power(best_twenty_minutes_w: float) -> float:
    """Functional threshold power: 95 % of the best 20 minutes (Allen and Coggan)."""
    return 0.95 * best_twenty_minutes_w


def critical_power(points: list[PowerPoint]) -> Fit | None:
    """Critical power and W' by work over time; None where the points do not bear it."""
    found = fit_all(points)[0]
    return found if isinstance(found, Fit) and found.model is Model.WORK_TIME else None


def threshold_speed(runs: Mapping[float, float]) -> float | None:
    """Speed that can be run for an hour, in m/s, from best seconds by distance in metres; None without any.

    By Daniels and Gilbert 1979: the best run's uptake, times the share of it that lasts an hour, as speed.
    """
    known = [uptake for distance, seconds in runs.items() if (uptake := of_running(distance, seconds))]
    if not known:
        return None
    minutes = _HOUR_S / 60
    share = 0.8 + 0.1894393 * math.exp(-0.012778 * minutes) + 0.2989558 * math.exp(-0.1932605 * minutes)
    cost = max(known) * share
    metres_a_minute = (-0.182258 + math.sqrt(0.182258**2 + 4 * 0.000104 * (cost + 4.60))) / (2 * 0.000104)
    return metres_a_minute / 60


def critical_swim_speed(swims: Mapping[float, float]) -> float | None:
    """From the best seconds over 200 and 400 m: (400 - 200) / (t400 - t200), in m/s.

    Wakayoshi et al. 1992, "Determination and validity of critical velocity as an index of swimming
    performance in the competitive swimmer", Eur J Appl Physiol 64:153-157.
    """
    short, long = swims.get(200.0), swims.get(400.0)
    if short is None or long is None or long <= short:
        return None
    return 200.0 / (long - short)
