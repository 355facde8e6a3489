"""The power-duration curve, critical power and W'."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workout.athletes.power_duration import best_of
from services.workout.athletes.power_models import (
    THREE_PARAMETER_S,
    TWO_PARAMETER_S,
    Fit,
    Model,
    PowerPoint,
    Refused,
    fit,
    fit_all,
)

QUICK = settings(deadline=None, max_examples=30)

CRITICAL = st.floats(150, 400)
W_PRIME = st.floats(8_000, 30_000)


def points_of(critical: float, w_prime: float, reserve: float | None = None) -> list[PowerPoint]:
    delay = 0.0 if reserve is None else w_prime / reserve
    durations = TWO_PARAMETER_S if reserve is None else THREE_PARAMETER_S
    return [PowerPoint(each, critical + w_prime / (each + delay)) for each in durations]


@QUICK
@given(critical=CRITICAL, w_prime=W_PRIME, model=st.sampled_from((Model.WORK_TIME, Model.INVERSE_TIME)))
def test_two_parameters_are_found_again_without_error(critical: float, w_prime: float, model: Model) -> None:
    found = fit(model, points_of(critical, w_prime))
    assert isinstance(found, Fit)
    assert found.critical_power_w == pytest.approx(critical, rel=1e-6)
    assert found.w_prime_j == pytest.approx(w_prime, rel=1e-5)
    assert found.critical_power_error_w == pytest.approx(0, abs=1e-3)
    assert found.r_squared == pytest.approx(1)


@QUICK
@given(critical=CRITICAL, w_prime=W_PRIME, reserve=st.floats(300, 1200))
def test_three_parameters_are_found_again(critical: float, w_prime: float, reserve: float) -> None:
    found = fit(Model.THREE_PARAMETER, points_of(critical, w_prime, reserve))
    assert isinstance(found, Fit)
    assert found.critical_power_w == pytest.approx(critical, rel=1e-3)
    assert found.w_prime_j == pytest.approx(w_prime, rel=1e-2)
    assert found.maximum_power_w == pytest.approx(critical + reserve, rel=1e-2)


def test_the_line_and_its_errors_worked_by_hand() -> None:
    # W(120) = 48 kJ, W(300) = 99 kJ, W(720) = 216 kJ: slope 280.26 W, intercept 14.50 kJ. Residuals
    # -132, 421, -290 J with one degree of freedom: s = 528 J, sum of squares of t = 189,600.
    points = [PowerPoint(120, 400.0), PowerPoint(300, 330.0), PowerPoint(720, 300.0)]
    times, work = np.array([120.0, 300, 720]), np.array([48_000.0, 99_000, 216_000])
    design = np.stack((np.ones(3), times), axis=1)
    solved, residual, _, _ = np.linalg.lstsq(design, work, rcond=None)
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design)) * residual[0])
    found = fit(Model.WORK_TIME, points)
    assert isinstance(found, Fit)
    assert (found.w_prime_j, found.critical_power_w) == pytest.approx(tuple(solved))
    assert (found.w_prime_error_j, found.critical_power_error_w) == pytest.approx(tuple(errors))
    assert found.points == tuple(points)


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([], "at least 3"),
        ([PowerPoint(120, 300.0), PowerPoint(1200, 250.0)], "at least 3"),
        ([PowerPoint(each, 300.0 - each / 10) for each in (120, 180, 240)], "times"),
        ([PowerPoint(120, 0.0), PowerPoint(300, 0.0), PowerPoint(600, 0.0)], "without any power"),
        ([PowerPoint(120, 200.0), PowerPoint(300, 250.0), PowerPoint(600, 300.0)], "hardly"),
    ],
)
def test_points_that_do_not_bear_a_model_are_refused_with_the_reason(
    points: list[PowerPoint], reason: str
) -> None:
    found = fit(Model.WORK_TIME, points)
    assert isinstance(found, Refused)
    assert reason in found.reason


@QUICK
@given(st.lists(st.tuples(st.sampled_from(THREE_PARAMETER_S), st.floats(0, 2000)), max_size=20))
def test_any_points_are_fitted_or_refused(told: list[tuple[int, float]]) -> None:
    for found in fit_all([PowerPoint(each, power) for each, power in dict(told).items()]):
        if isinstance(found, Fit):
            assert np.isfinite([found.critical_power_w, found.w_prime_j, found.critical_power_error_w]).all()


CURVES = st.lists(
    st.dictionaries(st.integers(1, 12), st.floats(0, 1000, width=32), min_size=1, max_size=8), max_size=5
)


@QUICK
@given(curves=CURVES)
def test_the_best_curve_holds_the_best_of_each_duration_or_longer(curves: list[dict[int, float]]) -> None:
    packed = [
        (
            np.array(sorted(curve), np.uint32),
            np.array([curve[each] for each in sorted(curve)], np.float32),
        )
        for curve in curves
    ]
    best = best_of(packed)
    assert best.durations_s.tolist() == sorted({each for curve in curves for each in curve})
    for duration, value, owner in zip(
        best.durations_s.tolist(), best.values.tolist(), best.owners.tolist(), strict=True
    ):
        longer = [each for curve in curves for at, each in curve.items() if at >= duration]
        assert value == max(longer)
        assert value in curves[owner].values()
