"""How hard it was, by heart rate and by speed: the stress scores beside that of power, and TRIMP."""

from __future__ import annotations

import numpy as np

from services.workout.metrics.grid import FloatArray
from services.workout.metrics.thresholds import Sex, Thresholds

_BANISTER = {Sex.MALE: (0.64, 1.92), Sex.FEMALE: (0.86, 1.67)}

_FRIEL_BOUNDS = (0.67, 0.735, 0.81, 0.85, 0.90, 0.94, 1.00, 1.03, 1.06)
_FRIEL_PER_HOUR = (20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 100.0, 120.0, 140.0)


def reserve_share(heart_rate_bpm: FloatArray, resting_bpm: float, max_bpm: float) -> FloatArray:
    """Share of the heart rate reserve, within [0, 1]; shape of `heart_rate_bpm`."""
    return np.asarray(np.clip((heart_rate_bpm - resting_bpm) / (max_bpm - resting_bpm), 0, 1))


def trimp_banister(heart_rate_bpm: FloatArray, resting_bpm: float, max_bpm: float, sex: Sex) -> float:
    """Banister's training impulse of heart rates, one a second, shape (n,), all known.

    Minutes times share of the reserve r times 0.64 exp(1.92 r) for men, 0.86 exp(1.67 r) for women: Morton,
    Fitz-Clarke and Banister 1990, "Modeling human performance in running", J Appl Physiol 69:1171-1177.
    """
    share = reserve_share(heart_rate_bpm, resting_bpm, max_bpm)
    factor, exponent = _BANISTER[sex]
    return float((share * np.exp(exponent * share)).sum()) * factor / 60


def trimp_edwards(heart_rate_bpm: FloatArray, max_bpm: float) -> float:
    """Edwards' training impulse of heart rates, one a second, shape (n,), all known.

    Minutes in each tenth of the maximum times 1 (from 50 %) to 5 (from 90 %): Edwards 1993, "The Heart Rate
    Monitor Book".
    """
    bounds = (0.5, 0.6, 0.7, 0.8, 0.9)
    return sum(int(np.count_nonzero(heart_rate_bpm >= share * max_bpm)) for share in bounds) / 60


def heart_rate_stress_score(heart_rate_bpm: FloatArray, thresholds: Thresholds) -> float | None:
    """hrTSS of heart rates, one a second, shape (n,), all known; None where thresholds are missing.

    Banister's impulse as a share of that of an hour at threshold heart rate, times 100, where resting and
    maximum heart rate and sex are known. Else, by threshold heart rate alone, Friel's points per hour in each
    zone (Friel 2009, "Estimating training stress score": 20, 30, 40 in the thirds of zone 1, 50 and 60 in the
    halves of zone 2, then 70, 80, 100, 120, 140 to 5c; we set the thirds' bounds at 67 and 73.5 %).
    """
    threshold = thresholds.lactate_threshold_heart_rate_bpm
    resting, maximum = thresholds.resting_heart_rate_bpm, thresholds.max_heart_rate_bpm
    if threshold is None:
        return None
    if resting is not None and maximum is not None and thresholds.sex and resting < threshold <= maximum:
        hour = trimp_banister(np.full(60, threshold), resting, maximum, thresholds.sex) * 60
        return trimp_banister(heart_rate_bpm, resting, maximum, thresholds.sex) / hour * 100
    reached = [
        len(heart_rate_bpm),
        *(int(np.count_nonzero(heart_rate_bpm >= share * threshold)) for share in _FRIEL_BOUNDS),
        0,
    ]
    points = sum(
        (here - above) * rate
        for here, above, rate in zip(reached, reached[1:], _FRIEL_PER_HOUR, strict=False)
    )
    return points / 3600


def running_stress_score(seconds: float, graded_speed_mps: float, threshold_mps: float) -> float:
    """rTSS: hours times the square of normalised graded speed over threshold speed, times 100.

    McGregor in Allen, Coggan and McGregor 2019, "Training and Racing with a Power Meter", after Skiba 2006,
    "Calculation of power output and quantification of training stress in distance runners".
    """
    return seconds / 3600 * (graded_speed_mps / threshold_mps) ** 2 * 100


def swimming_stress_score(seconds: float, distance_m: float, threshold_mps: float) -> float | None:
    """sTSS: hours times the cube of swimming speed over threshold speed, times 100; None without time.

    The cube, because drag makes power grow with the cube of speed. `seconds` are those of swimming, rests at
    the
    wall left out: Fitzgerald and McGregor 2008, "Calculating TSS for swim workouts". (Others count rests in,
    which gives less for the same lengths.)
    """
    if seconds <= 0:
        return None
    return seconds / 3600 * (distance_m / seconds / threshold_mps) ** 3 * 100
