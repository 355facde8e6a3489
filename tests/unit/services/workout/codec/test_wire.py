"""Wire batches to columns, and columns to stream segments."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pulsemesh.workout.v1 import sample_pb2, workout_pb2
from services.workout.codec import (
    BatchCorrupted,
    SampleColumn,
    SampleColumns,
    decode_batches,
    encode_segment,
)

INT32 = st.integers(-(2**31), 2**31 - 1)

Values = list[int | None]


def wrapped(value: int) -> int:
    return (value + 2**31) % 2**32 - 2**31


def column(channel: int, values: Values) -> sample_pb2.Column:
    """The wire's column, written down from its definition in plain Python."""
    deltas, previous = [], 0
    for value in values:
        deltas.append(0 if value is None else wrapped(value - previous))
        previous = previous if value is None else value
    bits = bytearray((len(values) + 7) // 8)
    for index, value in enumerate(values):
        bits[index // 8] |= (value is not None) << index % 8
    validity = bytes(bits) if None in values else b""
    return sample_pb2.Column(channel=channel, deltas=deltas, validity=validity)  # type: ignore[arg-type]


def batch(times: list[int], columns: dict[int, Values]) -> bytes:
    return sample_pb2.SampleBatch(
        start_time_ms=times[0],
        time_deltas_ms=[later - earlier for earlier, later in itertools.pairwise(times)],
        columns=[column(channel, values) for channel, values in columns.items()],
    ).SerializeToString()


def plain(samples: SampleColumns) -> list[tuple[int, dict[int, int]]]:
    """Row by row, present values only."""
    return [
        (
            int(time),
            {
                channel: int(column.values[row])
                for channel, column in samples.columns.items()
                if column.mask()[row]
            },
        )
        for row, time in enumerate(samples.times_ms)
    ]


@st.composite
def batches(draw: st.DrawFn) -> list[tuple[list[int], dict[int, Values]]]:
    made = []
    for _ in range(draw(st.integers(0, 5))):
        count = draw(st.integers(1, 12))
        times = draw(st.lists(st.integers(0, 2**31 - 1), min_size=count, max_size=count))
        values = st.lists(st.none() | INT32, min_size=count, max_size=count)
        made.append((times, draw(st.dictionaries(st.integers(1, 32), values, max_size=4))))
    return made


@given(batches())
@settings(deadline=None)
def test_batches_decode_to_what_was_sent(sent: list[tuple[list[int], dict[int, Values]]]) -> None:
    decoded = decode_batches(batch(times, columns) for times, columns in sent)
    expected = [
        (time, {channel: values[row] for channel, values in columns.items() if values[row] is not None})
        for times, columns in sent
        for row, time in enumerate(times)
    ]
    assert plain(decoded) == expected


def test_absent_values_decode_as_zero() -> None:
    decoded = decode_batches([batch([1000, 2000, 3000], {6: [140, None, 142]})])
    assert decoded.columns[6].values.tolist() == [140, 0, 142]


def test_a_column_where_all_is_present_has_no_mask() -> None:
    assert decode_batches([batch([1000, 2000], {6: [140, 141]})]).columns[6].present is None


@given(batches().filter(bool))
@settings(deadline=None)
def test_a_segment_carries_the_same_samples(sent: list[tuple[list[int], dict[int, Values]]]) -> None:
    samples = decode_batches(batch(times, columns) for times, columns in sent).sorted_by_time()
    segment = encode_segment(samples, "belt")
    again = decode_batches([as_batch(segment)])
    assert segment.source_id == "belt"
    assert plain(again) == plain(samples)


def as_batch(segment: workout_pb2.StreamSegment) -> bytes:
    """A stream's columns are the wire's columns: the same decoder reads them."""
    return sample_pb2.SampleBatch(
        start_time_ms=segment.start_time_ms,
        time_deltas_ms=segment.time_deltas_ms,
        columns=[
            sample_pb2.Column(channel=each.channel, deltas=each.deltas, validity=each.validity)
            for each in segment.columns
        ],
    ).SerializeToString()


def test_an_empty_segment_is_refused() -> None:
    with pytest.raises(ValueError, match="without samples"):
        encode_segment(decode_batches([]), "belt")


def test_a_step_of_a_month_does_not_fit_one_segment() -> None:
    times = np.array([0, 30 * 86_400_000], np.int64)
    with pytest.raises(ValueError, match="24 days"):
        encode_segment(SampleColumns(times, {6: SampleColumn(np.zeros(2, np.int32))}), "belt")


def test_a_batch_that_does_not_parse_is_named() -> None:
    with pytest.raises(BatchCorrupted, match="does not parse"):
        decode_batches([b"\xff\xff\xff"])


def test_a_column_of_another_length_is_named() -> None:
    broken = sample_pb2.SampleBatch(time_deltas_ms=[1], columns=[column(6, [1, 2, 3])])
    with pytest.raises(BatchCorrupted, match="3 values for 2 samples"):
        decode_batches([broken.SerializeToString()])


def test_a_validity_of_the_wrong_size_is_named() -> None:
    wrong = column(6, [1])
    wrong.validity = b"\1\1"
    broken = sample_pb2.SampleBatch(columns=[wrong])
    with pytest.raises(BatchCorrupted, match="wrong size"):
        decode_batches([broken.SerializeToString()])


def test_a_channel_given_twice_is_named() -> None:
    broken = sample_pb2.SampleBatch(columns=[column(6, [1]), column(6, [2])])
    with pytest.raises(BatchCorrupted, match="twice"):
        decode_batches([broken.SerializeToString()])
