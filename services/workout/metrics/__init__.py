"""Every number of a workout beyond its summary, in pure numpy."""

from services.workout.metrics.analysis import ALGORITHM, Options, analyse, curve_at_every_duration
from services.workout.metrics.curves import DURATIONS_S, Curve, full_curve, mean_maximal
from services.workout.metrics.message import metrics_message
from services.workout.metrics.results import Metrics, StretchMetrics
from services.workout.metrics.thresholds import Sex, Thresholds
from services.workout.metrics.zones import ZoneModel, ZoneTimes, custom

__all__ = [
    "ALGORITHM",
    "DURATIONS_S",
    "Curve",
    "Metrics",
    "Options",
    "Sex",
    "StretchMetrics",
    "Thresholds",
    "ZoneModel",
    "ZoneTimes",
    "analyse",
    "curve_at_every_duration",
    "custom",
    "full_curve",
    "mean_maximal",
    "metrics_message",
]
