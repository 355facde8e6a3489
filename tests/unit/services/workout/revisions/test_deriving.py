"""Splitting and merging are each other's inverse, and clocks are found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.chassis.errors import InvalidField
from services.workout.codec import SampleColumn, SampleColumns
from services.workout.revisions.computing import compute
from services.workout.revisions.draft import Draft
from services.workout.revisions.merging import Input, find_offset, merge
from services.workout.revisions.splitting import split
from tests.unit.services.workout.revisions.drafts import (
    DISTANCE,
    HEART_RATE,
    POWER,
    SPEED,
    START_MS,
    draft,
    drafts,
    same,
    values_of,
)


def inputs(*parts: Draft, follow: bool = False) -> list[Input]:
    return [Input(str(index), part, 2, 0, follows=follow and index > 0) for index, part in enumerate(parts)]


@given(
    one=drafts(), at=st.lists(st.integers(START_MS, START_MS + 400_000), min_size=1, max_size=4, unique=True)
)
@settings(max_examples=120, deadline=None)
def test_parts_merged_again_are_the_whole(one: Draft, at: list[int]) -> None:
    try:
        parts = split(one, sorted(at))
    except InvalidField:
        assume(False)
    merged = merge(inputs(*parts, follow=True), {})
    assert same(merged, one)
    assert compute(merged, 2, 0, START_MS, []) == compute(one, 2, 0, START_MS, [])


@given(one=drafts(), at=st.integers(START_MS, START_MS + 400_000))
@settings(max_examples=60, deadline=None)
def test_every_sample_is_in_exactly_one_part(one: Draft, at: int) -> None:
    try:
        first, second = split(one, [at])
    except InvalidField:
        assume(False)
    for source_id, samples in one.sources.items():
        halves = [part.sources[source_id] for part in (first, second)]
        told = np.concatenate([half.times_ms[half.columns[HEART_RATE].mask()] for half in halves])
        assert np.array_equal(told, samples.times_ms[samples.columns[HEART_RATE].mask()])


@given(
    steps=st.lists(st.integers(0, 2_000), min_size=10, max_size=200),
    share=st.floats(0.1, 0.9),
)
@settings(max_examples=60, deadline=None)
def test_work_and_metres_of_parts_and_of_the_second_between_add_up(steps: list[int], share: float) -> None:
    count = len(steps)
    one = draft({DISTANCE: np.cumsum(steps).tolist(), POWER: steps})
    border = min(max(round(count * share), 2), count - 2)
    parts = split(one, [START_MS + border * 1000])
    whole, first, second = (compute(each, 2, 0, START_MS, []).document.summary for each in (one, *parts))
    between_m = steps[border] / 100
    assert first.distance_m + second.distance_m + between_m == pytest.approx(whole.distance_m, abs=1e-6)
    between_kj = steps[border - 1] / 1000
    assert first.work_kj + second.work_kj + between_kj == pytest.approx(whole.work_kj, abs=1e-6)


@given(
    parts=st.lists(drafts(), min_size=2, max_size=4),
    shifts=st.lists(st.integers(-600_000, 3_600_000), min_size=4, max_size=4),
    leads=st.dictionaries(st.sampled_from([HEART_RATE, POWER, DISTANCE]), st.integers(0, 1).map(str)),
)
@settings(max_examples=80, deadline=None)
def test_whatever_is_merged_is_a_workout(
    parts: list[Draft], shifts: list[int], leads: dict[int, str]
) -> None:
    moved = [
        Draft({each: samples.shifted(shift) for each, samples in part.sources.items()}, part.details)
        for part, shift in zip(parts, shifts, strict=False)
    ]
    merged = merge(inputs(*moved), leads)
    for samples in merged.sources.values():
        assert bool(np.all(np.diff(samples.times_ms) >= 0))
    computed = compute(merged, 2, 0, START_MS, [])
    assert computed.end_ms >= computed.start_ms
    spans = [span for part in moved if (span := part.span()) is not None]
    whole = min(start for start, _ in spans), max(end for _, end in spans)
    span = merged.span()
    assert span is not None
    # What a leader silences may have been a sample's only value.
    assert span == whole if not leads else whole[0] <= span[0] <= span[1] <= whole[1]
    for channel, leader in leads.items():
        told = sum(
            int(samples.columns[channel].mask().sum())
            for samples in moved[int(leader)].sources.values()
            if channel in samples.columns
        )
        held = sum(
            int(samples.columns[channel].mask().sum())
            for samples in merged.sources.values()
            if channel in samples.columns
        )
        assert held >= told


def test_two_at_one_time_stay_two_sources() -> None:
    merged = merge(inputs(draft({POWER: [100] * 30}), draft({POWER: [200] * 30})), {})
    assert list(merged.sources) == ["watch", "watch#2"]


def test_a_leader_silences_the_others_only_while_it_speaks() -> None:
    leader, other = draft({POWER: [100] * 10}), draft({POWER: [200] * 40, SPEED: [5] * 40})
    merged = merge(inputs(other, leader), {POWER: "1"})
    told = values_of(merged, POWER)
    assert told[:20] == [None] * 20
    assert told[20:] == [200] * 20
    assert values_of(merged, SPEED) == [5] * 40


def test_what_lies_between_two_workouts_is_a_pause() -> None:
    second = draft({DISTANCE: list(range(0, 6_000, 100))}, start_ms=START_MS + 3_600_000)
    merged = merge(inputs(draft({DISTANCE: list(range(0, 6_000, 100))}), second), {})
    summary = compute(merged, 2, 0, START_MS, []).document.summary
    assert summary.elapsed_s == 3_659
    assert summary.timer_s == 118
    assert summary.distance_m == pytest.approx(2 * 59)


@pytest.mark.parametrize("lag_ms", [-600_000, -7_400, 0, 13_000, 400_600])
def test_the_lag_between_two_clocks_is_found(lag_ms: int) -> None:
    random = np.random.default_rng(4)
    beats = 130 + np.cumsum(random.normal(0, 1.5, 3_000))
    times = START_MS + np.arange(3_000, dtype=np.int64) * 1000
    ours = SampleColumns(times, {HEART_RATE: SampleColumn(np.rint(beats).astype(np.int32))})
    noisy = np.rint(beats[200:2_800] + random.normal(0, 1, 2_600)).astype(np.int32)
    theirs = SampleColumns(times[200:2_800] + lag_ms, {HEART_RATE: SampleColumn(noisy)})
    found = find_offset([ours], [theirs])
    assert found is not None
    assert found.offset_ms == pytest.approx(-lag_ms, abs=1_000)
    assert found.correlation > 0.9


def test_two_hearts_have_no_lag() -> None:
    random = np.random.default_rng(5)
    times = START_MS + np.arange(3_000, dtype=np.int64) * 1000
    hearts = [
        SampleColumns(times, {HEART_RATE: SampleColumn(random.integers(90, 180, 3_000).astype(np.int32))})
        for _ in range(2)
    ]
    assert find_offset([hearts[0]], [hearts[1]]) is None


def test_a_steady_channel_tells_no_lag() -> None:
    steady = draft({POWER: [200] * 600}).sources["watch"]
    assert find_offset([steady], [steady.shifted(9_000)]) is None
