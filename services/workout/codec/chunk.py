"""The stored form of a stretch of samples: small, whole, and never trusted when read.

A chunk is one byte that names the codec, then one zstd frame with a checksum. Codec 1 holds, little endian:

    u32 samples, u8 columns
    times:       u8 order, u8 planes, u64 seed for each order, then planes of zigzagged differences
    each column: u16 channel, u8 flags (1: has validity), u32 values present,
                 u32 step, u8 order, u8 planes, u32 seed for each order
    validity bits of each column that has some, least significant first
    the byte planes: times, then each column

Only present values are stored, divided by their step: the largest number that divides all of them (a cadence
in whole revolutions has steps of 10). The order of the differences (0, 1 or 2) is chosen for each column by
what is cheapest: positions and times want the second, a counter the first, noise none.
"""

from __future__ import annotations

import struct
import threading
from dataclasses import dataclass

import numpy as np
import zstandard

from services.workout.codec.columns import BoolArray, Int32Array, SampleColumn, SampleColumns
from services.workout.codec.errors import ChunkCorrupted
from services.workout.codec.planes import (
    MAX_ORDER,
    Bytes,
    Unsigned,
    cost_bits,
    differences,
    integrate,
    join_planes,
    split_planes,
    unzigzag,
    zigzag,
)

CODEC_PLANES_ZSTD = 1

MAX_CHUNK_SAMPLES = 65_536
"""An hour at 18 samples a second; longer hours are several chunks."""

MAX_COLUMNS = 64
_COMPRESSION_LEVEL = 13  # a chunk is written once; 9 takes half the time and a hundredth more room
_LEAST_BLOCK_BYTES = 256  # below that a table costs more than it saves
# What MAX_CHUNK_SAMPLES and MAX_COLUMNS can need: a damaged size never makes us allocate more.
_MAX_BODY_BYTES = MAX_CHUNK_SAMPLES * (8 + MAX_COLUMNS * 5) + 65_536

_HEADER = struct.Struct("<IB")
_SERIES = struct.Struct("<BB")
_COLUMN = struct.Struct("<HBII")
_UINT32 = np.dtype(np.uint32)
_UINT64 = np.dtype(np.uint64)

_HAS_VALIDITY = 1

_threads = threading.local()  # zstd contexts are cheap to keep and must not be shared by threads


def encode_chunk(samples: SampleColumns) -> bytes:
    """Encode at most `MAX_CHUNK_SAMPLES` samples of at most `MAX_COLUMNS` columns, without loss.

    Values of absent samples are not kept: they decode as 0.

    Raises:
        ValueError: too many samples or columns, or columns of unequal length.
    """
    if len(samples) > MAX_CHUNK_SAMPLES or len(samples.columns) > MAX_COLUMNS:
        raise ValueError(f"a chunk of {len(samples)} samples and {len(samples.columns)} columns")
    head = [_HEADER.pack(len(samples), len(samples.columns))]
    validity: list[bytes] = []
    planes: list[Bytes] = []
    _append_series(head, planes, samples.times_ms.astype(np.int64, copy=False).view(np.uint64))
    for channel, column in sorted(samples.columns.items()):
        if len(column.values) != len(samples):
            raise ValueError(f"channel {channel} has {len(column.values)} values for {len(samples)} samples")
        values = column.values.astype(np.int32, copy=False).view(np.uint32)
        flags = 0
        if column.present is not None:
            flags = _HAS_VALIDITY
            values = values[column.present]
            validity.append(np.packbits(column.present, bitorder="little").tobytes())
        step = _common_step(values)
        head.append(_COLUMN.pack(channel, flags, len(values), step))
        _append_series(head, planes, (values.view(np.int32) // step).view(np.uint32) if step > 1 else values)
    parts = [b"".join([*head, *validity]), *(plane.tobytes() for split in planes for plane in split)]
    return bytes([CODEC_PLANES_ZSTD]) + _compress(parts)


def decode_chunk(payload: bytes) -> SampleColumns:
    """Decode what `encode_chunk` made.

    Raises:
        ChunkCorrupted: it is damaged, truncated or of an unknown codec.
    """
    if not payload:
        raise ChunkCorrupted("the chunk is empty")
    if payload[0] != CODEC_PLANES_ZSTD:
        raise ChunkCorrupted(f"unknown codec {payload[0]}")
    reader = _Reader(_decompress(payload[1:]))
    samples, column_count = reader.unpack(_HEADER)
    if samples > MAX_CHUNK_SAMPLES or column_count > MAX_COLUMNS:
        raise ChunkCorrupted(f"a chunk of {samples} samples and {column_count} columns")
    times = _read_series_head(reader, samples, _UINT64)
    heads = [_read_column_head(reader, samples) for _ in range(column_count)]
    masks = [_read_validity(reader, samples, head) for head in heads]
    times_ms = _read_series(reader, times).view(np.int64)
    columns = {
        head.channel: _expand(
            (_read_series(reader, head.series) * np.uint32(head.step)).view(np.int32), mask, samples
        )
        for head, mask in zip(heads, masks, strict=True)
    }
    if len(columns) != column_count or not reader.exhausted():
        raise ChunkCorrupted("a channel occurs twice, or bytes are left over")
    return SampleColumns(times_ms, columns)


@dataclass(frozen=True, slots=True)
class _SeriesHead:
    dtype: np.dtype[np.uint32] | np.dtype[np.uint64]
    count: int
    planes: int
    seeds: list[int]


@dataclass(frozen=True, slots=True)
class _ColumnHead:
    channel: int
    has_validity: bool
    step: int
    series: _SeriesHead


class _Reader:
    """Takes a buffer apart from its beginning; never beyond its end."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._offset = 0

    def unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        return layout.unpack_from(self._body, self._advance(layout.size))

    def octets(self, count: int) -> Bytes:
        return np.frombuffer(self._body, np.uint8, count, self._advance(count))

    def exhausted(self) -> bool:
        return self._offset == len(self._body)

    def _advance(self, count: int) -> int:
        start = self._offset
        if start + count > len(self._body):
            raise ChunkCorrupted("the chunk ends too early")
        self._offset = start + count
        return start


def _append_series(head: list[bytes], planes: list[Bytes], values: Unsigned) -> None:
    """Append the head and the planes of one series of integers."""
    order = _cheapest_order(values)
    remaining, seeds = differences(values, order)
    split = split_planes(zigzag(remaining))
    seed_code = "Q" if values.dtype == _UINT64 else "I"
    head.append(_SERIES.pack(len(seeds), len(split)) + struct.pack(f"<{len(seeds)}{seed_code}", *seeds))
    planes.append(split)


def _common_step(values: Unsigned) -> int:
    """The largest number that divides all values, at least 1; 1 where it is too large for 32 signed bits."""
    step = int(np.gcd.reduce(values.view(np.int32).astype(np.int64))) if len(values) else 1
    return step if 1 < step < 2**31 else 1


def _cheapest_order(values: Unsigned) -> int:
    costs = []
    for order in range(MAX_ORDER + 1):
        costs.append(cost_bits(values) + 64 * order)
        if len(values) < 2:
            break
        values = values[1:] - values[:-1]
    return int(np.argmin(costs))


def _read_series_head(
    reader: _Reader, count: int, dtype: np.dtype[np.uint32] | np.dtype[np.uint64]
) -> _SeriesHead:
    order, planes = reader.unpack(_SERIES)
    if order > min(MAX_ORDER, count) or planes > dtype.itemsize:
        raise ChunkCorrupted(f"differences of order {order} in {planes} planes")
    seeds = reader.unpack(struct.Struct(f"<{order}{'Q' if dtype == _UINT64 else 'I'}"))
    return _SeriesHead(dtype, count, planes, list(seeds))


def _read_column_head(reader: _Reader, samples: int) -> _ColumnHead:
    channel, flags, present, step = reader.unpack(_COLUMN)
    if flags > _HAS_VALIDITY or present > samples or (flags == 0 and present != samples):
        raise ChunkCorrupted(f"channel {channel} has {present} values for {samples} samples")
    return _ColumnHead(channel, flags == _HAS_VALIDITY, step, _read_series_head(reader, present, _UINT32))


def _read_validity(reader: _Reader, samples: int, head: _ColumnHead) -> BoolArray | None:
    if not head.has_validity:
        return None
    bits = np.unpackbits(reader.octets((samples + 7) // 8), count=samples, bitorder="little")
    present = bits.view(np.bool_)
    if np.count_nonzero(present) != head.series.count:
        raise ChunkCorrupted(f"the validity of channel {head.channel} does not fit its values")
    return present


def _read_series(reader: _Reader, head: _SeriesHead) -> Unsigned:
    length = head.count - len(head.seeds)
    planes = reader.octets(head.planes * length).reshape(head.planes, length)
    return integrate(unzigzag(join_planes(planes, head.dtype)), head.seeds)


def _expand(values: Int32Array, mask: BoolArray | None, samples: int) -> SampleColumn:
    if mask is None:
        return SampleColumn(values)
    whole = np.zeros(samples, np.int32)
    whole[mask] = values
    return SampleColumn(whole, mask)


def _compress(parts: list[bytes]) -> bytes:
    """One frame of all parts, each in its own blocks: planes differ too much to share an entropy table."""
    stream = _compressor().compressobj(size=sum(map(len, parts)))
    compressed = []
    for part in parts:
        compressed.append(stream.compress(part))
        if len(part) >= _LEAST_BLOCK_BYTES:
            compressed.append(stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK))
    return b"".join([*compressed, stream.flush()])


def _compressor() -> zstandard.ZstdCompressor:
    compressor: zstandard.ZstdCompressor | None = getattr(_threads, "compressor", None)
    if compressor is None:
        compressor = zstandard.ZstdCompressor(
            level=_COMPRESSION_LEVEL, write_checksum=True, write_content_size=True
        )
        _threads.compressor = compressor
    return compressor


def _decompress(frame: bytes) -> bytes:
    decompressor: zstandard.ZstdDecompressor | None = getattr(_threads, "decompressor", None)
    if decompressor is None:
        decompressor = _threads.decompressor = zstandard.ZstdDecompressor()
    try:
        size = zstandard.frame_content_size(frame)
        if not 0 <= size <= _MAX_BODY_BYTES:
            raise ChunkCorrupted(f"a chunk that claims {size} bytes")
        return decompressor.decompress(frame, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise ChunkCorrupted(f"the chunk does not decompress: {error}") from error
