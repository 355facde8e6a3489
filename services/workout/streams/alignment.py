"""Several sources on one axis of time, one sample a second.

A value stands from its own moment for at most `HOLD_MS`: the second at 12.000 shows the newest value told at
or before 12.000. Counters are interpolated between their samples instead. Markers are moments, not states:
each shows once, at the first second not before it. Seconds at which nothing is known are left out, so a pause
of a day costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pulsemesh.samples import CHANNELS
from services.workout.codec import SampleColumn, SampleColumns
from services.workout.codec.columns import EMPTY, Int64Array
from services.workout.streams.merging import HOLD_MS, MARKER, ChannelSeries, merge_sources

_SECOND_MS = 1000
_HOLD_S = HOLD_MS // _SECOND_MS


def align(sources: Sequence[SampleColumns]) -> SampleColumns:
    """All channels of all sources on one axis; see the module. Times are whole seconds and strictly grow."""
    channels = merge_sources(sources)
    if not channels:
        return EMPTY
    axis_ms = _known_seconds(channels) * _SECOND_MS
    columns = {channel: _on_axis(channel, series, axis_ms) for channel, series in sorted(channels.items())}
    return SampleColumns(axis_ms, columns).without_absent()


def _known_seconds(channels: Mapping[int, ChannelSeries]) -> Int64Array:
    """Seconds since 1970 at which any channel has a value, shape (n,), strictly growing."""
    told = np.unique(np.concatenate([_second_of(series.times_ms) for series in channels.values()]))
    states = [_second_of(series.times_ms) for channel, series in channels.items() if channel != MARKER]
    if not states:
        return told
    seconds = np.unique(np.concatenate(states))
    # Every told second and up to nine after it, but not beyond the next told one nor the last of all.
    room = np.minimum(np.diff(seconds, append=seconds[-1] + 1), _HOLD_S)
    begins = np.cumsum(room) - room
    filled = np.repeat(seconds, room) + np.arange(int(room.sum())) - np.repeat(begins, room)
    return np.union1d(filled, told)


def _second_of(times_ms: Int64Array) -> Int64Array:
    """The first whole second not before each time."""
    return -(-times_ms // _SECOND_MS)


def _on_axis(channel: int, series: ChannelSeries, axis_ms: Int64Array) -> SampleColumn:
    if channel == MARKER:
        return _moments(series, axis_ms)
    if channel in CHANNELS and CHANNELS[channel].cumulative:
        return _interpolated(series, axis_ms)
    return _held(series, axis_ms)


def _held(series: ChannelSeries, axis_ms: Int64Array) -> SampleColumn:
    newest = np.searchsorted(series.times_ms, axis_ms, side="right") - 1
    source = np.maximum(newest, 0)
    present = (newest >= 0) & (axis_ms - series.times_ms[source] < HOLD_MS)
    return SampleColumn(np.where(present, series.values[source], 0).astype(np.int32), present)


def _interpolated(series: ChannelSeries, axis_ms: Int64Array) -> SampleColumn:
    """Between its samples; after the last for less than a second, so that the end is shown."""
    first, last = int(series.times_ms[0]), int(_second_of(series.times_ms[-1:])[0]) * _SECOND_MS
    present = (axis_ms >= first) & (axis_ms <= last)
    values = np.rint(np.interp(axis_ms, series.times_ms, series.values))
    return SampleColumn(np.where(present, values, 0).astype(np.int32), present)


def _moments(series: ChannelSeries, axis_ms: Int64Array) -> SampleColumn:
    rows = np.searchsorted(axis_ms, _second_of(series.times_ms) * _SECOND_MS)
    values = np.zeros(len(axis_ms), np.int32)
    present = np.zeros(len(axis_ms), np.bool_)
    values[rows] = series.values
    present[rows] = True
    return SampleColumn(values, present)
