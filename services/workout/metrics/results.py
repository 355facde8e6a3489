"""The numbers of a workout, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from services.workout.metrics.body import BodyMeasure
from services.workout.metrics.curves import Curve
from services.workout.metrics.efforts import BestEffort
from services.workout.metrics.hrv import HeartRateVariability
from services.workout.metrics.pedalling import Quadrants, Torque
from services.workout.metrics.swimming import SwimAnalysis
from services.workout.metrics.thresholds import Thresholds
from services.workout.metrics.w_prime import WPrimeBalance
from services.workout.metrics.zones import ZoneTimes


@dataclass(frozen=True, slots=True)
class Load:
    """How hard a stretch was; None where a channel or a threshold is missing.

    Attributes:
        recorded_s: seconds that were recorded with the clock running: what scores count.
        average_power_w: over those, 0 where unknown: what variability is measured against.
        stress_score: the first that is known of power, heart rate, running and swimming; of a workout of
            several sports the sum of its sessions'.
        average_cadence_rpm: while turning.
        efficiency_factor: W per bpm, or on foot m/min per bpm.
        normalized_graded_speed_mps: on foot, as normalised power of grade-adjusted speed.
        grade_adjusted_speed_mps: the mean of it over the time in motion.
    """

    recorded_s: float = 0.0
    average_power_w: float | None = None
    normalized_power_w: float | None = None
    intensity_factor: float | None = None
    variability_index: float | None = None
    training_stress_score: float | None = None
    heart_rate_stress_score: float | None = None
    running_stress_score: float | None = None
    swimming_stress_score: float | None = None
    stress_score: float | None = None
    trimp_banister: float | None = None
    trimp_edwards: float | None = None
    efficiency_factor: float | None = None
    decoupling_percent: float | None = None
    grade_adjusted_speed_mps: float | None = None
    normalized_graded_speed_mps: float | None = None
    left_power_percent: float | None = None
    work_kj: float | None = None
    work_above_critical_power_kj: float | None = None
    polarisation_index: float | None = None
    average_cadence_rpm: float | None = None


class Kind(IntEnum):
    """What an interval is; the numbers are those of the contract's `DetectedInterval.Kind`."""

    WORK = 1
    REST = 2
    AUTO_LAP = 3
    CLIMB = 4


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch that was found; None where unknown. `grade_percent` and `category` are those of climbs."""

    kind: Kind
    start_ms: int
    end_ms: int
    distance_m: float | None
    average_power_w: float | None
    average_heart_rate_bpm: float | None
    average_speed_mps: float | None
    elevation_gain_m: float | None
    grade_percent: float | None = None
    category: int = 0


@dataclass(frozen=True, slots=True)
class Effort:
    """A best effort and when it was."""

    best: BestEffort
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class StretchMetrics:
    """The numbers of a stretch of one sport, or of the whole.

    Attributes:
        start_ms, end_ms: of the stretch.
        axis_start_ms: when the axis begins that `w_prime_balance` runs along.
        curves: their `starts` are seconds after `axis_start_ms`.
        w_prime_minimum_ms: when the balance was lowest.
    """

    sport: int
    sub_sport: int
    start_ms: int
    end_ms: int
    axis_start_ms: int
    load: Load
    zones: tuple[ZoneTimes, ...] = ()
    curves: tuple[Curve, ...] = ()
    best_efforts: tuple[Effort, ...] = ()
    intervals: tuple[Interval, ...] = ()
    w_prime_balance: WPrimeBalance | None = None
    w_prime_minimum_ms: int = 0
    quadrants: Quadrants | None = None
    torque: Torque | None = None
    body: tuple[BodyMeasure, ...] = ()
    heart_rate_variability: HeartRateVariability | None = None
    swim: SwimAnalysis | None = None


@dataclass(frozen=True, slots=True)
class Metrics:
    """All numbers of a workout beyond its summary.

    Attributes:
        start_ms: when the workout begins.
        thresholds: what they were computed against.
        whole: of all of it.
        sessions: of each session, in order, where there are several; else empty.
    """

    start_ms: int
    thresholds: Thresholds
    whole: StretchMetrics
    sessions: tuple[StretchMetrics, ...] = ()
