"""Scaling, dropping and filling the values of channels."""

from __future__ import annotations

import numpy as np

from pulsemesh.samples import CHANNELS
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import revision_pb2
from services.chassis.errors import InvalidField
from services.workout.codec import SampleColumn, SampleColumns
from services.workout.revisions.draft import (
    LATITUDE,
    LONGITUDE,
    Draft,
    Outcome,
    column_of,
    replace_column,
    without_empty_rows,
)

HEART_RATE = int(channel_pb2.CHANNEL_HEART_RATE)
POWER = int(channel_pb2.CHANNEL_POWER)
LONGEST_DROPOUT_S = 10.0

_NEVER_FILLED = frozenset(
    {int(channel_pb2.CHANNEL_RR_INTERVAL), int(channel_pb2.CHANNEL_MARKER), LATITUDE, LONGITUDE}
)
_INT32 = np.iinfo(np.int32)


def scale_channel(draft: Draft, wanted: revision_pb2.ScaleChannel) -> tuple[Draft, Outcome]:
    """value * factor + offset.

    Raises:
        InvalidField: there is no such channel, or it cannot be scaled.
    """
    channel = int(wanted.channel)
    spec = CHANNELS.get(channel)
    if spec is None or channel in (LATITUDE, LONGITUDE, int(channel_pb2.CHANNEL_MARKER)):
        raise InvalidField("scale_channel.channel", "cannot be scaled")
    if not _sources_with(draft, channel, wanted.source_id):
        raise InvalidField("scale_channel.channel", "is not a channel of the workout")
    changed = 0
    sources = dict(draft.sources)
    for source_id in _sources_with(draft, channel, wanted.source_id):
        column = sources[source_id].columns[channel]
        present = column.mask()
        scaled = column.values * wanted.factor + wanted.offset * spec.scale
        # A negative power or heart rate is none, and a counter does not count down from its beginning.
        least = 0 if channel in (HEART_RATE, POWER) else _INT32.min
        steps = np.clip(np.rint(scaled), least, _INT32.max).astype(np.int32)
        changed += int(np.count_nonzero(present & (steps != column.values)))
        sources[source_id] = replace_column(sources[source_id], channel, column_of(steps, present))
    return Draft(sources, draft.details), Outcome(changed_values=changed)


def drop_data(draft: Draft, wanted: revision_pb2.DropData) -> tuple[Draft, Outcome]:
    """Leave out a channel, a source, or a channel of a source; a position goes as a whole.

    Raises:
        InvalidField: neither is given, or there is no such thing.
    """
    channel = int(wanted.channel)
    if not channel and not wanted.source_id:
        raise InvalidField("drop_data.channel", "name a channel, a source or both")
    if wanted.source_id and wanted.source_id not in draft.sources:
        raise InvalidField("drop_data.source_id", "is not a source of the workout")
    if not channel:
        return _without_source(draft, wanted.source_id)
    channels = frozenset({LATITUDE, LONGITUDE} if channel in (LATITUDE, LONGITUDE) else {channel})
    holders = _sources_with(draft, channel, wanted.source_id)
    if not holders:
        raise InvalidField("drop_data.channel", "is not a channel of the workout")
    sources = dict(draft.sources)
    values = 0
    for source_id in holders:
        samples = sources[source_id]
        values += sum(int(samples.columns[each].mask().sum()) for each in channels & samples.columns.keys())
        sources[source_id] = without_empty_rows(samples.only(frozenset(samples.columns) - channels))
    after = Draft(sources, draft.details)
    return after, Outcome(removed_samples=draft.samples() - after.samples(), removed_values=values)


def fill_dropouts(draft: Draft, wanted: revision_pb2.FillDropouts) -> tuple[Draft, Outcome]:
    """A straight line over short silences of a channel, at the samples that its source has there."""
    channels = [int(channel) for channel in wanted.channels] or [HEART_RATE, POWER]
    longest_ms = (wanted.longest_s or LONGEST_DROPOUT_S) * 1000
    filled = 0
    sources = dict(draft.sources)
    for source_id in draft.sources:
        for channel in channels:
            if channel in _NEVER_FILLED or channel not in sources[source_id].columns:
                continue
            sources[source_id], count = _filled(sources[source_id], channel, longest_ms)
            filled += count
    return Draft(sources, draft.details), Outcome(filled_values=filled)


def _without_source(draft: Draft, source_id: str) -> tuple[Draft, Outcome]:
    gone = draft.sources[source_id]
    values = sum(int(column.mask().sum()) for column in gone.columns.values())
    sources = {**draft.sources, source_id: gone.take(slice(0, 0))}
    return Draft(sources, draft.details), Outcome(removed_samples=len(gone), removed_values=values)


def _sources_with(draft: Draft, channel: int, source_id: str) -> list[str]:
    return [
        each
        for each, samples in draft.sources.items()
        if channel in samples.columns and source_id in ("", each)
    ]


def _filled(samples: SampleColumns, channel: int, longest_ms: float) -> tuple[SampleColumns, int]:
    column = samples.columns[channel]
    known = column.mask()
    if channel == HEART_RATE:
        known = known & (column.values > 0)
    rows = np.flatnonzero(known)
    missing = np.flatnonzero(~known)
    if len(rows) < 2 or not len(missing):
        return samples, 0
    after = np.searchsorted(rows, missing)
    inside = (after > 0) & (after < len(rows))
    missing, after = missing[inside], after[inside]
    begins, ends = samples.times_ms[rows[after - 1]], samples.times_ms[rows[after]]
    short = ends - begins <= longest_ms
    missing = missing[short]
    if not len(missing):
        return samples, 0
    values = column.values.copy()
    present = column.mask().copy()
    line = np.interp(samples.times_ms[missing], samples.times_ms[rows], column.values[rows])
    values[missing] = np.rint(line).astype(np.int32)
    present[missing] = True
    whole = SampleColumn(values) if present.all() else SampleColumn(values, present)
    return replace_column(samples, channel, whole), len(missing)
