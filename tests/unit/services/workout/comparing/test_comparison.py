"""Workouts on one axis, and what is said of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pulsemesh.type.v1 import channel_pb2
from services.workout.codec import SampleColumn, SampleColumns
from services.workout.comparing.alignment import Axis, NotAlignable
from services.workout.comparing.comparison import compare
from services.workout.comparing.workout import ComparableWorkout
from tests.fixtures.gps import START_MS, covered, loop, positions

ROAD = loop(5, 5000)
CYCLING = 2
DISTANCE = int(channel_pb2.CHANNEL_DISTANCE)
HEART_RATE = int(channel_pb2.CHANNEL_HEART_RATE)
POWER = int(channel_pb2.CHANNEL_POWER)
SCALE = 2**31 / 180


def workout(
    speed: float,
    *,
    gps: bool = True,
    start_ms: int = START_MS,
    noise: float = 0.0,
    length_m: float = 5000.0,
    stops: Any = (),
    **constant: int,
) -> ComparableWorkout:
    """A ride at one speed; `constant` are channels by name with one value in steps."""
    distance = covered(0, length_m, speed, stops=stops)
    columns = {DISTANCE: np.rint(distance * 100)}
    if gps:
        latitude, longitude = positions(ROAD, distance, noise_m=noise, seed=int(speed * 100))
        columns[1], columns[2] = np.rint(latitude * SCALE), np.rint(longitude * SCALE)
    for name, value in constant.items():
        channel = int(channel_pb2.Channel.Value(f"CHANNEL_{name.upper()}"))
        columns[channel] = np.full(len(distance), value)
    times = start_ms + np.arange(len(distance), dtype=np.int64) * 1000
    samples = {channel: SampleColumn(values.astype(np.int32)) for channel, values in columns.items()}
    return ComparableWorkout.of(CYCLING, start_ms, start_ms, [SampleColumns(times, samples)])


def measures(*workouts: ComparableWorkout, axis: Axis | None = None) -> dict[str, str]:
    return {change.measure: change.text for change in compare(workouts, axis).changes}


def test_a_workout_beside_itself_differs_in_nothing() -> None:
    ride = workout(8.0, noise=3, heart_rate=150, power=200)
    for axis in Axis:
        made = compare([ride, ride], axis)
        assert made.changes == ()
        gap = made.workouts[1].gap_m if axis is Axis.TIME else made.workouts[1].gap_s
        assert gap is not None
        assert np.nanmax(np.abs(gap)) < 0.5


def test_only_noise_between_two_rides_is_not_worth_a_word() -> None:
    first = workout(8.0, noise=5, heart_rate=150, power=200)
    second = workout(8.001, noise=5, heart_rate=151, power=202)
    assert measures(first, second) == {}


def test_the_gap_grows_evenly_where_one_is_faster_all_the_way() -> None:
    made = compare([workout(8.0, noise=2), workout(10.0, noise=2)])
    assert made.axis_kind is Axis.ROUTE
    gap = made.workouts[1].gap_s
    assert gap is not None
    known = ~np.isnan(gap)
    expected = made.axis[known] / 10 - made.axis[known] / 8
    assert np.abs(gap[known] - expected).max() < 4


def test_distances_are_reached_when_they_are_first_reached() -> None:
    made = compare([workout(8.0, gps=False), workout(8.0, gps=False, stops=[(2500, 100)])])
    assert made.axis_kind is Axis.DISTANCE
    gap = made.workouts[1].gap_s
    assert gap is not None
    assert gap[np.searchsorted(made.axis, 2400)] == pytest.approx(0, abs=1)
    assert gap[np.searchsorted(made.axis, 2600)] == pytest.approx(100, abs=1)


def test_time_lost_standing_is_said_with_the_place() -> None:
    said = measures(workout(8.0), workout(8.0, stops=[(2500, 100)]))
    assert said["elapsed"].startswith("1:40 slower over the common 5.0 km")
    assert said["stopped"].startswith("Stood still for 1:3")
    assert said["where_lost"] == "Most time was lost between 2.0 km and 3.0 km: 1:40."


def test_a_lead_that_is_lost_again_is_said() -> None:
    first = workout(8.0)
    second = workout(10.0, stops=[(4000, 200)])
    said = measures(first, second)
    assert said["turned"].startswith("Half way")
    assert "ahead, at the end" in said["turned"]


def test_heart_rate_and_power_are_said_beyond_what_sensors_resolve() -> None:
    said = measures(workout(8.0, heart_rate=150, power=200), workout(8.0, heart_rate=143, power=212))
    assert said["heart_rate"] == "Average heart rate 7 bpm lower (143 bpm against 150 bpm)."
    assert said["power"] == "Average power 12 W higher (212 W against 200 W)."
    assert said["power_per_beat"].startswith("11% more power for the same heart rate")


def test_changes_are_ordered_by_how_far_they_exceed_their_resolution() -> None:
    made = compare([workout(8.0, heart_rate=150), workout(9.0, heart_rate=147)])
    effects = [change.effect for change in made.changes]
    assert effects == sorted(effects, reverse=True)
    assert min(effects) >= 1


def test_in_the_same_time_one_comes_farther() -> None:
    said = measures(workout(8.0, gps=False), workout(9.0, gps=False), axis=Axis.TIME)
    assert "farther in the common" in said["distance"]
    assert "elapsed" not in said


def test_splits_are_kilometres_with_both_times() -> None:
    made = compare([workout(8.0), workout(10.0)])
    assert [split.end for split in made.splits[:4]] == [1000, 2000, 3000, 4000]
    first, second = made.splits[1].workouts
    assert first is not None
    assert second is not None
    assert first.elapsed_s == pytest.approx(125, abs=2)
    assert second.elapsed_s == pytest.approx(100, abs=2)


def test_the_other_way_round_is_no_common_route() -> None:
    forth = workout(8.0)
    distance = covered(0, 5000, 8.0)
    latitude, longitude = positions(ROAD, distance[::-1])
    columns = {
        1: SampleColumn(np.rint(latitude * SCALE).astype(np.int32)),
        2: SampleColumn(np.rint(longitude * SCALE).astype(np.int32)),
    }
    times = START_MS + np.arange(len(distance), dtype=np.int64) * 1000
    back = ComparableWorkout.of(CYCLING, START_MS, START_MS, [SampleColumns(times, columns)])
    assert compare([forth, back]).axis_kind is Axis.DISTANCE
    by_route = compare([forth, back], Axis.ROUTE)
    assert by_route.workouts[1].coverage < 0.1


def test_what_a_workout_lacks_for_an_axis_is_named() -> None:
    with pytest.raises(NotAlignable) as refused:
        compare([workout(8.0), workout(8.0, gps=False)], Axis.ROUTE)
    assert (refused.value.index, refused.value.lacks) == (1, "positions")


def test_workouts_without_any_sample_are_compared_by_nothing_at_all() -> None:
    empty = ComparableWorkout.of(CYCLING, START_MS, START_MS + 60_000, [])
    made = compare([empty, empty])
    assert made.axis_kind is Axis.TIME
    assert made.changes == ()


def test_columns_are_means_around_each_point_and_nan_beyond_the_end() -> None:
    made = compare([workout(8.0, power=200), workout(8.0, power=220, length_m=2500)], Axis.DISTANCE)
    assert np.all(made.workouts[0].columns[POWER] == 200)
    short = made.workouts[1].columns[POWER]
    assert np.all(short[: len(short) // 2 - 2] == 220)
    assert np.all(np.isnan(short[len(short) // 2 + 2 :]))


def test_splits_of_a_route_begin_and_end_where_all_are_on_it() -> None:
    late = covered(30, 4940, 10.0)
    latitude, longitude = positions(ROAD, late, noise_m=2)
    columns = {
        1: SampleColumn(np.rint(latitude * SCALE).astype(np.int32)),
        2: SampleColumn(np.rint(longitude * SCALE).astype(np.int32)),
    }
    times = START_MS + np.arange(len(late), dtype=np.int64) * 1000
    other = ComparableWorkout.of(CYCLING, START_MS, START_MS, [SampleColumns(times, columns)])
    made = compare([workout(8.0), other], Axis.ROUTE)
    assert all(each is not None for split in made.splits for each in split.workouts)
