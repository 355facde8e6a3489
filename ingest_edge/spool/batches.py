"""Cutting and joining spooled batches, so that a session gets samples from exactly where it asks."""

from __future__ import annotations

from collections.abc import Iterable

from pulsemesh.samples import Values, decode_batch, encode_batch, sample_count
from pulsemesh.workout.v1 import sample_pb2

LONGEST_STEP_MS = 2**31 - 1
"""From one sample to the next within one batch: what its time differences hold, 24.8 days."""


def joined(
    payloads: Iterable[bytes], source: int, sequence: int, max_samples: int
) -> sample_pb2.SampleBatch | None:
    """The samples from `sequence` on, at most `max_samples`, as one batch of `source`.

    Args:
        payloads: serialised batches, contiguous, the first of which begins at or before `sequence`.

    Returns:
        None where no sample is at or after `sequence`.
    """
    batches = [_parsed(payload) for payload in payloads]
    whole = _as_it_is(batches, source, sequence, max_samples)
    if whole is not None:
        return whole
    times: list[int] = []
    columns: dict[int, list[int | None]] = {}
    for batch in batches:
        values = decode_batch(batch)
        if times and abs(values.times_ms[0] - times[-1]) > LONGEST_STEP_MS:
            break
        _extend(times, columns, values, sequence, max_samples)
    return encode_batch(source, sequence, times, columns) if times else None


def _parsed(payload: bytes) -> sample_pb2.SampleBatch:
    return sample_pb2.SampleBatch.FromString(payload)


def _as_it_is(
    batches: list[sample_pb2.SampleBatch], source: int, sequence: int, max_samples: int
) -> sample_pb2.SampleBatch | None:
    """The usual case, without decoding: one batch that is just what is asked for."""
    if len(batches) != 1 or batches[0].first_sequence != sequence or sample_count(batches[0]) > max_samples:
        return None
    batches[0].source = source
    return batches[0]


def _extend(
    times: list[int], columns: dict[int, list[int | None]], values: Values, sequence: int, max_samples: int
) -> None:
    held = len(times)
    start = max(sequence - values.first_sequence, 0)
    stop = min(start + max_samples - held, len(values))
    if stop <= start:
        return
    times.extend(values.times_ms[start:stop])
    for channel, column in values.columns.items():
        # A channel that joins late was absent so far; one that is missing here is absent here.
        columns.setdefault(channel, [None] * held).extend(column[start:stop])
    for joined_column in columns.values():
        joined_column.extend([None] * (len(times) - len(joined_column)))
