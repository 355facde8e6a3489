"""One series a channel out of several sources that may measure the same.

A ride may carry a strap and a watch that both know the heart rate, and a phone and a bike computer that both
know where they are. For each channel the source with most values leads; where it has been silent for longer
than `HOLD_MS` the others fill in, the next best first. Counters (distance, revolutions) come from the leader
alone, because two counters do not count from the same zero. Latitude and longitude always come together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pulsemesh.samples import CHANNELS
from pulsemesh.type.v1 import channel_pb2
from services.workout.codec import SampleColumns
from services.workout.codec.columns import Int32Array, Int64Array

HOLD_MS = 10_000
"""How long a value stands for what follows it when nothing newer is known."""

LATITUDE = int(channel_pb2.CHANNEL_LATITUDE)
LONGITUDE = int(channel_pb2.CHANNEL_LONGITUDE)
MARKER = int(channel_pb2.CHANNEL_MARKER)


@dataclass(frozen=True, slots=True)
class ChannelSeries:
    """The values of one channel: present ones only, times strictly growing (markers: never falling).

    Attributes:
        times_ms: int64, shape (n,).
        values: int32, shape (n,), in the channel's integer steps.
    """

    times_ms: Int64Array
    values: Int32Array

    def __len__(self) -> int:
        return len(self.times_ms)

    def at(self, rows: Int64Array | np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> ChannelSeries:
        """The same series at `rows`, an index array or a mask."""
        return ChannelSeries(self.times_ms[rows], self.values[rows])


def merge_sources(sources: Sequence[SampleColumns]) -> dict[int, ChannelSeries]:
    """The series of every channel that has at least one value, by channel number.

    Times may come in any order; of several values at one time of one source the first is kept.
    """
    ordered = [source.sorted_by_time() for source in sources]
    channels = sorted({channel for source in ordered for channel in source.columns})
    merged = {
        channel: _merge(ordered, channel) for channel in channels if channel not in (LATITUDE, LONGITUDE)
    }
    if LATITUDE in channels and LONGITUDE in channels:
        merged[LATITUDE], merged[LONGITUDE] = _merge_positions(ordered)
    return {channel: series for channel, series in merged.items() if len(series)}


def _merge(sources: Sequence[SampleColumns], channel: int) -> ChannelSeries:
    if channel == MARKER:
        return _merge_markers(sources)
    candidates = [_present(source, channel) for source in sources if channel in source.columns]
    candidates.sort(key=len, reverse=True)
    if channel in CHANNELS and CHANNELS[channel].cumulative:
        return candidates[0]
    merged = candidates[0]
    for other in candidates[1:]:
        merged = _fill(merged, other, _silent(merged, other))
    return merged


def _merge_positions(sources: Sequence[SampleColumns]) -> tuple[ChannelSeries, ChannelSeries]:
    pairs = [_positions(source) for source in sources]
    pairs.sort(key=lambda pair: len(pair[0]), reverse=True)
    latitude, longitude = pairs[0]
    for other_latitude, other_longitude in pairs[1:]:
        missing = _silent(latitude, other_latitude)
        latitude = _fill(latitude, other_latitude, missing)
        longitude = _fill(longitude, other_longitude, missing)
    return latitude, longitude


def _positions(source: SampleColumns) -> tuple[ChannelSeries, ChannelSeries]:
    latitude, longitude = source.columns.get(LATITUDE), source.columns.get(LONGITUDE)
    if latitude is None or longitude is None:
        nothing = ChannelSeries(np.empty(0, np.int64), np.empty(0, np.int32))
        return nothing, nothing
    both = latitude.mask() & longitude.mask()
    times = source.times_ms[both]
    return (
        _first_of_each_time(times, latitude.values[both]),
        _first_of_each_time(times, longitude.values[both]),
    )


def _merge_markers(sources: Sequence[SampleColumns]) -> ChannelSeries:
    """All markers of all sources; the same moment told twice counts once."""
    told = {
        (int(time), int(value))
        for source in sources
        if (column := source.columns.get(MARKER)) is not None
        for time, value in zip(source.times_ms[column.mask()], column.values[column.mask()], strict=True)
    }
    moments = sorted(told)
    return ChannelSeries(
        np.array([time for time, _ in moments], np.int64), np.array([kind for _, kind in moments], np.int32)
    )


def _present(source: SampleColumns, channel: int) -> ChannelSeries:
    column = source.columns[channel]
    if column.present is None:
        return _first_of_each_time(source.times_ms, column.values)
    return _first_of_each_time(source.times_ms[column.present], column.values[column.present])


def _first_of_each_time(times: Int64Array, values: Int32Array) -> ChannelSeries:
    if len(times) < 2:
        return ChannelSeries(times, values)
    keep = np.concatenate(([True], times[1:] != times[:-1]))
    return ChannelSeries(times, values) if keep.all() else ChannelSeries(times[keep], values[keep])


def _silent(leader: ChannelSeries, other: ChannelSeries) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where `other` has a value and `leader` has none within `HOLD_MS` before or after."""
    if not len(leader):
        return np.ones(len(other), np.bool_)
    after = np.searchsorted(leader.times_ms, other.times_ms)
    previous = leader.times_ms[np.maximum(after - 1, 0)]
    following = leader.times_ms[np.minimum(after, len(leader) - 1)]
    nearest = np.minimum(np.abs(other.times_ms - previous), np.abs(following - other.times_ms))
    return np.asarray(nearest >= HOLD_MS)


def _fill(
    leader: ChannelSeries, other: ChannelSeries, missing: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> ChannelSeries:
    if not missing.any():
        return leader
    times = np.concatenate((leader.times_ms, other.times_ms[missing]))
    order = np.argsort(times, kind="stable")
    return ChannelSeries(times[order], np.concatenate((leader.values, other.values[missing]))[order])
