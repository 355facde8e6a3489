from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsemesh import samples
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import ingest_service_pb2 as wire
from pulsemesh.workout.v1 import sample_pb2

HEART_RATE = channel_pb2.CHANNEL_HEART_RATE
LONGITUDE = channel_pb2.CHANNEL_LONGITUDE
POWER = channel_pb2.CHANNEL_POWER

int32 = st.integers(-(2**31), 2**31 - 1)


Content = tuple[list[int], dict[int, list[int | None]]]


@st.composite
def batches(draw: st.DrawFn) -> Content:
    count = draw(st.integers(1, 40))
    start = draw(st.integers(10**12, 2 * 10**12))
    steps = draw(st.lists(st.integers(-5_000, 60_000), min_size=count - 1, max_size=count - 1))
    times = [start]
    for step in steps:
        times.append(times[-1] + step)
    channels = draw(st.lists(st.sampled_from(sorted(samples.CHANNELS)), min_size=1, max_size=4, unique=True))
    column = st.lists(st.none() | int32, min_size=count, max_size=count)
    return times, {channel: draw(column) for channel in channels}


def check(batch: sample_pb2.SampleBatch, channels: frozenset[int]) -> samples.Fault | None:
    return samples.check_batch(batch, channels, earliest_ms=0, latest_ms=10**15)


@given(batches())
def test_a_batch_is_read_back_as_it_was_written(
    content: Content,
) -> None:
    times, columns = content
    batch = sample_pb2.SampleBatch.FromString(samples.encode_batch(3, 7, times, columns).SerializeToString())
    decoded = samples.decode_batch(batch)
    assert (decoded.first_sequence, decoded.times_ms, decoded.columns) == (7, times, columns)
    assert check(batch, frozenset(columns)) is None


@given(batches(), st.data())
def test_slices_of_a_batch_join_to_the_whole(content: Content, data: st.DataObject) -> None:
    times, columns = content
    batch = samples.encode_batch(0, 100, times, columns)
    cut = data.draw(st.integers(0, len(times) - 1))
    pieces = [samples.slice_batch(batch, cut)]
    if cut:
        pieces.insert(0, samples.slice_batch(batch, 0, cut))
    assert [piece.first_sequence for piece in pieces][-1] == 100 + cut
    decoded = [samples.decode_batch(piece) for piece in pieces]
    assert [time for piece in decoded for time in piece.times_ms] == times
    for channel, values in columns.items():
        assert [value for piece in decoded for value in piece.columns[channel]] == values


@given(st.binary(max_size=200))
def test_any_bytes_that_parse_are_checked_without_an_exception(content: bytes) -> None:
    batch = sample_pb2.SampleBatch()
    try:
        batch.ParseFromString(content)
    except Exception:
        return
    check(batch, frozenset(samples.CHANNELS))


def test_every_channel_of_the_contract_says_its_name_unit_and_scale() -> None:
    assert len(samples.CHANNELS) == len(channel_pb2.Channel.DESCRIPTOR.values) - 1
    assert len(samples.CHANNEL_BY_NAME) == len(samples.CHANNELS)
    assert all(spec.scale > 0 for spec in samples.CHANNELS.values())


def test_180_degrees_east_is_180_degrees_west() -> None:
    assert samples.to_wire(LONGITUDE, 180.0) == samples.to_wire(LONGITUDE, -180.0) == -(2**31)


def test_crossing_the_date_line_keeps_every_longitude() -> None:
    columns: dict[int, list[int | None]] = {LONGITUDE: [2**31 - 2, 2**31 - 1, -(2**31), -(2**31) + 1]}
    batch = samples.encode_batch(0, 0, [0, 1, 2, 3], columns)
    assert samples.decode_batch(batch).columns == columns


def test_a_value_that_does_not_fit_is_refused() -> None:
    with pytest.raises(OverflowError, match="power"):
        samples.to_wire(POWER, 2.0**31)


def test_columns_of_unequal_length_are_named_with_their_place() -> None:
    batch = samples.encode_batch(0, 0, [0, 1000], {HEART_RATE: [1, 2], POWER: [1, 2]})
    batch.columns[1].deltas.append(3)
    fault = check(batch, frozenset({HEART_RATE, POWER}))
    assert fault is not None
    assert (fault.reason, fault.field) == (wire.REJECTION_REASON_MALFORMED, "columns[1].deltas")


def test_a_validity_of_the_wrong_size_is_named() -> None:
    batch = samples.encode_batch(0, 0, [0, 1000], {HEART_RATE: [1, None]})
    batch.columns[0].validity = b"\1\0"
    fault = check(batch, frozenset({HEART_RATE}))
    assert fault is not None
    assert fault.field == "columns[0].validity"


def test_a_channel_that_was_not_announced_is_named() -> None:
    fault = check(samples.encode_batch(0, 0, [0], {POWER: [1]}), frozenset({HEART_RATE}))
    assert fault is not None
    assert fault.reason == wire.REJECTION_REASON_CHANNEL_NOT_ANNOUNCED


@pytest.mark.parametrize("times", [[50, 150], [250, 150], [150, 50, 150], [150, 250, 150]])
def test_a_time_out_of_range_anywhere_in_the_batch_is_found(times: list[int]) -> None:
    batch = samples.encode_batch(0, 0, times, {HEART_RATE: [60] * len(times)})
    fault = samples.check_batch(batch, frozenset({HEART_RATE}), earliest_ms=100, latest_ms=200)
    assert fault is not None
    assert fault.reason == wire.REJECTION_REASON_TIME_OUT_OF_RANGE
