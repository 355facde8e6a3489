"""Short streams that still show what matters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workout.codec import SampleColumn, SampleColumns
from services.workout.streams import Method, downsample

POWER, HEART_RATE = 8, 6


def stream(*columns: list[int | None]) -> SampleColumns:
    """A second a sample; channels 6, 7, 8 …"""
    made = {
        HEART_RATE + index: SampleColumn(
            np.array([value or 0 for value in values], np.int32),
            np.array([value is not None for value in values], np.bool_),
        )
        for index, values in enumerate(columns)
    }
    return SampleColumns(np.arange(len(columns[0]), dtype=np.int64) * 1000, made)


def shown(samples: SampleColumns, channel: int = HEART_RATE) -> list[tuple[int, int]]:
    """(second, value) where present."""
    column = samples.columns[channel]
    return [
        (int(time) // 1000, int(value))
        for time, value, present in zip(samples.times_ms, column.values, column.mask(), strict=True)
        if present
    ]


def test_the_extremes_of_each_bucket_survive_in_their_order() -> None:
    short = downsample(stream([5, 9, 1, 5, 5, 2, 8, 5]), 4, Method.MIN_MAX)
    assert shown(short) == [(1, 9), (2, 1), (5, 2), (6, 8)]


def test_the_mean_of_each_bucket_leaves_absent_values_out() -> None:
    short = downsample(stream([10, None, 20, 30, None, None]), 3, Method.MEAN)
    assert shown(short) == [(0, 10), (2, 25)]


def test_lttb_keeps_the_ends_and_the_spike() -> None:
    values: list[int | None] = [0] * 100
    values[50] = 500
    short = downsample(stream(values), 10, Method.LTTB)
    assert len(short) == 10
    assert (50, 500) in shown(short)
    assert shown(short)[0] == (0, 0)
    assert shown(short)[-1] == (99, 0)


def triangle_areas(values: list[int], before: int, rows: range, ahead: range) -> list[float]:
    """Twice the area of the triangle that each of `rows` makes, by the definition."""
    mean_row = sum(ahead) / len(ahead)
    mean_value = sum(values[row] for row in ahead) / len(ahead)
    return [
        abs(
            (before - mean_row) * (values[row] - values[before])
            - (before - row) * (mean_value - values[before])
        )
        for row in rows
    ]


@given(st.lists(st.integers(-1000, 1000), min_size=30, max_size=120), st.integers(4, 20))
@settings(deadline=None, max_examples=60)
def test_lttb_takes_the_largest_triangle_of_each_bucket(values: list[int], count: int) -> None:
    short = downsample(stream(list(values)), count, Method.LTTB)
    edges = [0, *((step * (len(values) - 2)) // (count - 2) + 1 for step in range(count - 1)), len(values)]
    chosen = [int(time) // 1000 for time in short.times_ms]
    assert (chosen[0], chosen[-1], len(chosen)) == (0, len(values) - 1, count)
    for bucket in range(1, count - 1):
        rows = range(edges[bucket], edges[bucket + 1])
        ahead = range(edges[bucket + 1], edges[bucket + 2])
        areas = triangle_areas(values, chosen[bucket - 1], rows, ahead)
        assert areas[chosen[bucket] - rows.start] == pytest.approx(max(areas))


@given(
    st.lists(st.none() | st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=80),
    st.lists(st.none() | st.integers(-100, 100), min_size=80, max_size=80),
    st.integers(1, 90),
    st.sampled_from(list(Method)),
)
@settings(deadline=None, max_examples=200)
def test_every_method_keeps_to_the_limit_and_the_range(
    first: list[int | None], second: list[int | None], limit: int, method: Method
) -> None:
    whole = stream(first, second[: len(first)])
    short = downsample(whole, limit, method)
    assert 0 < len(short) <= max(limit, 1)
    assert bool(np.all(np.diff(short.times_ms) >= 0))
    for channel in whole.columns:
        before = [value for _, value in shown(whole, channel)]
        after = [value for _, value in shown(short, channel)]
        assert all(min(before) <= value <= max(before) for value in after)
        if method is Method.MIN_MAX and limit >= 2 and before:
            assert {min(before), max(before)} <= set(after)


def test_a_short_stream_is_left_alone() -> None:
    whole = stream([1, 2, 3])
    assert downsample(whole, 3, Method.LTTB) is whole


def test_nothing_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="at least one"):
        downsample(stream([1, 2]), 0, Method.MEAN)
