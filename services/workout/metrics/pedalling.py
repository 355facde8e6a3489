"""How the pedals were turned: torque, the four quadrants, left and right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.workout.metrics.grid import FloatArray

CRANK_LENGTH_M = 0.1725
"""Length of a crank where the athlete tells none: what most bicycles are sold with."""

THRESHOLD_CADENCE_RPM = 90.0
"""The cadence at which the quadrants are divided where the athlete tells none."""

_RADIANS_PER_S = 2 * np.pi / 60  # of a revolution a minute


@dataclass(frozen=True, slots=True)
class Torque:
    """Torque at the cranks while they turned, in N m."""

    average_nm: float
    maximum_nm: float


@dataclass(frozen=True, slots=True)
class Quadrants:
    """Shares of the pedalling time: hard and fast, hard and slow, easy and slow, easy and fast; they sum to
    1.

    Attributes:
        threshold_force_n, threshold_speed_mps: pedal force and speed at threshold power and cadence, which
            divide the quadrants.
        crank_length_m, cadence_rpm: what they were computed with.
    """

    shares: tuple[float, float, float, float]
    threshold_force_n: float
    threshold_speed_mps: float
    crank_length_m: float
    cadence_rpm: float


def pedal_force_n(power_w: FloatArray, pedal_speed_mps: FloatArray) -> FloatArray:
    """Average effective pedal force (AEPF), in N: power over the speed of the pedal, which must not be 0."""
    return power_w / pedal_speed_mps


def pedal_speed_mps(cadence_rpm: FloatArray, crank_length_m: float = CRANK_LENGTH_M) -> FloatArray:
    """Circumferential pedal velocity (CPV), in m/s, of cadence in revolutions a minute."""
    return cadence_rpm * (_RADIANS_PER_S * crank_length_m)


def torque(power_w: FloatArray, cadence_rpm: FloatArray) -> Torque | None:
    """Torque of power and cadence at the same seconds, shape (n,), NaN where unknown; None without
    turning."""
    turning = (cadence_rpm > 0) & (power_w >= 0)
    if not turning.any():
        return None
    newton_metres = power_w[turning] / (cadence_rpm[turning] * _RADIANS_PER_S)
    return Torque(float(newton_metres.mean()), float(newton_metres.max()))


def quadrants(
    power_w: FloatArray,
    cadence_rpm: FloatArray,
    functional_threshold_w: float,
    *,
    crank_length_m: float = CRANK_LENGTH_M,
    threshold_cadence_rpm: float = THRESHOLD_CADENCE_RPM,
) -> Quadrants | None:
    """Quadrant analysis of power and cadence at the same seconds, shape (n,), NaN where unknown.

    Seconds with power at turning cranks count. None when there is none. Coggan 2003, "Quadrant analysis", in
    Allen, Coggan and McGregor 2019, "Training and Racing with a Power Meter".
    """
    pedalling = (cadence_rpm > 0) & (power_w > 0)
    count = int(np.count_nonzero(pedalling))
    if not count:
        return None
    speed = pedal_speed_mps(cadence_rpm[pedalling], crank_length_m)
    threshold_speed = threshold_cadence_rpm * _RADIANS_PER_S * crank_length_m
    threshold_force = functional_threshold_w / threshold_speed
    hard, fast = pedal_force_n(power_w[pedalling], speed) >= threshold_force, speed >= threshold_speed
    hard_and_fast = int(np.count_nonzero(hard & fast))
    hard_and_slow = int(np.count_nonzero(hard)) - hard_and_fast
    easy_and_fast = int(np.count_nonzero(fast)) - hard_and_fast
    easy_and_slow = count - hard_and_fast - hard_and_slow - easy_and_fast
    return Quadrants(
        (hard_and_fast / count, hard_and_slow / count, easy_and_slow / count, easy_and_fast / count),
        threshold_force,
        threshold_speed,
        crank_length_m,
        threshold_cadence_rpm,
    )


def average_cadence_rpm(cadence_rpm: FloatArray) -> float | None:
    """Mean of cadence, in revolutions (strides, strokes) a minute, while there was any; NaN where unknown."""
    turning = cadence_rpm[cadence_rpm > 0]
    return float(turning.mean()) if len(turning) else None


def left_power_percent(left_percent: FloatArray, power_w: FloatArray | None) -> float | None:
    """Share of the work that the left leg did, in per cent.

    Shares are weighted by power where it is known, so that coasting, when meters tell anything, does not
    count. Both at the same seconds, shape (n,), NaN where unknown. None without a share.
    """
    known = ~np.isnan(left_percent)
    weights = known.astype(np.float64) if power_w is None else np.where(known & (power_w > 0), power_w, 0)
    total = float(weights.sum())
    return float((np.where(known, left_percent, 0) * weights).sum()) / total if total > 0 else None
