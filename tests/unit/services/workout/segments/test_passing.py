"""Efforts on segments, whatever receivers do: once each, in one direction, from gate to gate."""

from __future__ import annotations

from dataclasses import astuple
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workout.codec import SampleColumn, SampleColumns
from services.workout.routes.course import Course, course_of
from services.workout.routes.positions import GpsTrack
from services.workout.segments.efforts import KnownSegment, efforts_of_sources
from services.workout.segments.making import _course
from services.workout.segments.passing import comes_near, find_passes
from tests.fixtures.gps import START_MS, covered, loop, track

ROAD = loop(5, 6000)
FIRST_M, LAST_M = 1500.0, 3500.0
LENGTH_M = LAST_M - FIRST_M
BASE = track(ROAD, covered(0, 6000, 4.0))


def segment(base: GpsTrack, first_m: float, last_m: float) -> Course:
    return _course(base, first_m, last_m)


SEGMENT = segment(BASE, FIRST_M, LAST_M)


def test_the_workout_that_a_segment_was_made_from_has_one_effort_on_it() -> None:
    (only,) = find_passes(SEGMENT, BASE)
    assert only.elapsed_s == pytest.approx(LENGTH_M / 4, abs=1)
    assert only.distance_m == pytest.approx(LENGTH_M, rel=0.01)


@settings(max_examples=30, deadline=None)
@given(
    speed=st.floats(1.2, 12.0),
    step=st.sampled_from([0.5, 1.0, 2.0, 5.0]),
    noise=st.floats(0.0, 5.0),
    seed=st.integers(0, 2**16),
    begins_m=st.floats(0, 1200),
    shift_ms=st.integers(0, 10**9),
)
def test_resampled_shifted_and_noisy_tracks_match_once_in_nearly_the_same_time(
    *, speed: float, step: float, noise: float, seed: int, begins_m: float, shift_ms: int
) -> None:
    distance = covered(begins_m, 5800 - begins_m, speed, step_s=step)
    other = track(ROAD, distance, step_s=step, noise_m=noise, seed=seed, start_ms=START_MS + shift_ms)
    assert comes_near(SEGMENT, course_of(other)[0])
    (only,) = find_passes(SEGMENT, other)
    # Both gates are passed to within the receiver's error and a fraction of a step.
    assert only.elapsed_s == pytest.approx(LENGTH_M / speed, abs=2 * (noise / speed) + step + 1)


@settings(max_examples=15, deadline=None)
@given(speed=st.floats(1.2, 12.0), noise=st.floats(0.0, 5.0), seed=st.integers(0, 2**16))
def test_the_opposite_direction_never_matches(speed: float, noise: float, seed: int) -> None:
    other = track(ROAD, covered(0, 6000, speed)[::-1], noise_m=noise, seed=seed)
    assert find_passes(SEGMENT, other) == []


@settings(max_examples=30, deadline=None)
@given(
    first_share=st.floats(0.0, 1.0),
    missing=st.floats(0.05, 0.9),
    noise=st.floats(0.0, 5.0),
    seed=st.integers(0, 2**16),
)
def test_a_part_of_a_segment_never_matches(
    first_share: float, missing: float, noise: float, seed: int
) -> None:
    length = LENGTH_M * (1 - missing)
    begins = FIRST_M + first_share * (LENGTH_M - length)
    # Beginning before the first gate is fine, as long as the last is not reached.
    before = 300.0 if begins == FIRST_M else 0.0
    other = track(ROAD, covered(begins - before, length + before, 4.0), noise_m=noise, seed=seed)
    assert find_passes(SEGMENT, other) == []


@settings(max_examples=20, deadline=None)
@given(cut_m=st.one_of(st.floats(100, 1300), st.floats(3700, 5800)), seed=st.integers(0, 2**16))
def test_splitting_the_workout_away_from_the_segment_changes_nothing(cut_m: float, seed: int) -> None:
    whole = track(ROAD, covered(0, 6000, 4.0), noise_m=5, seed=seed)
    cut_ms = int(whole.times_ms[int(cut_m / 4)])
    parts = [whole.between(0, cut_ms), whole.between(cut_ms + 1, 2**60)]
    found = [each for part in parts for each in find_passes(SEGMENT, part)]
    (only,), (expected,) = found, find_passes(SEGMENT, whole)
    assert astuple(only) == pytest.approx(astuple(expected), rel=1e-12)


def test_every_lap_is_an_effort_of_its_own() -> None:
    road = loop(2, 1000)
    base = track(road, covered(0, 5000, 4.0), noise_m=2)
    found = find_passes(segment(base, 200, 700), base)
    assert [round(each.elapsed_s) for each in found] == [pytest.approx(125, abs=3)] * 5
    assert all(one.end_ms < other.start_ms for one, other in pairwise(found))


def test_a_segment_of_two_laps_is_passed_only_by_two_laps() -> None:
    road = loop(2, 1000)
    base = track(road, covered(0, 3500, 4.0))
    two_laps = segment(base, 100, 2090)
    assert len(find_passes(two_laps, base)) == 1
    assert find_passes(two_laps, track(road, covered(0, 1800, 4.0))) == []
    assert len(find_passes(two_laps, track(road, covered(0, 4500, 4.0)))) == 2


def test_a_whole_lap_from_gate_to_gate_is_passed_lap_after_lap() -> None:
    road = loop(2, 1000)
    base = track(road, covered(0, 3500, 4.0))
    lap = segment(base, 100, 1100)
    assert [round(each.elapsed_s) for each in find_passes(lap, base)] == [pytest.approx(250, abs=2)] * 3


def test_a_stop_on_the_way_counts_and_a_stop_before_the_gate_does_not() -> None:
    on_the_way = track(ROAD, covered(0, 6000, 4.0, stops=[(2500, 120)]), noise_m=3)
    before = track(ROAD, covered(0, 6000, 4.0, stops=[(1400, 120)]), noise_m=3)
    assert find_passes(SEGMENT, on_the_way)[0].elapsed_s == pytest.approx(LENGTH_M / 4 + 120, abs=4)
    assert find_passes(SEGMENT, before)[0].elapsed_s == pytest.approx(LENGTH_M / 4, abs=4)


def test_a_parallel_road_is_another_road() -> None:
    aside = GpsTrack(BASE.times_ms, BASE.latitude_deg + 60 / 111_195, BASE.longitude_deg)
    assert find_passes(SEGMENT, aside) == []


def test_a_short_cut_is_no_effort() -> None:
    distance = covered(0, 6000, 4.0)
    outside = distance[(distance < 2000) | (distance > 3000)]
    assert find_passes(SEGMENT, track(ROAD, outside)) == []


def test_a_receiver_that_is_lost_for_a_moment_is_forgiven() -> None:
    lost = BASE.latitude_deg.copy()
    lost[600:612] += 45 / 111_195
    other = GpsTrack(BASE.times_ms, lost, BASE.longitude_deg)
    assert len(find_passes(SEGMENT, other)) == 1


def test_efforts_carry_the_means_of_their_own_stretch() -> None:
    scale = 2**31 / 180
    power = np.where(np.arange(len(BASE)) * 4.0 < 2500, 100, 300).astype(np.int32)
    columns = {
        1: SampleColumn(np.rint(BASE.latitude_deg * scale).astype(np.int32)),
        2: SampleColumn(np.rint(BASE.longitude_deg * scale).astype(np.int32)),
        8: SampleColumn(power),
    }
    known = KnownSegment(7, 1, SEGMENT)
    (effort,) = efforts_of_sources([SampleColumns(BASE.times_ms, columns)], [known])
    assert (effort.segment_pk, effort.ordinal) == (7, 1)
    assert effort.average_power_w == pytest.approx(200, abs=3)
    assert effort.average_heart_rate_bpm is None
