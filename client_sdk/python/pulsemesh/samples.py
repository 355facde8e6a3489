"""Columns of samples: what the integers mean, and how they travel.

A `SampleBatch` carries samples by columns: times as a start and differences, each
channel as a first value and differences modulo 2^32, and a bitmap where some values
are absent. This module turns batches into plain lists and back, cuts and joins them,
and says what is wrong with a bad one. It needs nothing but protobuf.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import ingest_service_pb2, sample_pb2

__all__ = [
    "CHANNELS",
    "CHANNEL_BY_NAME",
    "MAX_BATCH_SAMPLES",
    "ChannelSpec",
    "Fault",
    "Values",
    "check_batch",
    "decode_batch",
    "encode_batch",
    "from_wire",
    "sample_count",
    "slice_batch",
    "to_wire",
]

MAX_BATCH_SAMPLES = 10_000

_WRAP = 1 << 32
_HALF = 1 << 31


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """How the integers of one channel are read: value = integer / scale, in `unit`."""

    channel: int
    name: str
    unit: str
    scale: float
    cumulative: bool


def _read_specs() -> dict[int, ChannelSpec]:
    specs = {}
    for value in channel_pb2.Channel.DESCRIPTOR.values:
        if value.number == channel_pb2.CHANNEL_UNSPECIFIED:
            continue
        spec = value.GetOptions().Extensions[channel_pb2.channel]
        specs[value.number] = ChannelSpec(value.number, spec.name, spec.unit, spec.scale, spec.cumulative)
    return specs


CHANNELS: Mapping[int, ChannelSpec] = _read_specs()
"""Every channel of the contract by its number."""

CHANNEL_BY_NAME: Mapping[str, ChannelSpec] = {spec.name: spec for spec in CHANNELS.values()}
"""Every channel of the contract by its name, such as `heart_rate`."""


def to_wire(channel: int, value: float) -> int:
    """Return the integer that stands for `value` (in the channel's unit), within 32 bits.

    Raises `OverflowError` where the value does not fit.
    """
    integer = round(value * CHANNELS[channel].scale)
    if channel in (channel_pb2.CHANNEL_LATITUDE, channel_pb2.CHANNEL_LONGITUDE) and integer == _HALF:
        return -_HALF  # 180 degrees east is 180 degrees west
    if not -_HALF <= integer < _HALF:
        raise OverflowError(f"{CHANNELS[channel].name}: {value} does not fit into 32 bits")
    return integer


def from_wire(channel: int, integer: int) -> float:
    """Return the value, in the channel's unit, that `integer` stands for."""
    return integer / CHANNELS[channel].scale


@dataclass(frozen=True, slots=True)
class Values:
    """A batch as plain lists: sample i is (times_ms[i], columns[channel][i] for every channel).

    `columns` hold wire integers, None where a value is absent.
    """

    first_sequence: int
    times_ms: list[int]
    columns: dict[int, list[int | None]]

    def __len__(self) -> int:
        return len(self.times_ms)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a batch."""

    reason: ingest_service_pb2.RejectionReason.ValueType
    field: str
    detail: str


def sample_count(batch: sample_pb2.SampleBatch) -> int:
    """Return how many samples the batch claims to hold: one more than its time differences."""
    return len(batch.time_deltas_ms) + 1


def _signed(value: int) -> int:
    return (value + _HALF) % _WRAP - _HALF


def _differences(values: Iterable[int | None]) -> list[int]:
    differences = []
    previous = 0
    for value in values:
        current = previous if value is None else value
        differences.append(_signed(current - previous))
        previous = current
    return differences


def _bitmap(values: Sequence[int | None]) -> bytes:
    if all(value is not None for value in values):
        return b""
    bits = 0
    for index, value in enumerate(values):
        if value is not None:
            bits |= 1 << index
    return bits.to_bytes((len(values) + 7) // 8, "little")


def encode_batch(
    source: int,
    first_sequence: int,
    times_ms: Sequence[int],
    columns: Mapping[int, Sequence[int | None]],
) -> sample_pb2.SampleBatch:
    """Return the batch that carries these samples.

    `times_ms` has at least one entry; every column has as many, as wire integers, None
    where a value is absent. Raises `ValueError` where lengths differ or there is no sample.
    """
    count = len(times_ms)
    if not count:
        raise ValueError("a batch holds at least one sample")
    batch = sample_pb2.SampleBatch(
        source=source,
        first_sequence=first_sequence,
        start_time_ms=times_ms[0],
        time_deltas_ms=[b - a for a, b in pairwise(times_ms)],
    )
    for channel, values in columns.items():
        if len(values) != count:
            raise ValueError(f"{CHANNELS[channel].name}: {len(values)} values for {count} samples")
        batch.columns.add(channel=channel, deltas=_differences(values), validity=_bitmap(values))
    return batch


def _values(column: sample_pb2.Column) -> list[int | None]:
    running = [_signed(value) for value in accumulate(column.deltas)]
    if not column.validity:
        return list(running)
    bits = int.from_bytes(column.validity, "little")
    return [value if bits >> index & 1 else None for index, value in enumerate(running)]


def decode_batch(batch: sample_pb2.SampleBatch) -> Values:
    """Return the samples of a batch that `check_batch` found without fault."""
    times = list(accumulate(batch.time_deltas_ms, initial=batch.start_time_ms))
    return Values(batch.first_sequence, times, {column.channel: _values(column) for column in batch.columns})


def slice_batch(batch: sample_pb2.SampleBatch, start: int, stop: int | None = None) -> sample_pb2.SampleBatch:
    """Return the samples `start` to `stop` (exclusive, by index) as a batch of their own.

    The first sequence moves along. Raises `ValueError` where no sample is left.
    """
    samples = decode_batch(batch)
    chosen = slice(start, stop)
    return encode_batch(
        batch.source,
        batch.first_sequence + start,
        samples.times_ms[chosen],
        {channel: values[chosen] for channel, values in samples.columns.items()},
    )


def check_batch(
    batch: sample_pb2.SampleBatch,
    announced: frozenset[int],
    *,
    earliest_ms: int,
    latest_ms: int,
    max_samples: int = MAX_BATCH_SAMPLES,
) -> Fault | None:
    """Return what is wrong with a batch, None where nothing is.

    `announced` are the channels that its source may carry; sample times must lie in
    `earliest_ms` to `latest_ms`.
    """
    count = sample_count(batch)
    if count > max_samples:
        return Fault(
            ingest_service_pb2.REJECTION_REASON_TOO_MANY_SAMPLES,
            "time_deltas_ms",
            f"{count} samples; a batch holds at most {max_samples}",
        )
    fault = _check_columns(batch, announced, count)
    if fault is not None:
        return fault
    return _check_times(batch, earliest_ms, latest_ms)


def _check_columns(batch: sample_pb2.SampleBatch, announced: frozenset[int], count: int) -> Fault | None:
    malformed = ingest_service_pb2.REJECTION_REASON_MALFORMED
    if not batch.columns:
        return Fault(malformed, "columns", "a batch carries at least one column")
    seen = set()
    for index, column in enumerate(batch.columns):
        channel = column.channel
        if channel not in announced:
            return Fault(
                ingest_service_pb2.REJECTION_REASON_CHANNEL_NOT_ANNOUNCED,
                f"columns[{index}].channel",
                f"channel {channel} was not announced for this source",
            )
        if channel in seen:
            return Fault(malformed, f"columns[{index}].channel", f"channel {channel} stands twice")
        seen.add(channel)
        if len(column.deltas) != count:
            return Fault(
                malformed, f"columns[{index}].deltas", f"{len(column.deltas)} values for {count} samples"
            )
        if column.validity and len(column.validity) != (count + 7) // 8:
            return Fault(
                malformed,
                f"columns[{index}].validity",
                f"{len(column.validity)} bytes for {count} samples; {(count + 7) // 8} are needed, or none",
            )
    return None


def _check_times(batch: sample_pb2.SampleBatch, earliest_ms: int, latest_ms: int) -> Fault | None:
    lowest = highest = batch.start_time_ms
    deltas = batch.time_deltas_ms
    if deltas:
        # Where time only goes forward, the ends suffice.
        if min(deltas) >= 0:
            highest += sum(deltas)
        else:
            times = list(accumulate(deltas, initial=batch.start_time_ms))
            lowest, highest = min(times), max(times)
    if earliest_ms <= lowest and highest <= latest_ms:
        return None
    return Fault(
        ingest_service_pb2.REJECTION_REASON_TIME_OUT_OF_RANGE,
        "start_time_ms" if not earliest_ms <= batch.start_time_ms <= latest_ms else "time_deltas_ms",
        f"times from {lowest} to {highest} ms; {earliest_ms} to {latest_ms} ms are accepted",
    )
