"""A workout while it is being changed: samples by source, and what its details say. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import recording_pb2
from services.workout.codec import SampleColumn, SampleColumns, concatenate
from services.workout.codec.columns import BoolArray

MARKER = int(channel_pb2.CHANNEL_MARKER)
LATITUDE = int(channel_pb2.CHANNEL_LATITUDE)
LONGITUDE = int(channel_pb2.CHANNEL_LONGITUDE)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one operation did; see `pulsemesh.workout.v1.OperationOutcome`."""

    removed_samples: int = 0
    removed_values: int = 0
    changed_values: int = 0
    filled_values: int = 0


@dataclass(frozen=True)
class Draft:
    """A workout while it is being changed; operations return a new one and leave this as it is.

    Attributes:
        sources: the samples of each source by its id, sorted by time, in the order of the recording.
        details: sessions, laps, lengths; read only.
    """

    sources: Mapping[str, SampleColumns]
    details: recording_pb2.RecordingDetails

    def samples(self) -> int:
        """How many there are, of all sources."""
        return sum(map(len, self.sources.values()))

    def span(self) -> tuple[int, int] | None:
        """First and last time of all samples; None without any."""
        filled = [each.times_ms for each in self.sources.values() if len(each)]
        if not filled:
            return None
        return int(min(times[0] for times in filled)), int(max(times[-1] for times in filled))

    def with_sources(self, change: Callable[[str, SampleColumns], SampleColumns]) -> Draft:
        """The same with every source changed."""
        changed = {source_id: change(source_id, samples) for source_id, samples in self.sources.items()}
        return replace(self, sources=changed)


def replace_column(samples: SampleColumns, channel: int, column: SampleColumn) -> SampleColumns:
    """The same samples with another column."""
    return SampleColumns(samples.times_ms, {**samples.columns, channel: column})


def column_of(values: np.ndarray[tuple[int, ...], np.dtype[np.int32]], present: BoolArray) -> SampleColumn:
    """A column, 0 where absent, without a mask where every value is present."""
    if present.all():
        return SampleColumn(values)
    return SampleColumn(np.where(present, values, 0).astype(np.int32), present)


def without_values(samples: SampleColumns, channel: int, gone: BoolArray) -> SampleColumns:
    """The same without the values of `channel` where `gone`."""
    column = samples.columns[channel]
    return replace_column(samples, channel, column_of(column.values, column.mask() & ~gone))


def without_empty_rows(samples: SampleColumns) -> SampleColumns:
    """Without the samples that hold no value, and without columns that hold none."""
    if not len(samples):
        return samples
    kept = samples.without_absent()
    if not kept.columns:
        return samples.take(slice(0, 0))
    if any(column.present is None for column in kept.columns.values()):
        return kept
    valued = np.logical_or.reduce([column.mask() for column in kept.columns.values()])
    return kept if valued.all() else kept.take(np.flatnonzero(valued))


def with_markers(samples: SampleColumns, markers: list[tuple[int, int]]) -> SampleColumns:
    """With a sample for each (time, kind), before those of the same time."""
    if not markers:
        return samples
    times = np.array([time_ms for time_ms, _ in markers], np.int64)
    kinds = np.array([kind for _, kind in markers], np.int32)
    told = SampleColumns(times, {MARKER: SampleColumn(kinds)})
    return concatenate([told, samples]).sorted_by_time()
