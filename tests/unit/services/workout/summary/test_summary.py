"""The numbers of workouts, worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from services.workout.codec import SampleColumn, SampleColumns
from services.workout.summary import Lap, Length, Part, Totals, WorkoutSummary, summarise

T0 = 1_750_000_000_000
CYCLING, RUNNING, SWIMMING = (
    int(sport_pb2.SPORT_CYCLING),
    int(sport_pb2.SPORT_RUNNING),
    int(sport_pb2.SPORT_SWIMMING),
)
SEMICIRCLES = 2**31 / 180

Values = Sequence[float | None]


def source(seconds: Sequence[float], **channels: Values) -> SampleColumns:
    """Samples at T0 + seconds; values in the channel's unit, None where absent."""
    from pulsemesh.samples import CHANNEL_BY_NAME

    columns = {}
    for name, values in channels.items():
        spec = CHANNEL_BY_NAME[name]
        steps = [0 if value is None else round(value * spec.scale) for value in values]
        present = np.array([value is not None for value in values], np.bool_)
        columns[spec.channel] = SampleColumn(np.array(steps, np.int32), present)
    return SampleColumns(np.array([T0 + round(second * 1000) for second in seconds], np.int64), columns)


def summary(*sources: SampleColumns, sport: int = CYCLING, **options: Any) -> WorkoutSummary:
    return summarise(sources, sport=sport, sub_sport=0, start_ms=T0, **options)


def whole(*sources: SampleColumns, **options: Any) -> Totals:
    return summary(*sources, **options).whole


def ranges(totals: Totals) -> Mapping[int, tuple[float, float, float]]:
    return {each.channel: (each.minimum, each.average, each.maximum) for each in totals.channels}


def marks(*moments: tuple[float, int]) -> SampleColumns:
    return source([second for second, _ in moments], marker=[kind for _, kind in moments])


LAP, PAUSE, RESUME = 1, 2, 3
MINUTE = range(61)


def test_nothing_at_all_has_no_numbers() -> None:
    made = summary()
    assert made.whole == Totals()
    assert (made.start_ms, made.end_ms) == (T0, T0)


def test_a_single_sample_has_a_value_and_no_duration() -> None:
    totals = whole(source([0], heart_rate=[150], power=[200]))
    assert totals.elapsed_s == 0
    assert ranges(totals)[channel_pb2.CHANNEL_HEART_RATE] == (150, 150, 150)
    assert totals.work_kj == 0


def test_a_steady_minute() -> None:
    totals = whole(source(MINUTE, speed=[10] * 61, power=[250] * 61, heart_rate=[140] * 61))
    assert (totals.elapsed_s, totals.timer_s, totals.moving_s) == (60, 60, 60)
    assert totals.distance_m == pytest.approx(600)
    assert totals.average_speed_mps == pytest.approx(10)
    assert totals.work_kj == pytest.approx(15)
    # 15 kJ at the cranks, of which the body burns 15 / 0.24 = 62.5 kJ = 14.94 kcal.
    assert totals.energy_kcal == pytest.approx(14.94, abs=0.01)


def test_averages_are_weighted_by_time() -> None:
    # 100 W stands for 1 s, 200 W for 3 s, the last value for none: (100 + 600) / 4.
    totals = whole(source([0, 1, 4], power=[100, 200, 999]))
    assert ranges(totals)[channel_pb2.CHANNEL_POWER] == (100, 175, 999)


def test_averages_are_taken_while_moving() -> None:
    speeds = [5.0] * 30 + [0.0] * 31
    beats = [160.0] * 30 + [100.0] * 31
    totals = whole(source(MINUTE, speed=speeds, heart_rate=beats))
    assert totals.moving_s == 30
    assert ranges(totals)[channel_pb2.CHANNEL_HEART_RATE] == (100, 160, 160)


def test_a_pause_stops_the_clock_but_not_the_elapsed_time() -> None:
    totals = whole(source(MINUTE, power=[100] * 61), marks((20, PAUSE), (50, RESUME)))
    assert (totals.elapsed_s, totals.timer_s) == (60, 30)
    assert totals.work_kj == pytest.approx(3)


def test_a_pause_that_never_ends_lasts_to_the_end() -> None:
    totals = whole(source(MINUTE, heart_rate=[100] * 61), marks((40, PAUSE), (45, PAUSE)))
    assert totals.timer_s == 40


def test_a_resume_without_a_pause_means_nothing() -> None:
    assert whole(source(MINUTE, heart_rate=[100] * 61), marks((40, RESUME))).timer_s == 60


def test_the_counted_distance_is_trusted_first() -> None:
    totals = whole(source(MINUTE, speed=[10] * 61, distance=[5 * second for second in MINUTE]))
    assert totals.distance_m == pytest.approx(300)


def test_a_distance_that_begins_again_at_zero_goes_on() -> None:
    metres = [*range(0, 300, 10), *range(0, 310, 10)]
    totals = whole(source(MINUTE, distance=[float(each) for each in metres]))
    assert totals.distance_m == pytest.approx(290 + 300)


def test_a_distance_that_shivers_is_not_counted_twice() -> None:
    assert whole(source([0, 1, 2, 3], distance=[100, 110, 109, 120])).distance_m == pytest.approx(20)


def test_positions_give_the_distance_when_nothing_counts_it() -> None:
    # One minute of arc of a meridian of the mean sphere: 6371008.8 m * pi / 10800 = 1853.25 m.
    latitudes = [second / 60 / 60 for second in MINUTE]
    totals = whole(source(MINUTE, latitude=latitudes, longitude=[8.0] * 61))
    assert totals.distance_m == pytest.approx(1853.25, abs=0.1)


def test_a_position_that_nobody_can_reach_is_left_out() -> None:
    latitudes = [0.0] * 61
    latitudes[30] = 1.0
    totals = whole(source(MINUTE, latitude=latitudes, longitude=[8.0] * 61))
    assert totals.distance_m == 0


def test_positions_during_a_pause_are_no_distance() -> None:
    latitudes = [second * 1e-4 for second in MINUTE]
    positions = source(MINUTE, latitude=latitudes, longitude=[8.0] * 61)
    full, half = whole(positions), whole(positions, marks((30, PAUSE)))
    assert full.distance_m is not None
    assert half.distance_m == pytest.approx(full.distance_m / 2, rel=1e-3)


def test_nothing_is_integrated_over_a_dropout() -> None:
    seconds = [*range(11), *range(100, 111)]
    totals = whole(source(seconds, speed=[10] * 22, power=[100] * 22))
    assert totals.elapsed_s == 110
    assert totals.distance_m == pytest.approx(200)
    assert totals.work_kj == pytest.approx(2)
    assert totals.moving_s == 20


def test_a_recorder_that_skips_a_few_seconds_loses_nothing() -> None:
    totals = whole(source(range(0, 61, 5), speed=[10] * 13))
    assert totals.distance_m == pytest.approx(600)


def test_times_out_of_order_are_sorted() -> None:
    forward = source(MINUTE, power=[float(second) for second in MINUTE])
    backward = forward.take(np.arange(60, -1, -1))
    assert whole(backward) == whole(forward)


def test_of_values_at_one_time_the_first_is_kept() -> None:
    totals = whole(source([0, 1, 1, 2], power=[100, 200, 900, 300]))
    assert ranges(totals)[channel_pb2.CHANNEL_POWER] == (100, 150, 300)


def test_climbs_smaller_than_the_threshold_do_not_count() -> None:
    altitudes = [100.0, 101.5] * 30 + [100.0]
    totals = whole(source(MINUTE, altitude=altitudes))
    assert (totals.elevation_gain_m, totals.elevation_loss_m) == (0, 0)


def test_a_climb_counts_from_foot_to_top() -> None:
    altitudes = [100, 99.5, 105, 104.5, 110, 103, 102, 120]
    totals = whole(source(range(0, 240, 30), altitude=altitudes))
    # Up 99.5 to 110 and 102 to 120; down 110 to 102. Half metres are too small to count.
    assert totals.elevation_gain_m == pytest.approx(10.5 + 18)
    assert totals.elevation_loss_m == pytest.approx(8)


def test_what_the_altimeter_drifts_at_lunch_is_not_climbed() -> None:
    altitudes = [100.0] * 31 + [140.0] * 30
    totals = whole(source(range(0, 610, 10), altitude=altitudes), marks((305, PAUSE), (309, RESUME)))
    assert (totals.elevation_gain_m, totals.elevation_loss_m) == (40, 0)  # the clock stood too short for that
    totals = whole(source(range(0, 610, 10), altitude=altitudes), marks((301, PAUSE), (309, RESUME)))
    assert (totals.elevation_gain_m, totals.elevation_loss_m) == (0, 0)


def test_a_leap_of_the_altimeter_is_not_climbed() -> None:
    totals = whole(source(MINUTE, altitude=[100.0] * 30 + [141.0] * 31))
    assert (totals.elevation_gain_m, totals.elevation_loss_m) == (0, 0)


def test_a_ripple_on_the_road_is_not_climbed() -> None:
    rng = np.random.default_rng(3)
    hill = 100 + 50 * np.sin(np.arange(3600) / 600)
    noisy = np.round(hill + rng.normal(0, 0.3, 3600), 1)
    smooth, told = (
        whole(source(range(3600), altitude=hill.tolist())),
        whole(source(range(3600), altitude=noisy.tolist())),
    )
    assert smooth.elevation_gain_m is not None
    assert told.elevation_gain_m == pytest.approx(smooth.elevation_gain_m, rel=0.01)


def test_lap_markers_part_the_workout() -> None:
    made = summary(source(MINUTE, speed=[10] * 61), marks((20, LAP), (50, LAP)))
    assert [totals.elapsed_s for _, totals in made.laps] == [20, 30, 10]
    assert [totals.distance_m for _, totals in made.laps] == pytest.approx([200, 300, 100])


def test_laps_that_were_told_are_taken_instead_of_markers() -> None:
    told = [Lap(T0, T0 + 60_000, 1)]
    made = summary(source(MINUTE, speed=[10] * 61), marks((20, LAP)), laps=told)
    assert [lap for lap, _ in made.laps] == told


def test_each_sample_belongs_to_one_lap() -> None:
    made = summary(source(MINUTE, heart_rate=[100] * 61), marks((20, LAP)))
    assert [totals.channels[0].samples for _, totals in made.laps] == [20, 41]


def test_sessions_of_a_multisport_workout_have_their_own_numbers() -> None:
    parts = [Part(CYCLING, 0, T0, T0 + 30_000), Part(RUNNING, 0, T0 + 30_000, T0 + 60_000)]
    speeds = [10.0] * 30 + [3.0] * 31
    made = summary(source(MINUTE, speed=speeds, power=[200] * 61), sessions=parts)
    assert [totals.distance_m for _, totals in made.sessions] == pytest.approx([300, 90])
    assert made.whole.distance_m == pytest.approx(390)
    assert made.sessions[1][1].energy_kcal is None


def test_sessions_that_overlap_do_not_count_a_metre_twice() -> None:
    parts = [Part(CYCLING, 0, T0, T0 + 50_000), Part(RUNNING, 0, T0 + 20_000, T0 + 60_000)]
    made = summary(source(MINUTE, speed=[5] * 61), sessions=parts)
    assert made.whole.distance_m == pytest.approx(300)
    assert (made.whole.timer_s, made.whole.moving_s) == (60, 60)


def test_a_pool_swim_without_samples_is_its_lengths() -> None:
    lengths = [Length(T0 + n * 30_000, T0 + (n + 1) * 30_000, n != 3, 12) for n in range(6)]
    part = Part(SWIMMING, 0, T0, T0 + 180_000, pool_length_m=50)
    made = summary(sport=SWIMMING, sessions=[part], lengths=lengths)
    assert made.whole.distance_m == 250
    assert (made.whole.lengths, made.whole.strokes) == (5, 60)
    assert made.whole.moving_s == 150


def test_in_a_pool_lengths_are_trusted_before_the_counter() -> None:
    lengths = [Length(T0 + n * 30_000, T0 + (n + 1) * 30_000, n != 1, 12) for n in range(4)]
    part = Part(SWIMMING, 0, T0, T0 + 120_000, pool_length_m=25)
    counted = source(range(0, 121, 30), distance=[0, 0, 25, 25, 50], speed=[0] * 5)
    totals = whole(counted, sport=SWIMMING, sessions=[part], lengths=lengths)
    assert (totals.distance_m, totals.moving_s) == (75, 90)


def test_what_the_device_reported_stands_in_for_what_cannot_be_computed() -> None:
    part = Part(
        RUNNING,
        0,
        T0,
        T0 + 60_000,
        reported_distance_m=210,
        reported_timer_s=55,
        reported_energy_kcal=12,
    )
    totals = whole(source(MINUTE, heart_rate=[150] * 61), sport=RUNNING, sessions=[part])
    assert (totals.distance_m, totals.timer_s, totals.energy_kcal) == (210, 55, 12)


def test_counted_work_stands_in_for_power() -> None:
    assert whole(source([0, 1, 2], work=[10, 12, 15])).work_kj == pytest.approx(5)


def test_two_sources_of_one_channel_are_not_averaged_together() -> None:
    belt = source(MINUTE, heart_rate=[150] * 61)
    watch = source(range(0, 60, 2), heart_rate=[90] * 30)
    assert ranges(whole(watch, belt))[channel_pb2.CHANNEL_HEART_RATE] == (150, 150, 150)


def test_a_second_source_fills_in_where_the_first_fell_silent() -> None:
    belt = source([*range(40)], heart_rate=[150] * 40)
    watch = source(range(20, 61, 2), heart_rate=[90] * 21)
    totals = whole(belt, watch)
    assert ranges(totals)[channel_pb2.CHANNEL_HEART_RATE][0] == 90
    assert totals.channels[0].samples == 40 + 6  # 50, 52 … 60


def test_positions_and_counters_have_no_average() -> None:
    totals = whole(source(MINUTE, latitude=[1.0] * 61, longitude=[1.0] * 61, distance=[0.0] * 61))
    assert totals.channels == ()


@st.composite
def any_source(draw: st.DrawFn) -> SampleColumns:
    count = draw(st.integers(0, 30))
    times = draw(st.lists(st.integers(0, 200_000), min_size=count, max_size=count))
    columns = {}
    for channel in draw(st.sets(st.integers(1, 33), max_size=5)):
        values = draw(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=count, max_size=count))
        present = draw(st.lists(st.booleans(), min_size=count, max_size=count))
        columns[channel] = SampleColumn(np.array(values, np.int32), np.array(present, np.bool_))
    return SampleColumns(T0 + np.array(times, np.int64), columns)


@given(st.lists(any_source(), max_size=3))
@settings(deadline=None, max_examples=150)
def test_no_samples_whatever_break_the_summary(sources: list[SampleColumns]) -> None:
    totals = whole(*sources)
    for name in ("elapsed_s", "timer_s", "moving_s", "distance_m", "elevation_gain_m", "elevation_loss_m"):
        value = getattr(totals, name)
        assert value is None or np.isfinite(value)
    if totals.elapsed_s is not None:
        assert 0 <= (totals.timer_s or 0) <= totals.elapsed_s + 1e-9
        assert (totals.moving_s or 0) <= (totals.timer_s or 0) + 1e-9
    for channel in totals.channels:
        assert channel.minimum - 1e-6 <= channel.average <= channel.maximum + 1e-6


@given(st.integers(-(10**9), 10**9))
@settings(deadline=None, max_examples=30)
def test_the_numbers_do_not_depend_on_the_date(shift_ms: int) -> None:
    ridden = source(MINUTE, speed=[7] * 61, heart_rate=[120] * 61, altitude=[float(s) for s in MINUTE])
    there, here = summary(ridden.shifted(shift_ms)), summary(ridden)
    assert replace(there.whole, elapsed_s=here.whole.elapsed_s) == here.whole
