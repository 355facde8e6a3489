"""Samples between the wire's messages and numpy.

The wire carries, per column, the first value and then differences modulo 2^32. Many batches are decoded
together: their differences are concatenated, summed once, and each batch's own beginning subtracted, so that
a live recording of thousands of one-sample batches costs little more than one large batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from google.protobuf.message import DecodeError
from numpy.typing import NDArray

from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import sample_pb2, workout_pb2
from services.workout.codec.columns import EMPTY, BoolArray, SampleColumn, SampleColumns
from services.workout.codec.errors import BatchCorrupted
from services.workout.codec.varints import packed_sint32_field

_TIME_DELTAS = workout_pb2.StreamSegment.TIME_DELTAS_MS_FIELD_NUMBER
_DELTAS = workout_pb2.StreamColumn.DELTAS_FIELD_NUMBER

_Int = TypeVar("_Int", np.int32, np.int64)


@dataclass(slots=True)
class _Gathered:
    """The differences of one channel over many batches, as they came."""

    deltas: list[NDArray[np.int32]] = field(default_factory=list)
    first_rows: list[int] = field(default_factory=list)
    # Index among `deltas` and bits, of the batches where not all values are present.
    validity: list[tuple[int, bytes]] = field(default_factory=list)


def decode_batches(payloads: Iterable[bytes]) -> SampleColumns:
    """Decode serialised `SampleBatch` messages, one after the other, in the order given.

    Raises:
        BatchCorrupted: one does not parse, or its columns disagree about the number of samples.
    """
    starts: list[int] = []
    time_deltas: list[NDArray[np.int32]] = []
    channels: dict[int, _Gathered] = {}
    rows = 0
    for payload in payloads:
        batch = _parse(payload)
        deltas = np.array(batch.time_deltas_ms, np.int32)
        samples = len(deltas) + 1
        starts.append(batch.start_time_ms)
        time_deltas.append(deltas)
        for column in batch.columns:
            _gather(channels.setdefault(column.channel, _Gathered()), column, rows, samples)
        rows += samples
    if not rows:
        return EMPTY
    columns = {channel: _assemble(gathered, rows) for channel, gathered in sorted(channels.items())}
    return SampleColumns(_times(starts, time_deltas), columns)


def encode_segment(samples: SampleColumns, source_id: str) -> workout_pb2.StreamSegment:
    """One segment of a stream; `samples` must not be empty, neighbours at most 2^31 ms (24 days) apart.

    Raises:
        ValueError: there is no sample, or a step in time does not fit into the wire's 32 bits.
    """
    if not len(samples):
        raise ValueError("a segment without samples")
    time_deltas = np.diff(samples.times_ms)
    if len(time_deltas) and int(np.abs(time_deltas).max()) > np.iinfo(np.int32).max:
        raise ValueError("two samples are more than 24 days apart")
    segment = workout_pb2.StreamSegment(source_id=source_id, start_time_ms=int(samples.times_ms[0]))
    segment.MergeFromString(packed_sint32_field(_TIME_DELTAS, time_deltas.astype(np.int32)))
    for channel, column in samples.columns.items():
        _encode_column(segment.columns.add(), channel, column)
    return segment


def _encode_column(encoded: workout_pb2.StreamColumn, channel: int, column: SampleColumn) -> None:
    values = column.values if column.present is None else _held(column.values, column.present)
    deltas = np.empty(len(values), np.int32)
    deltas[0] = values[0]
    np.subtract(values[1:], values[:-1], out=deltas[1:])
    encoded.channel = channel_pb2.Channel.ValueType(channel)
    encoded.MergeFromString(packed_sint32_field(_DELTAS, deltas))
    if column.present is not None and not column.present.all():
        encoded.validity = np.packbits(column.present, bitorder="little").tobytes()


def _held(values: NDArray[np.int32], present: BoolArray) -> NDArray[np.int32]:
    """`values` with each absent one replaced by the one before, so that its difference is 0."""
    rows = np.where(present, np.arange(len(values)), 0)
    return values[np.maximum.accumulate(rows)]


def _parse(payload: bytes) -> sample_pb2.SampleBatch:
    try:
        return sample_pb2.SampleBatch.FromString(payload)
    except DecodeError as error:
        raise BatchCorrupted("a batch does not parse") from error


def _gather(gathered: _Gathered, column: sample_pb2.Column, first_row: int, samples: int) -> None:
    deltas = np.array(column.deltas, np.int32)
    if len(deltas) != samples:
        raise BatchCorrupted(f"channel {column.channel} has {len(deltas)} values for {samples} samples")
    if gathered.first_rows and gathered.first_rows[-1] == first_row:
        raise BatchCorrupted(f"channel {column.channel} occurs twice")
    if column.validity:
        if len(column.validity) != (samples + 7) // 8:
            raise BatchCorrupted(f"the validity of channel {column.channel} has the wrong size")
        gathered.validity.append((len(gathered.deltas), column.validity))
    gathered.deltas.append(deltas)
    gathered.first_rows.append(first_row)


def _assemble(gathered: _Gathered, rows: int) -> SampleColumn:
    """Sum the differences of each batch and put its values where they belong among all `rows`."""
    lengths = np.array([len(deltas) for deltas in gathered.deltas])
    begins = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    values = _sum_within(np.concatenate(gathered.deltas), begins, lengths)
    covered = int(lengths.sum())
    present = np.ones(covered, np.bool_)
    for index, bits in gathered.validity:
        stretch = slice(begins[index], begins[index] + lengths[index])
        unpacked = np.unpackbits(np.frombuffer(bits, np.uint8), count=int(lengths[index]), bitorder="little")
        present[stretch] = unpacked
    values[~present] = 0
    if covered == rows:
        return SampleColumn(values, None if present.all() else present)
    target = np.repeat(np.array(gathered.first_rows) - begins, lengths) + np.arange(covered)
    whole, whole_present = np.zeros(rows, np.int32), np.zeros(rows, np.bool_)
    whole[target] = values
    whole_present[target] = present
    return SampleColumn(whole, whole_present)


def _times(starts: Sequence[int], deltas: Sequence[NDArray[np.int32]]) -> NDArray[np.int64]:
    """Times of all batches: each begins at its own start; sums in 64 bits."""
    lengths = np.array([len(part) + 1 for part in deltas])
    begins = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    steps = np.zeros(int(lengths.sum()), np.int64)
    inner = np.ones(len(steps), np.bool_)
    inner[begins] = False
    steps[begins] = starts
    steps[inner] = np.concatenate(deltas)
    return _sum_within(steps, begins, lengths)


def _sum_within(steps: NDArray[_Int], begins: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[_Int]:
    """Running sums that begin anew at each of `begins`, modulo 2^bits: one pass over all batches."""
    sums: NDArray[_Int] = np.cumsum(steps, dtype=steps.dtype)
    before = sums[begins] - steps[begins]
    return sums - np.repeat(before, lengths)
