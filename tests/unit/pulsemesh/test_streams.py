from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsemesh import samples
from pulsemesh.streams import Streams, join_segments
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import workout_pb2

HEART_RATE, POWER, LATITUDE = (
    channel_pb2.CHANNEL_HEART_RATE,
    channel_pb2.CHANNEL_POWER,
    channel_pb2.CHANNEL_LATITUDE,
)
INTEGERS = st.integers(min_value=-(1 << 31), max_value=(1 << 31) - 1)


def segment(
    times_ms: Sequence[int], columns: dict[int, Sequence[int | None]], source_id: str = ""
) -> workout_pb2.StreamSegment:
    batch = samples.encode_batch(0, 0, times_ms, columns)
    made = workout_pb2.StreamSegment(
        source_id=source_id, start_time_ms=batch.start_time_ms, time_deltas_ms=batch.time_deltas_ms
    )
    for column in batch.columns:
        made.columns.add(channel=column.channel, deltas=column.deltas, validity=column.validity)
    return made


def test_values_are_in_the_units_of_their_channels() -> None:
    (series,) = join_segments([segment([0], {LATITUDE: [1 << 29], HEART_RATE: [142]})])
    assert series.columns["latitude"] == pytest.approx([45.0])
    assert series.columns["heart_rate"] == [142.0]


def test_segments_of_one_source_become_one_series() -> None:
    (series,) = join_segments([segment([0, 1000], {POWER: [1, 2]}), segment([2000], {POWER: [3]})])
    assert series.times_ms == [0, 1000, 2000]
    assert series.columns["power"] == [1, 2, 3]


def test_sources_stay_apart_in_the_order_in_which_they_appear() -> None:
    streams = join_segments(
        [segment([0], {POWER: [1]}, "b"), segment([0], {POWER: [2]}, "a"), segment([1], {POWER: [3]}, "b")]
    )
    assert [(series.source_id, len(series)) for series in streams] == [("b", 2), ("a", 1)]


def test_a_channel_that_comes_and_goes_is_absent_elsewhere() -> None:
    (series,) = join_segments(
        [segment([0], {POWER: [1]}), segment([1], {HEART_RATE: [90]}), segment([2], {POWER: [3]})]
    )
    assert series.columns == {"power": [1, None, 3], "heart_rate": [None, 90, None]}


def test_a_channel_of_a_newer_contract_is_passed_over() -> None:
    made = segment([0], {POWER: [1]})
    made.columns.add(channel=channel_pb2.Channel.ValueType(999), deltas=[5])
    (series,) = join_segments([made])
    assert list(series.columns) == ["power"]


def test_the_series_with_most_values_of_a_channel_is_found() -> None:
    streams = join_segments(
        [segment([0, 1], {POWER: [1, None]}, "few"), segment([0, 1], {POWER: [1, 2]}, "many")]
    )
    assert streams.of("power").source_id == "many"
    with pytest.raises(KeyError):
        streams.of("cadence")


def test_channels_are_those_with_a_value() -> None:
    streams = join_segments([segment([0, 1], {POWER: [None, None], HEART_RATE: [None, 88]})])
    assert streams.channels == ["heart_rate"]


def test_nothing_joins_to_nothing() -> None:
    assert join_segments([]) == Streams(())


@given(st.lists(st.one_of(st.none(), INTEGERS), min_size=1, max_size=60), st.data())
def test_any_values_cut_anywhere_come_back(values: list[int | None], data: st.DataObject) -> None:
    cut = data.draw(st.integers(min_value=0, max_value=len(values)))
    times = list(range(len(values)))
    parts = [(times[:cut], values[:cut]), (times[cut:], values[cut:])]
    (series,) = join_segments([segment(t, {POWER: v}) for t, v in parts if t])
    assert series.times_ms == times
    assert series.columns["power"] == values
