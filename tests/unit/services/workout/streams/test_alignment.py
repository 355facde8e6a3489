"""Several sources on one axis."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from pulsemesh.type.v1 import channel_pb2
from services.workout.codec import SampleColumn, SampleColumns
from services.workout.streams import HOLD_MS, align
from tests.unit.services.workout.summary.test_summary import any_source, source

HEART_RATE, POWER = int(channel_pb2.CHANNEL_HEART_RATE), int(channel_pb2.CHANNEL_POWER)
DISTANCE, MARKER = int(channel_pb2.CHANNEL_DISTANCE), int(channel_pb2.CHANNEL_MARKER)
T0_S = 1_750_000_000


def plain(samples: SampleColumns, channel: int) -> dict[int, int]:
    """Second since the beginning to value, where there is one."""
    column = samples.columns[channel]
    return {
        int(time) // 1000 - T0_S: int(value)
        for time, value, present in zip(samples.times_ms, column.values, column.mask(), strict=True)
        if present
    }


def test_a_value_shows_from_the_first_second_after_it() -> None:
    assert plain(align([source([0.3, 1.2], heart_rate=[140, 150])]), HEART_RATE) == {1: 140, 2: 150}


def test_a_value_is_held_for_ten_seconds_at_most() -> None:
    aligned = align([source([0, 30], heart_rate=[140, 150])])
    assert plain(aligned, HEART_RATE) == dict.fromkeys(range(10), 140) | {30: 150}


def test_seconds_at_which_nothing_is_known_are_left_out() -> None:
    aligned = align([source([0, 1_000_000], heart_rate=[140, 150])])
    assert len(aligned) == 11


def test_counters_are_interpolated() -> None:
    aligned = align([source([0, 4], distance=[0, 40]), source(range(5), power=[1, 1, 1, 1, 1])])
    assert plain(aligned, DISTANCE) == {0: 0, 1: 1000, 2: 2000, 3: 3000, 4: 4000}


def test_markers_show_once() -> None:
    aligned = align([source([1.5], marker=[2]), source(range(5), power=[1, 1, 1, 1, 1])])
    assert plain(aligned, MARKER) == {2: 2}


def test_sources_share_one_axis() -> None:
    aligned = align([source([0, 1], heart_rate=[140, 141]), source([1, 2], power=[200, 201])])
    assert plain(aligned, HEART_RATE) == {0: 140, 1: 141, 2: 141}
    assert plain(aligned, POWER) == {1: 200, 2: 201}


def test_nothing_aligns_to_nothing() -> None:
    assert len(align([])) == 0
    assert len(align([SampleColumns(np.array([0], np.int64), {})])) == 0


def by_the_definition(samples: SampleColumns, channel: int, second_ms: int) -> int | None:
    """The newest value at or before the second, not older than ten seconds: written down plainly."""
    column: SampleColumn = samples.columns[channel]
    best: tuple[int, int] | None = None
    for time, value, present in zip(samples.times_ms, column.values, column.mask(), strict=True):
        if not present or not second_ms - HOLD_MS < time <= second_ms:
            continue
        if best is None or time > best[0]:
            best = (int(time), int(value))
    return None if best is None else best[1]


@given(any_source())
@settings(deadline=None, max_examples=80)
def test_held_values_are_those_of_the_definition(samples: SampleColumns) -> None:
    if HEART_RATE not in samples.columns or len(samples) == 0:
        samples = source([0, 0.5, 0.5, 12.1, 11.9], heart_rate=[1, None, 3, 4, 5])
    aligned = align([samples])
    assert bool(np.all(np.diff(aligned.times_ms) > 0))
    assert bool(np.all(aligned.times_ms % 1000 == 0))
    shown = (
        dict(zip(aligned.times_ms.tolist(), _values(aligned), strict=True))
        if HEART_RATE in aligned.columns
        else {}
    )
    for time, value in shown.items():
        assert value == by_the_definition(samples, HEART_RATE, time)


def _values(aligned: SampleColumns) -> list[int | None]:
    column = aligned.columns[HEART_RATE]
    return [
        int(value) if present else None for value, present in zip(column.values, column.mask(), strict=True)
    ]
