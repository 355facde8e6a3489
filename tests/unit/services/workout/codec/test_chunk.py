"""Chunks: whatever goes in comes out, and damage is always named."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workout.codec import (
    MAX_CHUNK_SAMPLES,
    ChunkCorrupted,
    SampleColumn,
    SampleColumns,
    decode_chunk,
    encode_chunk,
)
from services.workout.codec.chunk import CODEC_PLANES_ZSTD

INT32 = st.integers(-(2**31), 2**31 - 1)


@st.composite
def sample_columns(draw: st.DrawFn) -> SampleColumns:
    count = draw(st.integers(0, 40))
    times = draw(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=count, max_size=count))
    columns = {}
    for channel in draw(st.sets(st.integers(1, 65_535), max_size=6)):
        values = np.array(draw(st.lists(INT32, min_size=count, max_size=count)), np.int32)
        present = None
        if draw(st.booleans()):
            present = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)), np.bool_)
            values[~present] = 0
        columns[channel] = SampleColumn(values, present)
    return SampleColumns(np.array(times, np.int64), columns)


def assert_same(left: SampleColumns, right: SampleColumns) -> None:
    np.testing.assert_array_equal(left.times_ms, right.times_ms)
    assert left.columns.keys() == right.columns.keys()
    for channel, column in left.columns.items():
        np.testing.assert_array_equal(column.mask(), right.columns[channel].mask())
        np.testing.assert_array_equal(column.values, right.columns[channel].values)


def a_ride(seconds: int = 600) -> SampleColumns:
    rng = np.random.default_rng(7)
    times = 1_700_000_000_000 + np.arange(seconds, dtype=np.int64) * 1000
    heart_rate = (140 + np.cumsum(rng.integers(-1, 2, seconds))).astype(np.int32)
    power = rng.integers(0, 400, seconds).astype(np.int32)
    present = rng.random(seconds) > 0.2
    power[~present] = 0
    return SampleColumns(times, {6: SampleColumn(heart_rate), 8: SampleColumn(power, present)})


@given(sample_columns())
@settings(deadline=None, max_examples=150)
def test_every_series_of_samples_survives_the_chunk(samples: SampleColumns) -> None:
    assert_same(decode_chunk(encode_chunk(samples)), samples)


def test_differences_wrap_at_the_ends_of_32_bits() -> None:
    low, high = -(2**31), 2**31 - 1
    values = np.array([low, high, low, 0, high, -1], np.int32)
    samples = SampleColumns(np.arange(6, dtype=np.int64), {1: SampleColumn(values)})
    np.testing.assert_array_equal(decode_chunk(encode_chunk(samples)).columns[1].values, values)


@pytest.mark.parametrize("step", [1, 10, 2**30, 2**31])
def test_values_in_steps_come_back(step: int) -> None:
    values = np.array([-step, 0, min(step, 2**31 - step) % 2**31, -step], np.int64).astype(np.int32)
    samples = SampleColumns(np.arange(4, dtype=np.int64), {7: SampleColumn(values)})
    np.testing.assert_array_equal(decode_chunk(encode_chunk(samples)).columns[7].values, values)


def test_values_of_absent_samples_are_not_kept() -> None:
    column = SampleColumn(np.array([5, 99, 7], np.int32), np.array([True, False, True]))
    decoded = decode_chunk(encode_chunk(SampleColumns(np.arange(3, dtype=np.int64), {8: column})))
    assert decoded.columns[8].values.tolist() == [5, 0, 7]


def test_an_empty_stretch_has_a_chunk_too() -> None:
    assert len(decode_chunk(encode_chunk(SampleColumns(np.empty(0, np.int64), {})))) == 0


def test_the_first_byte_names_the_codec() -> None:
    assert encode_chunk(a_ride())[0] == CODEC_PLANES_ZSTD


def test_steady_seconds_cost_almost_nothing() -> None:
    times = 1_700_000_000_000 + np.arange(3600, dtype=np.int64) * 1000
    constant = SampleColumn(np.full(3600, 250, np.int32))
    assert len(encode_chunk(SampleColumns(times, {8: constant}))) < 80


def test_a_chunk_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="65537 samples"):
        encode_chunk(SampleColumns(np.arange(MAX_CHUNK_SAMPLES + 1, dtype=np.int64), {}))


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 values for 3 samples"):
        encode_chunk(
            SampleColumns(np.arange(3, dtype=np.int64), {8: SampleColumn(np.array([1, 2], np.int32))})
        )


@given(st.data())
@settings(deadline=None, max_examples=200)
def test_a_changed_byte_is_noticed(data: st.DataObject) -> None:
    whole = bytearray(encode_chunk(a_ride(120)))
    position = data.draw(st.integers(0, len(whole) - 1))
    whole[position] ^= data.draw(st.integers(1, 255))
    try:
        decoded = decode_chunk(bytes(whole))
    except ChunkCorrupted:
        return
    assert_same(decoded, a_ride(120))  # zstd has a few unused header bits


def test_truncation_at_every_byte_is_noticed() -> None:
    whole = encode_chunk(a_ride(60))
    for length in range(len(whole)):
        with pytest.raises(ChunkCorrupted):
            decode_chunk(whole[:length])


def test_trailing_bytes_are_noticed() -> None:
    with pytest.raises(ChunkCorrupted):
        decode_chunk(encode_chunk(a_ride(60)) + b"\0")


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_no_body_whatever_crashes_the_decoder(body: bytes) -> None:
    frame = zstandard.ZstdCompressor(write_checksum=True).compress(body)
    with pytest.raises(ChunkCorrupted):
        decode_chunk(bytes([CODEC_PLANES_ZSTD]) + frame + b"\x01")
    with contextlib.suppress(ChunkCorrupted):
        decode_chunk(bytes([CODEC_PLANES_ZSTD]) + frame)


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_a_damaged_body_with_a_right_checksum_never_crashes(data: st.DataObject) -> None:
    body = bytearray(zstandard.decompress(encode_chunk(a_ride(50))[1:]))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, min(60, len(body) - 1)))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ChunkCorrupted):
        decode_chunk(bytes([CODEC_PLANES_ZSTD]) + zstandard.compress(bytes(body)))


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zstandard.compress(b"\0" * 64_000_000)
    with pytest.raises(ChunkCorrupted, match="claims 64000000 bytes"):
        decode_chunk(bytes([CODEC_PLANES_ZSTD]) + bomb)


def test_an_unknown_codec_is_named() -> None:
    with pytest.raises(ChunkCorrupted, match="unknown codec 99"):
        decode_chunk(b"\x63whatever")
