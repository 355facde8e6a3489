"""Reading a workout's samples: from chunks to segments of a stream. Pure, and not for the event loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pulsemesh.type.v1.channel_pb2 import Channel
from pulsemesh.workout.v1 import workout_pb2, workout_service_pb2
from services.workout.codec import SampleColumns, concatenate, decode_chunk, encode_segment
from services.workout.store.workouts import StoredSource
from services.workout.streams import Method, align, downsample

SEGMENT_BYTES = 1_000_000
_MAX_VARINT_BYTES = 5
_MAX_STEP_MS = 2**31 - 1
_FOREVER_MS = 2**62

_METHODS = {
    workout_pb2.DOWNSAMPLING_MIN_MAX: Method.MIN_MAX,
    workout_pb2.DOWNSAMPLING_LTTB: Method.LTTB,
    workout_pb2.DOWNSAMPLING_MEAN: Method.MEAN,
}


@dataclass(frozen=True, slots=True)
class Selection:
    """What of a workout is wanted.

    Attributes:
        channels: their numbers; empty means all that may be read.
        start_ms, end_ms: half open.
        max_samples: 0 means all.
    """

    channels: frozenset[int]
    start_ms: int
    end_ms: int
    aligned: bool
    max_samples: int
    method: Method


def selection(
    request: workout_service_pb2.ReadStreamsRequest, without: frozenset[int] = frozenset()
) -> Selection:
    """What the request asks for; MIN_MAX where it does not say how to shorten.

    Args:
        without: channels that nobody who asks for all is given.
    """
    return Selection(
        channels=_channels(request, without),
        start_ms=request.start_time_ms,
        end_ms=request.end_time_ms or _FOREVER_MS,
        aligned=request.aligned,
        max_samples=request.max_samples,
        method=_METHODS.get(request.downsampling, Method.MIN_MAX),
    )


def _channels(request: workout_service_pb2.ReadStreamsRequest, without: frozenset[int]) -> frozenset[int]:
    wanted = frozenset(int(channel) for channel in request.channels)
    if wanted or not without:
        return wanted
    return frozenset(Channel.values()) - without


def segments(sources: Sequence[StoredSource], wanted: Selection) -> Iterator[workout_pb2.StreamSegment]:
    """The segments that `wanted` selects, source after source, each at most about `SEGMENT_BYTES` long.

    Whole sources come chunk by chunk, so that the first segment is ready after one chunk. Nothing is yielded
    for a source that has nothing of what is wanted.

    Raises:
        ChunkCorrupted: a chunk cannot be read.
    """
    if not wanted.aligned and not wanted.max_samples:
        for source in sources:
            for payload in source.payloads:
                yield from cut_into_segments(_selected(decode_chunk(payload), wanted), source.source_id)
        return
    whole = [(source.source_id, _whole(source, wanted)) for source in sources]
    whole = [(source_id, samples) for source_id, samples in whole if len(samples)]
    if wanted.aligned or times_differ([samples for _, samples in whole]):
        whole = [("", align([samples for _, samples in whole]))] if whole else []
    for source_id, samples in whole:
        short = downsample(samples, wanted.max_samples, wanted.method) if wanted.max_samples else samples
        yield from cut_into_segments(short, source_id)


def _whole(source: StoredSource, wanted: Selection) -> SampleColumns:
    return concatenate([_selected(decode_chunk(payload), wanted) for payload in source.payloads])


def _selected(samples: SampleColumns, wanted: Selection) -> SampleColumns:
    """The stretch and the channels that are wanted, without samples that have no value of those."""
    return with_channels(samples.between(wanted.start_ms, wanted.end_ms), wanted.channels)


def with_channels(samples: SampleColumns, channels: frozenset[int]) -> SampleColumns:
    """The columns of `channels` (none: all), without samples that have no value of those."""
    if not channels:
        return samples
    cut = samples.only(channels)
    if not cut.columns:
        return cut.take(slice(0, 0))
    if any(column.present is None for column in cut.columns.values()):
        return cut
    valued = np.logical_or.reduce([column.mask() for column in cut.columns.values()])
    return cut.take(np.flatnonzero(valued))


def times_differ(whole: Sequence[SampleColumns]) -> bool:
    """Whether sources have samples at different times."""
    return any(not np.array_equal(whole[0].times_ms, other.times_ms) for other in whole[1:])


def cut_into_segments(samples: SampleColumns, source_id: str) -> Iterator[workout_pb2.StreamSegment]:
    """Segments of at most `SEGMENT_BYTES`, and without a step in time that the wire cannot carry."""
    rows = max(SEGMENT_BYTES // (_MAX_VARINT_BYTES * (len(samples.columns) + 1)), 1)
    leaps = np.flatnonzero(np.diff(samples.times_ms) > _MAX_STEP_MS) + 1
    edges = np.unique(np.concatenate((np.arange(0, len(samples), rows), leaps, [len(samples)])))
    for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        yield encode_segment(samples.take(slice(first, last)).without_absent(), source_id)
