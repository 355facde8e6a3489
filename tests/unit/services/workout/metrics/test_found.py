"""Laps, intervals and climbs that nobody pressed a button for."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from services.workout.metrics import climbs, detection, laps
from services.workout.metrics.results import Interval, Kind
from tests.unit.services.workout.metrics.builders import CYCLING, FEW, RUNNING, T0, constant, metrics, source


def found(kind: Kind, source_: object, sport: int = CYCLING) -> list[Interval]:
    whole = metrics(source_, sport=sport).whole  # type: ignore[arg-type]
    return [interval for interval in whole.intervals if interval.kind == kind]


def five_times_four_minutes(noise: float, seed: int = 8) -> np.ndarray:
    """Ten minutes easy, five times four minutes hard and three easy, ten minutes easy."""
    rng = np.random.default_rng(seed)
    watts = np.concatenate(
        (np.full(600, 150.0), np.tile(np.repeat([300.0, 140.0], [240, 180]), 5), np.full(600, 150.0))
    )
    return np.clip(watts + rng.normal(0, noise, len(watts)), 0, None)


@pytest.mark.parametrize("noise", [0.0, 15.0, 40.0])
def test_five_works_and_four_rests_are_found_to_the_second_or_so(noise: float) -> None:
    work = detection.work_intervals(five_times_four_minutes(noise), np.ones(3300, np.bool_))
    expected = [(600 + 420 * each, 840 + 420 * each) for each in range(5)]
    assert len(work) == 5
    assert np.abs(np.array(work) - np.array(expected)).max() <= 4
    assert len(detection.rests_between(work)) == 4


def test_works_have_their_numbers() -> None:
    watts = five_times_four_minutes(5)
    works = found(Kind.WORK, source(np.arange(len(watts)), power=watts, heart_rate=np.full(len(watts), 150)))
    assert [work.average_power_w for work in works] == pytest.approx([300] * 5, abs=3)
    assert works[0].average_heart_rate_bpm == 150
    assert works[0].start_ms == pytest.approx(T0 + 600_000, abs=4000)


def test_short_sprints_are_found() -> None:
    watts = np.tile(np.repeat([500.0, 130.0], [30, 240]), 8)
    assert len(detection.work_intervals(watts, np.ones(len(watts), np.bool_))) == 8


def test_a_steady_ride_has_no_intervals() -> None:
    rng = np.random.default_rng(5)
    steady = np.clip(200 + rng.normal(0, 30, 5400), 0, None)
    assert detection.work_intervals(steady, np.ones(5400, np.bool_)) == []
    assert detection.work_intervals(np.full(5400, 200.0), np.ones(5400, np.bool_)) == []
    assert detection.work_intervals(np.full(10, 200.0), np.ones(10, np.bool_)) == []


def test_intervals_of_a_run_are_found_in_its_speed() -> None:
    speed = np.tile(np.repeat([5.0, 2.5], [120, 90]), 6)
    run = source(np.arange(len(speed)), speed=speed, distance=np.cumsum(speed))
    assert len(found(Kind.WORK, run, RUNNING)) == 6


def test_a_ride_without_power_is_divided_by_its_heart() -> None:
    rate = np.tile(np.repeat([172.0, 120.0], [240, 240]), 4)
    assert (
        len(found(Kind.WORK, source(np.arange(len(rate)), heart_rate=rate, speed=np.full(len(rate), 8)))) == 4
    )


@FEW
@given(arrays.arrays(np.float64, st.integers(0, 400), elements=st.floats(0, 2000)), st.booleans())
def test_works_follow_each_other(effort: np.ndarray, recorded: bool) -> None:
    work = detection.work_intervals(effort, np.full(len(effort), recorded), separation=0.1)
    edges = [edge for each in work for edge in each]
    assert edges == sorted(edges)
    assert all(0 <= first < stop <= len(effort) for first, stop in work)


def test_a_run_is_cut_at_each_kilometre() -> None:
    seconds = np.arange(1101)
    run = source(seconds, speed=np.full(1101, 3.0), distance=seconds * 3.0)
    found_laps = found(Kind.AUTO_LAP, run, RUNNING)
    assert [lap.distance_m for lap in found_laps] == pytest.approx([1002, 999, 999, 300], abs=3)
    assert found_laps[0].end_ms - found_laps[0].start_ms == 334_000


def test_without_a_distance_laps_are_ten_minutes() -> None:
    found_laps = found(Kind.AUTO_LAP, constant(1500, heart_rate=120))
    assert [(lap.end_ms - lap.start_ms) / 1000 for lap in found_laps] == [600, 600, 300]


def test_laps_of_a_millimetre_are_none() -> None:
    assert laps.by_distance(np.arange(5000.0), 0.001) == []
    assert laps.by_distance(np.arange(5000.0), 0) == []


@FEW
@given(st.lists(st.floats(0, 30), min_size=1, max_size=300), st.floats(1, 500))
def test_laps_are_the_whole_way(speeds: list[float], metres: float) -> None:
    odometer = np.concatenate(([0.0], np.cumsum(speeds)))
    cut = laps.by_distance(odometer, metres)
    if odometer[-1] / metres <= laps.MOST:
        assert cut[0][0] == 0
        assert cut[-1][1] == len(speeds)
        assert all(before[1] == after[0] for before, after in itertools.pairwise(cut))


def climb_and_descent() -> tuple[np.ndarray, np.ndarray]:
    """3 km flat, 4 km at 6 % with a dip of 5 m, 4 km down, 2 km flat; 8 m/s."""
    way = np.arange(0, 13_000, 8.0)
    height = np.interp(way, [0, 3000, 5000, 5200, 7000, 11_000, 13_000], [300, 300, 420, 415, 540, 300, 300])
    return height, np.append(way, way[-1] + 8)


def test_a_climb_is_found_from_foot_to_top_over_its_dip() -> None:
    (climb,) = climbs.climbs(*climb_and_descent())
    assert climb.length_m == pytest.approx(4000, abs=60)
    assert climb.gain_m == pytest.approx(240, abs=3)
    assert climb.grade_percent == pytest.approx(6, abs=0.1)
    assert climb.category == 2  # 24,000: the third
    assert climb.first == pytest.approx(375, abs=4)


def test_rolling_and_flat_roads_have_no_climb() -> None:
    way = np.arange(0, 20_001, 8.0)
    assert climbs.climbs(300 + 8 * np.sin(way[:-1] / 400), way) == []
    assert climbs.climbs(np.full(len(way) - 1, 300.0), way) == []
    assert climbs.climbs(np.full(5, np.nan), np.arange(6.0)) == []


def test_noise_does_not_cut_a_climb() -> None:
    height, way = climb_and_descent()
    noisy = height + np.random.default_rng(6).normal(0, 1, len(height))
    assert len(climbs.climbs(noisy, way)) == 1


def test_a_climb_of_a_ride_is_told() -> None:
    height, way = climb_and_descent()
    ride = source(np.arange(len(height)), altitude=height, distance=way[:-1], power=np.full(len(height), 200))
    (climb,) = found(Kind.CLIMB, ride)
    assert climb.elevation_gain_m == pytest.approx(240, abs=3)
    assert climb.average_power_w == 200
