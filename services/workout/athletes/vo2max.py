"""Maximal oxygen uptake, in ml / (kg min), by what is known of an athlete. Pure."""

from __future__ import annotations

import math

SHORTEST_RUN_S = 210.0
LONGEST_RUN_S = 14_400.0
"""The curve of Daniels and Gilbert is made of races between these durations."""

FIVE_MINUTES_S = 300


def of_cycling(power_w: float, weight_kg: float) -> float:
    """Of the best mean power over five minutes, which is ridden near maximal uptake.

    10.8 ml per W and 7 ml/(kg min) for rest and unloaded pedalling: American College of Sports Medicine,
    "ACSM's Guidelines for Exercise Testing and Prescription", metabolic equation of leg cycling.
    """
    return 10.8 * power_w / weight_kg + 7.0


def of_running(distance_m: float, seconds: float) -> float | None:
    """Of a race over a distance; None for times that the formula is not made for.

    Cost of speed v (m/min): -4.60 + 0.182258 v + 0.000104 v^2; share of the maximum that can be held for t
    minutes: 0.8 + 0.1894393 exp(-0.012778 t) + 0.2989558 exp(-0.1932605 t). Daniels and Gilbert 1979, "Oxygen
    Power: Performance Tables for Distance Runners".
    """
    if not SHORTEST_RUN_S <= seconds <= LONGEST_RUN_S or distance_m <= 0:
        return None
    minutes = seconds / 60
    speed = distance_m / minutes
    cost = -4.60 + 0.182258 * speed + 0.000104 * speed**2
    share = 0.8 + 0.1894393 * math.exp(-0.012778 * minutes) + 0.2989558 * math.exp(-0.1932605 * minutes)
    return cost / share


def of_heart_rates(maximum_bpm: float, resting_bpm: float) -> float | None:
    """15.3 times the ratio of maximum and resting heart rate; None where that is no ratio of the two.

    Uth, Sorensen, Overgaard and Pedersen 2004, "Estimation of VO2max from the ratio between HRmax and
    HRrest",
    Eur J Appl Physiol 91:111-115 (well trained men of 21 to 51 years).
    """
    return 15.3 * maximum_bpm / resting_bpm if 0 < resting_bpm < maximum_bpm else None
