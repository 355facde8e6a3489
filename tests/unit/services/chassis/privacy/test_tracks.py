"""Circles cut out of tracks."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from services.chassis.privacy import Circle
from services.chassis.privacy.tracks import SEAM_MS, distance_m, joined_counter, visible_stretches

HOME = Circle(52.5, 13.4, 400.0)
METRE = 1 / 111_194.93


def north(metres: list[float]) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    return 52.5 + np.array(metres) * METRE, np.full(len(metres), 13.4)


def cut(metres: list[float], times: list[int], span: tuple[int, int] | None = None):  # type: ignore[no-untyped-def]
    whole = span or (times[0], times[-1])
    return visible_stretches((HOME,), whole, np.array(times, np.int64), *north(metres))


def test_a_start_at_home_is_not_seen() -> None:
    seen = cut([0, 300, 500, 700], [0, 1000, 2000, 3000])
    assert (seen.starts_ms.tolist(), seen.ends_ms.tolist()) == ([2000], [3000])


def test_a_pass_in_the_middle_takes_no_time_for_others() -> None:
    seen = cut([900, 500, 0, 0, 0, 500, 900], [0, 1000, 2000, 60_000, 62_000, 63_000, 64_000])
    assert len(seen) == 2
    assert seen.moved(np.array([1000, 63_000, 64_000], np.int64)).tolist() == [
        1000,
        1000 + SEAM_MS,
        2000 + SEAM_MS,
    ]


def test_a_workout_all_within_a_circle_is_not_seen_at_all() -> None:
    assert len(cut([0, 10, 20], [0, 1000, 2000])) == 0


def test_nothing_is_cut_without_circles_or_positions() -> None:
    empty = np.empty(0, np.int64)
    assert visible_stretches((), (0, 1), np.array([0]), *north([0])) is None
    assert visible_stretches((HOME,), (0, 1), empty, empty.astype(float), empty.astype(float)) is None


def test_a_silence_in_which_home_could_be_reached_is_hidden() -> None:
    seen = cut([800, 800], [0, 120_000])
    assert len(seen) == 2
    assert seen.of(np.array([60_000], np.int64)).tolist() == [-1]


def test_a_silence_too_short_to_come_home_is_seen() -> None:
    assert len(cut([50_000, 50_100], [0, 20_000])) == 1


def test_what_was_measured_before_the_first_position_near_home_is_hidden() -> None:
    seen = cut([500, 600], [60_000, 61_000], span=(0, 61_000))
    assert seen.of(np.array([0, 30_000, 60_000], np.int64)).tolist() == [-1, -1, 0]


def test_what_was_measured_before_the_first_position_far_from_home_is_seen() -> None:
    seen = cut([90_000, 90_010], [60_000, 61_000], span=(0, 61_000))
    assert seen.of(np.array([0, 30_000, 60_000], np.int64)).tolist() == [0, 0, 0]


def test_of_two_receivers_at_one_time_the_nearer_to_home_counts() -> None:
    seen = cut([900, 100, 900], [0, 0, 1000])
    assert seen.of(np.array([0, 1000], np.int64)).tolist() == [-1, 0]


def test_the_circle_is_round_across_the_date_line() -> None:
    circle = Circle(0.0, 179.9999, 400.0)
    assert distance_m(circle, np.array([0.0]), np.array([-179.9999]))[0] < 23


def test_a_counter_begins_at_zero_and_skips_what_is_hidden() -> None:
    values = np.array([100, 110, 500, 520], np.int32)
    assert joined_counter(values, np.array([0, 0, 1, 1])).tolist() == [0, 10, 10, 30]


@given(
    st.lists(st.floats(-2000, 2000), min_size=1, max_size=40),
    st.lists(st.integers(1, 40_000), min_size=40, max_size=40),
)
@settings(max_examples=200, deadline=None)
def test_no_position_within_a_circle_is_ever_in_a_visible_stretch(
    metres: list[float], steps: list[int]
) -> None:
    times = np.cumsum(np.array(steps[: len(metres)], np.int64))
    latitude, longitude = north(metres)
    seen = visible_stretches((HOME,), (int(times[0]), int(times[-1])), times, latitude, longitude)
    assert seen is not None
    inside = distance_m(HOME, latitude, longitude) <= HOME.radius_m
    assert (seen.of(times)[inside] == -1).all()
    assert (seen.of(times)[~inside] >= 0).all()
    moved = seen.moved(times[~inside])
    assert (np.diff(moved) > 0).all()
