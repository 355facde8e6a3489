"""What each correction does, by hand; what all of them keep, by chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsemesh.workout.v1 import recording_pb2, revision_pb2
from services.chassis.errors import InvalidField
from services.workout.revisions.computing import compute
from services.workout.revisions.draft import Draft
from services.workout.revisions.operations import apply, apply_all
from tests.unit.services.workout.revisions.drafts import (
    ALTITUDE,
    DISTANCE,
    HEART_RATE,
    LATITUDE,
    LONGITUDE,
    MARKER,
    PAUSE,
    POWER,
    RESUME,
    START_MS,
    draft,
    drafts,
    operations,
    same,
    values_of,
)

Operation = revision_pb2.Operation


def at(second: float) -> int:
    return START_MS + round(second * 1000)


def cut(first: float, last: float) -> Operation:
    return Operation(cut=revision_pb2.Cut(start_time_ms=at(first), end_time_ms=at(last)))


def crop(first: float, last: float) -> Operation:
    return Operation(crop=revision_pb2.Crop(start_time_ms=at(first), end_time_ms=at(last)))


def summary_of(one: Draft) -> object:
    return compute(one, 2, 0, START_MS, []).document.summary


@given(one=drafts(), chosen=st.lists(operations, max_size=5))
@settings(max_examples=80, deadline=None)
def test_operations_are_deterministic_leave_their_input_alone_and_keep_the_order(
    one: Draft, chosen: list[Operation]
) -> None:
    before = {
        source_id: (
            samples.times_ms.copy(),
            {key: each.values.copy() for key, each in samples.columns.items()},
        )
        for source_id, samples in one.sources.items()
    }
    first, outcomes = apply_all(one, chosen)
    second, again = apply_all(one, chosen)
    assert same(first, second)
    assert outcomes == again
    for source_id, (times, columns) in before.items():
        assert np.array_equal(one.sources[source_id].times_ms, times)
        assert all(
            np.array_equal(one.sources[source_id].columns[key].values, columns[key]) for key in columns
        )
    for samples in first.sources.values():
        assert bool(np.all(np.diff(samples.times_ms) >= 0))
        for column in samples.columns.values():
            assert not column.values[~column.mask()].any()
    if first.span() is not None:
        summary_of(first)


@given(one=drafts(), first=st.integers(0, 200), length=st.integers(1, 300))
@settings(max_examples=60, deadline=None)
def test_a_cut_takes_out_its_stretch_and_nothing_else(one: Draft, first: int, length: int) -> None:
    after, outcome = apply(one, cut(first, first + length))
    for source_id, samples in one.sources.items():
        inside = (samples.times_ms >= at(first)) & (samples.times_ms < at(first + length))
        kept = after.sources[source_id]
        told = kept.times_ms[kept.columns[HEART_RATE].mask()]
        assert np.array_equal(told, samples.times_ms[~inside & samples.columns[HEART_RATE].mask()])
    assert outcome.removed_samples <= one.samples()


def test_a_cut_is_a_pause_and_its_metres_do_not_count() -> None:
    whole = draft({DISTANCE: [second * 1000 for second in range(61)], POWER: [100] * 61})
    after, outcome = apply(whole, cut(20, 40))
    assert outcome.removed_samples == 20
    summary = summary_of(after)
    assert summary.distance_m == pytest.approx(400)  # type: ignore[attr-defined]
    assert summary.elapsed_s == 60  # type: ignore[attr-defined]
    assert summary.timer_s == 40  # type: ignore[attr-defined]
    counted = values_of(after, DISTANCE)
    assert [value for value in counted if value is not None][19:22] == [19_000, 20_000, 21_000]


def test_a_counter_that_begins_again_within_a_cut_goes_on() -> None:
    counter = [second * 1000 for second in range(30)] + [second * 1000 for second in range(31)]
    after, _ = apply(draft({DISTANCE: counter}), cut(20, 40))
    told = [value for value in values_of(after, DISTANCE) if value is not None]
    assert told == sorted(told)
    assert told[-1] - told[0] == pytest.approx(20_000 + 20_000, abs=1_000)


def test_a_cut_within_a_pause_adds_no_second_one() -> None:
    markers: list[int | None] = [None] * 60
    markers[10], markers[50] = PAUSE, RESUME
    after, _ = apply(draft({POWER: [1] * 60, MARKER: markers}), cut(20, 40))
    assert [value for value in values_of(after, MARKER) if value] == [PAUSE, RESUME]
    assert summary_of(after).timer_s == 19  # type: ignore[attr-defined]


def test_a_cut_out_of_a_pause_begins_the_clock_at_its_end() -> None:
    markers: list[int | None] = [None] * 60
    markers[10], markers[30] = PAUSE, RESUME
    after, _ = apply(draft({POWER: [1] * 60, MARKER: markers}), cut(20, 40))
    assert summary_of(after).timer_s == 10 + 19  # type: ignore[attr-defined]


def test_a_crop_trims_laps_and_sessions_and_forgets_what_was_reported_of_them() -> None:
    details = recording_pb2.RecordingDetails()
    details.sessions.add(
        sport=2, start_time_ms=at(0), end_time_ms=at(60), reported_distance_m=999, reported_timer_s=60
    )
    for first in (0, 20, 40):
        details.laps.add(start_time_ms=at(first), end_time_ms=at(first + 20))
    after, _ = apply(draft({POWER: [1] * 60}, details=details), crop(10, 40))
    (session,) = after.details.sessions
    assert (session.start_time_ms, session.end_time_ms, session.reported_distance_m) == (at(10), at(40), 0)
    assert [(lap.start_time_ms, lap.end_time_ms) for lap in after.details.laps] == [
        (at(10), at(20)),
        (at(20), at(40)),
    ]
    assert details.sessions[0].reported_distance_m == 999


def test_a_spike_goes_and_a_sprint_stays() -> None:
    power = [200 + second % 7 for second in range(120)]
    power[30], power[31] = 2900, 65_000
    power[80:92] = [900] * 12
    after, outcome = apply(
        draft({POWER: power}),
        Operation(remove_spikes=revision_pb2.RemoveSpikes(channels=[POWER])),  # type: ignore[list-item]
    )
    told = values_of(after, POWER)
    assert outcome.removed_values == 2
    assert [second for second, value in enumerate(told) if value is None] == [30, 31]


def test_a_heart_that_jumps_is_not_believed() -> None:
    beats = [120 + second // 10 for second in range(100)]
    beats[50] = 220
    beats[70] = 0
    after, outcome = apply(draft({HEART_RATE: beats}), Operation(remove_spikes=revision_pb2.RemoveSpikes()))
    assert outcome.removed_values == 2
    assert values_of(after, HEART_RATE)[50] is None


def test_a_position_far_off_the_way_goes_and_a_corner_stays() -> None:
    step = 1_000  # of 2^-31 of half the earth: about nine metres
    latitude: list[int | None] = [*(second * step for second in range(30)), *([29 * step] * 30)]
    longitude: list[int | None] = [*([0] * 30), *(second * step for second in range(30))]
    latitude[15] = 40 * step
    after, outcome = apply(
        draft({LATITUDE: latitude, LONGITUDE: longitude}),
        Operation(remove_spikes=revision_pb2.RemoveSpikes()),
    )
    assert outcome.removed_values == 1
    assert [i for i, value in enumerate(values_of(after, LATITUDE)) if value is None] == [15]
    assert values_of(after, LONGITUDE)[15] is None


def test_a_known_beginning_raises_all_altitudes() -> None:
    altitude = [1_000 + second for second in range(60)]
    after, outcome = apply(
        draft({ALTITUDE: altitude}),
        Operation(correct_elevation=revision_pb2.CorrectElevation(start_altitude_m=520.2)),
    )
    assert values_of(after, ALTITUDE)[2] == 5_202
    assert values_of(after, ALTITUDE)[-1] == 5_202 + 57
    assert outcome.changed_values == 60


def test_smoothing_takes_the_noise_out_of_the_climb() -> None:
    random = np.random.default_rng(1)
    altitude = (np.arange(600) * 2 + random.normal(0, 15, 600)).astype(int).tolist()
    altitude[300] = 60_000
    whole = draft({ALTITUDE: altitude})
    wanted = revision_pb2.CorrectElevation(remove_outliers=True, smoothing_s=30)
    after, outcome = apply(whole, Operation(correct_elevation=wanted))
    assert outcome.removed_values == 1
    smooth = np.array([value for value in values_of(after, ALTITUDE) if value is not None])
    raw = np.delete(np.array(altitude), 300)
    truth = np.delete(np.arange(600) * 2, 300)
    assert np.abs(smooth - truth)[20:-20].max() < 15
    assert np.abs(np.diff(smooth)).mean() < np.abs(np.diff(raw)).mean() / 4


def test_a_short_dropout_is_filled_and_a_long_one_is_not() -> None:
    beats: list[int | None] = [100] * 40
    beats[5:8] = [None, 0, None]
    beats[8] = 104
    beats[20:35] = [None] * 15
    whole = draft({HEART_RATE: beats, POWER: [1] * 40})
    after, outcome = apply(whole, Operation(fill_dropouts=revision_pb2.FillDropouts(longest_s=10)))
    assert outcome.filled_values == 3
    assert values_of(after, HEART_RATE)[4:9] == [100, 101, 102, 103, 104]
    assert values_of(after, HEART_RATE)[20:35] == [None] * 15


def test_a_scaled_power_is_never_negative_and_counts_what_changed() -> None:
    scale = revision_pb2.ScaleChannel(channel=POWER, factor=1.1, offset=-20)  # type: ignore[arg-type]
    after, outcome = apply(draft({POWER: [0, 100, 200]}), Operation(scale_channel=scale))
    assert values_of(after, POWER) == [0, 90, 200]
    assert outcome.changed_values == 1


def test_dropping_needs_something_that_is_there() -> None:
    one = draft({POWER: [1, 2]})
    for drop in (revision_pb2.DropData(), revision_pb2.DropData(source_id="nobody")):
        with pytest.raises(InvalidField):
            apply(one, Operation(drop_data=drop))
    after, outcome = apply(one, Operation(drop_data=revision_pb2.DropData(source_id="watch")))
    assert after.span() is None
    assert outcome.removed_samples == 2
