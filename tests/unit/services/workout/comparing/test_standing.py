"""Ranks, percentiles, windows and trends against hand-worked values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.workout.comparing.standing import RankedEffort, standing, standings
from services.workout.comparing.trend import trend

DAY_MS = 86_400_000
NEW_YEAR_2026_MS = 1_767_225_600_000


def effort(key: int, value: float, day: int = 0) -> RankedEffort:
    return RankedEffort(key, f"workout {key}", NEW_YEAR_2026_MS + day * DAY_MS, value)


def test_the_lowest_time_is_first_and_beats_all_others() -> None:
    efforts = [effort(1, 300), effort(2, 310), effort(3, 290)]
    found = standing("all", efforts, efforts[2], lower_is_better=True)
    assert (found.rank, found.efforts, found.percentile) == (1, 3, 100)
    assert found.best.workout_id == "workout 3"
    assert found.median_value == 300


def test_the_highest_power_is_first() -> None:
    efforts = [effort(1, 250), effort(2, 300), effort(3, 275)]
    found = standing("all", efforts, efforts[2], lower_is_better=False)
    assert (found.rank, found.percentile, found.best.value) == (2, 50, 300)


def test_equal_efforts_share_a_rank_and_count_half() -> None:
    efforts = [effort(1, 300), effort(2, 300), effort(3, 310)]
    found = standing("all", efforts, efforts[1], lower_is_better=True)
    assert (found.rank, found.percentile) == (1, 75)
    assert found.best.workout_id == "workout 2"


def test_a_lone_effort_has_no_percentile() -> None:
    found = standing("all", [effort(1, 300)], effort(1, 300), lower_is_better=True)
    assert (found.rank, found.efforts, found.percentile) == (1, 1, None)


def test_windows_are_the_calendar_year_and_the_days_up_to_the_workout() -> None:
    mine = effort(5, 300, day=60)
    efforts = [effort(1, 280, -1), effort(2, 290, 0), effort(3, 310, 30), mine, effort(4, 250, 61)]
    found = {each.window: each for each in standings(efforts, mine, lower_is_better=True)}
    assert {window: each.efforts for window, each in found.items()} == {
        "all": 5,
        "2026": 4,
        "90d": 4,
        "42d": 2,
    }
    assert {window: each.rank for window, each in found.items()} == {
        "all": 4,
        "2026": 3,
        "90d": 3,
        "42d": 1,
    }


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=40), st.booleans())
def test_ranks_count_who_is_better_whatever_the_order(values: list[float], lower: bool) -> None:
    efforts = [effort(key, value) for key, value in enumerate(values)]
    for mine in efforts:
        found = standing("all", efforts[::-1], mine, lower_is_better=lower)
        better = sum(value < mine.value if lower else value > mine.value for value in values)
        assert found.rank == better + 1


def days(*moments: float) -> np.ndarray:
    return (np.array(moments) * DAY_MS).astype(np.int64)


def test_a_straight_line_is_found_and_one_bad_day_does_not_bend_it() -> None:
    line = trend(days(0, 10, 20, 30, 40, 50), np.array([600, 598, 596, 700, 592, 590.0]))
    assert line is not None
    assert line.per_30_days == pytest.approx(-6)
    assert line.tau < 0


def test_kendalls_score_of_a_worked_example() -> None:
    # Values 1 3 2 4 5: nine pairs rise, one falls. S = 8, tau = 0.8, variance = 5·4·15/18, z = 7/√(16.667).
    line = trend(days(0, 1, 2, 3, 4), np.array([1, 3, 2, 4, 5.0]))
    assert line is not None
    assert line.tau == pytest.approx(0.8)
    assert line.p_value == pytest.approx(0.0864, abs=1e-3)


def test_equal_times_are_no_trend() -> None:
    line = trend(days(0, 1, 2, 3), np.full(4, 600.0))
    assert line is not None
    assert (line.per_30_days, line.tau, line.p_value) == (0, 0, 1)


def test_three_workouts_are_no_trend() -> None:
    assert trend(days(0, 1, 2), np.array([3, 2, 1.0])) is None
