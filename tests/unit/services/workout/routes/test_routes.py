"""Whether two tracks are the same way, whatever receivers, stops and laps do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workout.routes.cells import cells_of_model, probes
from services.workout.routes.course import (
    Course,
    CourseCorrupted,
    course_of,
    decode_course,
    decode_times,
    encode_course,
    encode_times,
)
from services.workout.routes.likeness import compare
from services.workout.routes.matching import match
from services.workout.routes.positions import GpsTrack, cleaned
from services.workout.routes.progress import passage, progress
from tests.fixtures.gps import START_MS, covered, loop, track

ROAD = loop(5, 4000)
MODEL = course_of(track(ROAD, covered(0, 4000, 3.0), noise_m=4, seed=99))[0]


def same(model: Course, other: GpsTrack) -> bool:
    found = compare(model, course_of(other)[0])
    return found is not None and found.same


@settings(max_examples=25, deadline=None)
@given(
    speed=st.floats(1.2, 9.0),
    noise=st.floats(0.0, 10.0),
    seed=st.integers(0, 2**16),
    late_m=st.floats(0, 40),
    stop_at=st.floats(200, 3500),
    stop=st.integers(0, 600),
)
def test_noise_speed_and_stops_do_not_change_the_route(
    *, speed: float, noise: float, seed: int, late_m: float, stop_at: float, stop: int
) -> None:
    distance = covered(late_m, 4000 - late_m, speed, stops=[(stop_at, stop)])
    other = track(ROAD, distance, noise_m=noise, seed=seed)
    assert same(MODEL, other)
    course = course_of(other)[0]
    looked_up = probes(course)
    assert len(set(looked_up) & set(cells_of_model(MODEL))) >= 0.75 * len(looked_up)


@settings(max_examples=15, deadline=None)
@given(speed=st.floats(1.2, 9.0), noise=st.floats(0.0, 10.0), seed=st.integers(0, 2**16))
def test_the_opposite_direction_is_never_the_same_route(speed: float, noise: float, seed: int) -> None:
    assert not same(MODEL, track(ROAD, covered(0, 4000, speed)[::-1], noise_m=noise, seed=seed))


@pytest.mark.parametrize(("laps", "expected"), [(2, False), (3, True), (4, False)])
def test_another_number_of_laps_is_another_route(laps: int, expected: bool) -> None:
    road = loop(3, 1200)
    model = course_of(track(road, covered(0, 3 * 1200, 4.0), noise_m=3))[0]
    assert same(model, track(road, covered(0, laps * 1200, 5.0), noise_m=5, seed=7)) is expected


def test_a_short_detour_is_forgiven_and_a_long_one_is_not() -> None:
    distance = covered(0, 4000, 4.0)
    straight = track(ROAD, distance)

    def with_detour(metres: float) -> GpsTrack:
        half = len(distance) // 2
        out = np.arange(0, metres, 4.0) / 111_195
        away = np.concatenate((out, out[::-1]))
        latitude = np.concatenate(
            (straight.latitude_deg[:half], straight.latitude_deg[half] + away, straight.latitude_deg[half:])
        )
        longitude = np.concatenate(
            (
                straight.longitude_deg[:half],
                np.full(len(away), straight.longitude_deg[half]),
                straight.longitude_deg[half:],
            )
        )
        made = cleaned(START_MS + np.arange(len(latitude)) * 1000, latitude, longitude)
        assert made is not None
        return made

    assert same(MODEL, with_detour(80))
    assert not same(MODEL, with_detour(400))


def test_the_time_on_a_route_does_not_depend_on_where_the_device_was_started() -> None:
    def elapsed_s(start_m: float) -> float:
        other = track(ROAD, covered(start_m, 4000 - start_m, 4.0), noise_m=3, seed=3)
        course, rows = course_of(other)
        found = match(MODEL.metres, course.on(MODEL.plane))
        passed = passage(progress(found, other.times_ms[rows]), MODEL.length_m)
        assert passed is not None
        return passed.elapsed_s

    assert elapsed_s(0) == pytest.approx(3900 / 4, rel=0.02)
    assert elapsed_s(30) == pytest.approx(elapsed_s(0), abs=5)


def test_places_along_the_model_never_fall_and_follow_the_distance() -> None:
    other = track(ROAD, covered(0, 4000, 4.0), noise_m=8, seed=1)
    found = match(MODEL.metres, course_of(other)[0].on(MODEL.plane))
    assert np.all(np.diff(found.places_m) >= 0)
    assert found.model_share > 0.95
    assert found.track_share > 0.95


def test_a_receiver_that_knows_nothing_and_one_that_leaps_are_cleaned() -> None:
    latitude = np.array([0.0, 46.0, 46.0001, 47.0, 46.0002, 46.0003])
    longitude = np.array([0.0, 7.0, 7.0, 7.0, 7.0, 7.0])
    made = cleaned(START_MS + np.arange(6) * 1000, latitude, longitude)
    assert made is not None
    assert made.latitude_deg.tolist() == [46.0, 46.0001, 46.0002, 46.0003]


def test_a_workout_in_one_place_has_no_course_to_speak_of() -> None:
    still = track(ROAD, np.full(600, 100.0), noise_m=4)
    course, _ = course_of(still)
    assert course.length_m < 60


def test_a_course_is_stored_to_a_micro_degree_and_its_times_to_a_millisecond() -> None:
    other = track(ROAD, covered(0, 4000, 3.3), noise_m=4)
    course, rows = course_of(other)
    stored = encode_course(course)
    assert len(stored) < 6 * len(course)
    again = decode_course(stored)
    assert np.abs(again.latitude_deg - course.latitude_deg).max() <= 5.1e-7
    assert np.abs(again.longitude_deg - course.longitude_deg).max() <= 5.1e-7
    times = other.times_ms[rows]
    assert decode_times(encode_times(times, START_MS - 5), START_MS - 5).tolist() == times.tolist()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=64))
def test_bytes_that_are_no_course_are_refused(payload: bytes) -> None:
    with pytest.raises(CourseCorrupted):
        decode_course(payload)


def test_routes_across_the_180th_meridian_are_matched() -> None:
    distance = covered(0, 4000, 4.0)
    base = track(ROAD, distance)
    shifted = np.mod(base.longitude_deg + (180 - base.longitude_deg.mean()) + 180, 360) - 180
    made = cleaned(base.times_ms, base.latitude_deg, shifted)
    assert made is not None
    course, _ = course_of(made)
    assert course.length_m == pytest.approx(4000, rel=0.02)
    assert same(course, made)
