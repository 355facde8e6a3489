"""Critical power and W' from the best powers over several durations, with the errors of the fit. Pure.

- Work over time, W = W' + CP t: Monod and Scherrer 1965, Ergonomics 8:329-338, for the whole body Moritani,
  Nagata, deVries and Muro 1981, Ergonomics 24:339-350.
- Power over the inverse of time, P = CP + W' / t: the same model, with errors weighted towards short efforts;
  compared by Hill 1993, Sports Med 16:237-254.
- Three parameters, t = W' / (P - CP) - W' / (Pmax - CP): Morton 1996, "A 3-parameter critical power model",
  Ergonomics 39:611-619; fitted in the form P = CP + W' / (t + W' / (Pmax - CP)).

The models describe efforts to exhaustion of about two to twenty minutes; the third also shorter ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

TWO_PARAMETER_S = (120, 180, 240, 300, 360, 420, 480, 600, 720, 900, 1080, 1200)
"""Durations to which the two-parameter models are fitted, where they are known."""

THREE_PARAMETER_S = (5, 10, 15, 20, 30, 45, 60, 90, *TWO_PARAMETER_S)

FEWEST_POINTS = 3
FEWEST_POINTS_OF_THREE = 5
SHORTEST_SPREAD = 3.0
"""The longest duration must be so many times the shortest."""

_STEPS = 200


class Model(Enum):
    """Which of the models."""

    WORK_TIME = "work_time"
    INVERSE_TIME = "inverse_time"
    THREE_PARAMETER = "three_parameter"


@dataclass(frozen=True, slots=True)
class PowerPoint:
    """The best mean power over a duration."""

    duration_s: float
    power_w: float


@dataclass(frozen=True, slots=True)
class Fit:
    """A model that was fitted.

    Attributes:
        maximum_power_w: of three parameters only.
        critical_power_error_w, w_prime_error_j, maximum_power_error_w: standard errors.
        residual_w: root of the mean square of what the model misses of the powers.
        r_squared: of the powers.
        points: what it was fitted to.
    """

    model: Model
    critical_power_w: float
    w_prime_j: float
    critical_power_error_w: float
    w_prime_error_j: float
    residual_w: float
    r_squared: float
    points: tuple[PowerPoint, ...]
    maximum_power_w: float | None = None
    maximum_power_error_w: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The points do not bear the model, for this reason."""

    model: Model
    reason: str
    points: tuple[PowerPoint, ...]


def fit_all(points: Sequence[PowerPoint]) -> list[Fit | Refused]:
    """Every model, fitted to those of the points that it is meant for."""
    short = [point for point in points if point.duration_s in TWO_PARAMETER_S]
    longer = [point for point in points if point.duration_s in THREE_PARAMETER_S]
    return [
        fit(Model.WORK_TIME, short),
        fit(Model.INVERSE_TIME, short),
        fit(Model.THREE_PARAMETER, longer),
    ]


def fit(model: Model, points: Sequence[PowerPoint]) -> Fit | Refused:
    """Fit a model to points of different durations."""
    used = tuple(sorted(points, key=lambda point: point.duration_s))
    reason = _too_few(model, used)
    if reason:
        return Refused(model, reason, used)
    times = np.array([point.duration_s for point in used])
    powers = np.array([point.power_w for point in used])
    if model is Model.THREE_PARAMETER:
        return _three_parameters(used, times, powers)
    return _two_parameters(model, used, times, powers)


def _too_few(model: Model, points: Sequence[PowerPoint]) -> str:
    fewest = FEWEST_POINTS_OF_THREE if model is Model.THREE_PARAMETER else FEWEST_POINTS
    if len(points) < fewest:
        return f"needs the best power of at least {fewest} durations, has {len(points)}"
    if points[-1].duration_s < SHORTEST_SPREAD * points[0].duration_s:
        return (
            f"the longest duration ({points[-1].duration_s:g} s) must be at least {SHORTEST_SPREAD:g} times "
            f"the shortest ({points[0].duration_s:g} s)"
        )
    if any(point.power_w <= 0 for point in points):
        return "has durations without any power"
    return ""


def _two_parameters(
    model: Model, points: tuple[PowerPoint, ...], times: FloatArray, powers: FloatArray
) -> Fit | Refused:
    if model is Model.WORK_TIME:
        (w_prime, critical), errors = _line(times, powers * times)
        w_prime_error, critical_error = errors
    else:
        (critical, w_prime), errors = _line(1 / times, powers)
        critical_error, w_prime_error = errors
    if critical <= 0 or w_prime <= 0:
        return Refused(model, _NOT_FALLING, points)
    missed = powers - (critical + w_prime / times)
    return Fit(
        model,
        critical,
        w_prime,
        critical_error,
        w_prime_error,
        float(np.sqrt(np.mean(missed**2))),
        _r_squared(powers, missed),
        points,
    )


_NOT_FALLING = "power does not fall with duration as the model has it: these are hardly all best efforts"


def _line(xs: FloatArray, ys: FloatArray) -> tuple[tuple[float, float], tuple[float, float]]:
    """Intercept and slope of the least squares line, and their standard errors."""
    freedom = len(xs) - 2
    mean_x = xs.mean()
    squares = float(((xs - mean_x) ** 2).sum())
    slope = float(((xs - mean_x) * (ys - ys.mean())).sum()) / squares
    intercept = float(ys.mean() - slope * mean_x)
    variance = float(((ys - intercept - slope * xs) ** 2).sum()) / freedom
    return (intercept, slope), (
        float(np.sqrt(variance * (1 / len(xs) + mean_x**2 / squares))),
        float(np.sqrt(variance / squares)),
    )


def _r_squared(powers: FloatArray, missed: FloatArray) -> float:
    spread = float(((powers - powers.mean()) ** 2).sum())
    return 1 - float((missed**2).sum()) / spread if spread else 0.0


def _three_parameters(points: tuple[PowerPoint, ...], times: FloatArray, powers: FloatArray) -> Fit | Refused:
    """Least squares of power by Levenberg and Marquardt, in logarithms so that all parameters stay positive.

    The parameters are CP, W' and Pmax - CP.
    """
    start = _line(1 / times[times >= 60], powers[times >= 60]) if (times >= 60).sum() >= 3 else None
    critical, w_prime = start[0] if start else (0.8 * float(powers[-1]), 15_000.0)
    critical = min(max(critical, 0.3 * float(powers[-1])), float(powers[-1]))
    guess = np.log([critical, max(w_prime, 1000.0), max(float(powers[0]) - critical, 10.0) * 1.2])
    found = _marquardt(guess, times, powers)
    if found is None:
        return Refused(Model.THREE_PARAMETER, _NOT_FALLING, points)
    critical, w_prime, reserve = (float(each) for each in np.exp(found))
    missed = powers - _power(found, times)
    errors = _errors(found, times, missed)
    if errors is None or not np.isfinite(errors).all() or reserve > 10 * float(powers[0]):
        return Refused(
            Model.THREE_PARAMETER, "the points do not tell the three parameters from each other", points
        )
    return Fit(
        Model.THREE_PARAMETER,
        critical,
        w_prime,
        float(errors[0]),
        float(errors[1]),
        float(np.sqrt(np.mean(missed**2))),
        _r_squared(powers, missed),
        points,
        maximum_power_w=critical + reserve,
        maximum_power_error_w=float(errors[2]),
    )


def _power(logarithms: FloatArray, times: FloatArray) -> FloatArray:
    critical, w_prime, reserve = np.exp(logarithms)
    return np.asarray(critical + w_prime / (times + w_prime / reserve))


def _slopes(logarithms: FloatArray, times: FloatArray) -> FloatArray:
    """Derivatives of power by CP, W' and Pmax - CP; shape (times, 3)."""
    _, w_prime, reserve = np.exp(logarithms)
    lasting = times + w_prime / reserve
    return np.stack((np.ones(len(times)), times / lasting**2, (w_prime / (reserve * lasting)) ** 2), axis=1)


def _marquardt(logarithms: FloatArray, times: FloatArray, powers: FloatArray) -> FloatArray | None:
    damping = 1e-2
    missed = powers - _power(logarithms, times)
    for _ in range(_STEPS):
        slopes = _slopes(logarithms, times) * np.exp(logarithms)
        normal = slopes.T @ slopes
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), slopes.T @ missed)
        tried = logarithms + np.clip(step, -1, 1)
        left = powers - _power(tried, times)
        if (left**2).sum() <= (missed**2).sum():
            gained = float((missed**2).sum() - (left**2).sum())
            logarithms, missed, damping = tried, left, max(damping / 5, 1e-12)
            if gained <= 1e-12 * float((powers**2).sum()) and np.abs(step).max() < 1e-6:
                return logarithms
        else:
            damping *= 5
            if damping > 1e12:
                return logarithms
    return logarithms if np.isfinite(logarithms).all() else None


def _errors(logarithms: FloatArray, times: FloatArray, missed: FloatArray) -> FloatArray | None:
    """Standard errors of CP, W' and Pmax."""
    slopes = _slopes(logarithms, times)
    variance = float((missed**2).sum()) / (len(times) - 3)
    try:
        covariance = np.linalg.inv(slopes.T @ slopes) * variance
    except np.linalg.LinAlgError:
        return None
    diagonal = np.diag(covariance)
    of_maximum = diagonal[0] + diagonal[2] + 2 * covariance[0, 2]
    return np.sqrt(np.maximum([diagonal[0], diagonal[1], of_maximum], 0))
