"""One axis of seconds, whatever the recording was like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsemesh.type.v1 import channel_pb2
from services.workout.codec import SampleColumns
from services.workout.metrics.grid import SPARE_S, Grid, grid
from services.workout.summary import build_track
from tests.unit.services.workout.metrics.builders import FEW, PAUSE, RESUME, T0, source

POWER, HEART_RATE = int(channel_pb2.CHANNEL_POWER), int(channel_pb2.CHANNEL_HEART_RATE)


def axis(*sources: SampleColumns) -> Grid:
    track = build_track(sources, start_ms=T0)
    return grid(track.series, track.running, track.start_ms, track.end_ms + 1)


def values(of: Grid, channel: int) -> list[float | None]:
    found = of.channel(channel)
    assert found is not None
    return [None if np.isnan(value) else float(value) for value in found]


def test_a_sample_a_second_is_taken_as_it_is() -> None:
    made = axis(source(range(5), power=[1, 2, 3, 4, 5]))
    assert values(made, POWER) == [1, 2, 3, 4, 5]
    assert made.recorded_s == 5


def test_ten_samples_a_second_are_their_mean() -> None:
    made = axis(source(np.arange(20) / 10, power=np.repeat([100, 200], 10) + np.tile([-10, 10], 10)))
    assert values(made, POWER) == [100, 200]


def test_a_sample_each_five_seconds_is_held() -> None:
    made = axis(source([0, 5, 10], power=[100, 200, 300]))
    assert values(made, POWER) == [100] * 5 + [200] * 5 + [300]
    assert made.recorded_s == 11


def test_a_silence_of_more_than_ten_seconds_is_not_bridged() -> None:
    made = axis(source([0, 1, 30, 31], power=[100, 100, 200, 200]))
    assert values(made, POWER) == [100] * 11 + [None] * 19 + [200] * 2
    assert made.recorded_s == 13


def test_a_sensor_alone_falls_silent_while_the_clock_runs_on() -> None:
    made = axis(source(range(40), heart_rate=np.full(40, 120)), source(range(5), power=np.full(5, 200)))
    assert values(made, POWER) == [200] * 14 + [None] * 26
    assert made.recorded_s == 40


def test_what_was_measured_in_a_pause_does_not_count() -> None:
    made = axis(source(range(30), power=np.full(30, 200)), source([10, 20], marker=[PAUSE, RESUME]))
    assert values(made, POWER) == [200] * 10 + [None] * 10 + [200] * 10
    assert made.recorded_s == 20
    assert len(made.while_recorded(np.arange(30.0))) == 20


def test_equal_and_unsorted_times_do() -> None:
    made = axis(source([3, 1, 1, 0, 2], power=[40, 20, 99, 10, 30]))
    assert values(made, POWER) == [10, 20, 30, 40]


def test_a_channel_that_never_told_anything_is_none() -> None:
    made = axis(source(range(3), power=[1, 2, 3], heart_rate=[np.nan] * 3))
    assert made.channel(HEART_RATE) is None
    assert made.channel(POWER) is not None


def test_without_samples_the_axis_is_empty() -> None:
    made = axis()
    assert len(made) == 0
    assert made.time_ms(3) == T0
    assert made.channel(POWER) is None


def test_a_recording_of_26_hours_is_whole() -> None:
    made = axis(source(range(26 * 3600), power=np.full(26 * 3600, 100)))
    assert made.recorded_s == 26 * 3600


def test_years_of_silence_do_not_make_the_axis_long() -> None:
    made = axis(source([0, 1, 4 * 10**8, 8 * 10**8], power=[100, 200, 300, 400]))
    assert len(made) <= SPARE_S + 4
    assert values(made, POWER)[-1] == 400
    assert made.time_ms(len(made) - 1) == T0 + 8 * 10**11


def test_short_silences_stay_when_long_ones_are_shortened() -> None:
    made = axis(source([0, 100, 10**7], power=[1, 2, 3]))
    assert values(made, POWER)[100] == 2
    assert made.time_ms(100) == T0 + 100_000


@FEW
@given(
    st.lists(st.integers(0, 10**7), min_size=1, max_size=60),
    st.lists(st.integers(0, 10**7), max_size=6),
)
def test_every_sample_is_on_the_axis(tenths: list[int], marks: list[int]) -> None:
    told = source(np.array(tenths) / 10, power=np.arange(len(tenths)))
    marked = source(np.array(marks) / 10, marker=np.arange(len(marks)) % 2 + 2)
    made = axis(told, marked)
    assert len(made) <= SPARE_S + 10 * len(tenths)
    assert (np.diff(made.seconds) > 0).all()
    assert made.recorded_s <= len(made)
    seconds = (told.times_ms - made.start_ms) // 1000
    assert np.isin(seconds, made.seconds).all()


@FEW
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=60, unique=True), st.integers(-(10**9), 10**9))
def test_the_origin_of_time_changes_nothing(tenths: list[int], shift_ms: int) -> None:
    told = source(np.array(tenths) / 10, power=np.arange(len(tenths)))
    here, there = axis(told), axis(told.shifted(shift_ms))
    assert there.start_ms - here.start_ms == shift_ms
    assert here.seconds.tolist() == there.seconds.tolist()
    assert values(here, POWER) == pytest.approx(values(there, POWER))
