"""Which aspects of a person each channel and each field of a shared workout tells of. Data.

Everything that others see is computed of visible samples only (`seen`), so these fields can hold nothing
else. That they are cleared by their shape as well is the second lock on the door.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pulsemesh.profile.v1 import privacy_pb2 as p
from pulsemesh.type.v1 import channel_pb2 as c
from pulsemesh.workout.v1 import analysis_pb2, recording_pb2, shared_workout_service_pb2, workout_pb2
from services.chassis.privacy import Needs, Shape

FREE: Final[Needs] = frozenset({p.ASPECT_WORKOUTS})
MAP: Final[Needs] = frozenset({p.ASPECT_WORKOUTS, p.ASPECT_MAP})
PACE: Final[Needs] = frozenset({p.ASPECT_WORKOUTS, p.ASPECT_PACE})
POWER: Final[Needs] = frozenset({p.ASPECT_WORKOUTS, p.ASPECT_POWER})
HEART: Final[Needs] = frozenset({p.ASPECT_WORKOUTS, p.ASPECT_HEART_RATE})
MEDICAL: Final[Needs] = frozenset({p.ASPECT_WORKOUTS, p.ASPECT_MEDICAL})
PHYSIOLOGY: Final[Needs] = frozenset({p.ASPECT_WORKOUTS, p.ASPECT_PHYSIOLOGY})

CHANNEL_NEEDS: Final[Mapping[int, Needs]] = {
    c.CHANNEL_LATITUDE: MAP,
    c.CHANNEL_LONGITUDE: MAP,
    # A profile of heights is the shape of a place.
    c.CHANNEL_ALTITUDE: MAP,
    c.CHANNEL_GRADE: MAP,
    c.CHANNEL_DISTANCE: PACE,
    c.CHANNEL_SPEED: PACE,
    # Times the cadence it is a speed.
    c.CHANNEL_STRIDE_LENGTH: PACE | MEDICAL,
    c.CHANNEL_WHEEL_REVOLUTIONS: PACE,
    c.CHANNEL_HEART_RATE: HEART,
    # The time between beats is a heart rate, and more.
    c.CHANNEL_RR_INTERVAL: HEART | MEDICAL,
    c.CHANNEL_POWER: POWER,
    c.CHANNEL_LEFT_POWER: POWER,
    c.CHANNEL_TORQUE: POWER,
    c.CHANNEL_RESISTANCE: POWER,
    c.CHANNEL_WORK: POWER,
    c.CHANNEL_LEFT_TORQUE_EFFECTIVENESS: POWER,
    c.CHANNEL_RIGHT_TORQUE_EFFECTIVENESS: POWER,
    c.CHANNEL_LEFT_PEDAL_SMOOTHNESS: POWER,
    c.CHANNEL_RIGHT_PEDAL_SMOOTHNESS: POWER,
    # Devices estimate it from heart rate, power, weight and age.
    c.CHANNEL_ENERGY: HEART | POWER | MEDICAL,
    c.CHANNEL_VERTICAL_OSCILLATION: MEDICAL,
    c.CHANNEL_GROUND_CONTACT_TIME: MEDICAL,
    c.CHANNEL_RESPIRATION_RATE: MEDICAL,
    c.CHANNEL_CORE_TEMPERATURE: MEDICAL,
    c.CHANNEL_HEMOGLOBIN_SATURATION: MEDICAL,
    c.CHANNEL_HEMOGLOBIN_CONCENTRATION: MEDICAL,
    c.CHANNEL_CADENCE: FREE,
    c.CHANNEL_TEMPERATURE: FREE,
    c.CHANNEL_CRANK_REVOLUTIONS: FREE,
    c.CHANNEL_STROKES: FREE,
    c.CHANNEL_MARKER: FREE,
}
"""A channel that is not here (the battery, one that comes later) is shown to nobody else."""


def _fields(message: type[object], needs: Needs, names: str) -> dict[str, Needs]:
    full_name = message.DESCRIPTOR.full_name  # type: ignore[attr-defined]
    return {f"{full_name}.{name}": needs for name in names.split()}


def _all(message: type[object], needs: Needs) -> dict[str, Needs]:
    """Every field of a message of which it was thought through that all need the same."""
    descriptor = message.DESCRIPTOR  # type: ignore[attr-defined]
    return {field.full_name: needs for field in descriptor.fields}


_W, _A, _R = workout_pb2, analysis_pb2, recording_pb2
_Shared = shared_workout_service_pb2.SharedWorkout

WORKOUT_SHAPE: Final[Shape] = {
    **_fields(_Shared, FREE, "shared_id user_id title sport sub_sport start_time day_only summary sessions"),
    **_fields(_Shared, FREE, "channels"),
    **_fields(_Shared, PACE, "laps lengths"),
    **_fields(_Shared, frozenset({p.ASPECT_WORKOUTS, p.ASPECT_NOTES}), "notes"),
    **_fields(_Shared, frozenset({p.ASPECT_WORKOUTS, p.ASPECT_GEAR}), "gear"),
    **_fields(_W.Summary, FREE, "elapsed_s timer_s moving_s strokes channels"),
    **_fields(_W.Summary, PACE, "distance_m average_speed_mps lengths"),
    **_fields(_W.Summary, MAP, "elevation_gain_m elevation_loss_m"),
    **_fields(_W.Summary, POWER, "work_kj energy_kcal"),
    **_all(_W.ChannelSummary, FREE),
    **_all(_W.Session, FREE),
    **_all(_W.Lap, PACE),
    **_all(_R.LapMark, PACE),
    **_all(_R.PoolLength, PACE),
    **_fields(_R.SessionPart, FREE, "sport sub_sport start_time_ms end_time_ms reported_timer_s"),
    **_fields(_R.SessionPart, PACE, "pool_length_m reported_distance_m"),
    **_fields(_R.SessionPart, HEART | POWER | MEDICAL, "reported_energy_kcal"),
}

_WITH_CHANNELS = "zones curves best_efforts body"
"""Lists of which each entry names its channel: entries of hidden ones go one by one."""

ANALYSIS_SHAPE: Final[Shape] = {
    **_fields(_A.Analysis, FREE, f"workout_id load intervals sessions algorithm {_WITH_CHANNELS}"),
    **_fields(_A.Analysis, PHYSIOLOGY, "thresholds"),
    **_fields(_A.Analysis, POWER | PHYSIOLOGY, "w_prime_balance"),
    **_fields(_A.Analysis, POWER, "quadrants"),
    **_fields(_A.Analysis, HEART | MEDICAL, "heart_rate_variability"),
    **_fields(_A.Analysis, PACE, "swim"),
    **_fields(_A.Thresholds, POWER | PHYSIOLOGY, "functional_threshold_power_w critical_power_w w_prime_j"),
    **_fields(_A.Thresholds, HEART | PHYSIOLOGY, "lactate_threshold_heart_rate_bpm"),
    **_fields(_A.Thresholds, HEART | PHYSIOLOGY, "maximum_heart_rate_bpm resting_heart_rate_bpm"),
    **_fields(_A.Thresholds, PACE | PHYSIOLOGY, "threshold_speed_mps threshold_swim_speed_mps"),
    **_fields(_A.Thresholds, PHYSIOLOGY | {p.ASPECT_WEIGHT}, "weight_kg"),
    **_fields(_A.Thresholds, PHYSIOLOGY | {p.ASPECT_SEX}, "sex"),
    **_fields(_A.TrainingLoad, POWER, "normalized_power_w variability_index left_power_percent"),
    **_fields(_A.TrainingLoad, POWER, "average_power_w work_kj"),
    **_fields(_A.TrainingLoad, POWER | PHYSIOLOGY, "intensity_factor training_stress_score"),
    **_fields(_A.TrainingLoad, POWER | PHYSIOLOGY, "work_above_critical_power_kj"),
    **_fields(_A.TrainingLoad, HEART | PHYSIOLOGY, "heart_rate_stress_score trimp_banister trimp_edwards"),
    **_fields(_A.TrainingLoad, PACE | PHYSIOLOGY, "running_stress_score swimming_stress_score"),
    **_fields(_A.TrainingLoad, PHYSIOLOGY, "stress_score polarisation_index"),
    **_fields(_A.TrainingLoad, HEART, "efficiency_factor decoupling_percent"),
    **_fields(_A.TrainingLoad, PACE, "grade_adjusted_speed_mps normalized_graded_speed_mps"),
    **_fields(_A.TrainingLoad, FREE, "recorded_s average_cadence_rpm"),
    **_all(_A.ZoneTimes, PHYSIOLOGY),
    **_all(_A.ZoneTimes.Zone, PHYSIOLOGY),
    **_all(_A.MeanMaximalCurve, FREE),
    **_all(_A.BestEffort, FREE),
    **_fields(_A.DetectedInterval, FREE, "kind start_time_ms end_time_ms climb_category"),
    **_fields(_A.DetectedInterval, PACE, "distance_m average_speed_mps"),
    **_fields(_A.DetectedInterval, POWER, "average_power_w"),
    **_fields(_A.DetectedInterval, HEART, "average_heart_rate_bpm"),
    **_fields(_A.DetectedInterval, MAP, "elevation_gain_m grade_percent"),
    **_all(_A.WPrimeBalance, POWER | PHYSIOLOGY),
    **_all(_A.Quadrants, POWER),
    **_all(_A.HeartRateVariability, HEART | MEDICAL),
    **_all(_A.SwimAnalysis, PACE),
    **_all(_A.SwimAnalysis.StrokeNumbers, PACE),
    **_all(_A.BodyMeasure, MEDICAL),
    **_all(_A.BodyMeasure.Above, MEDICAL),
    **_fields(_A.SessionAnalysis, FREE, "sport sub_sport start_time_ms end_time_ms load intervals"),
    **_fields(_A.SessionAnalysis, FREE, _WITH_CHANNELS),
    **_fields(_A.SessionAnalysis, POWER | PHYSIOLOGY, "w_prime_balance"),
    **_fields(_A.SessionAnalysis, POWER, "quadrants"),
    **_fields(_A.SessionAnalysis, HEART | MEDICAL, "heart_rate_variability"),
    **_fields(_A.SessionAnalysis, PACE, "swim"),
}
"""Not `computed_at`, which tells when the owner's thresholds changed."""
