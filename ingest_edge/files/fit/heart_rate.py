"""Heart rate that a strap stored by itself (`hr` messages), brought to the records of the device."""

from __future__ import annotations

import numpy as np

from ingest_edge.files.fit.columns import Floats
from ingest_edge.files.fit.content import FitContent

_RECORD, _HR = 20, 132
_STEP_S = 0.25
_MOST_STEPS = 20
"""A beat's rate is carried on for up to five seconds where no other follows, a quarter of a second a step."""


def merged_heart_rate(content: FitContent) -> Floats | None:
    """The heart rate of each record in beats a minute, shape (n,), NaN where there is none.

    Where the file has `hr` messages that reach over a record, it is the mean of the beats since the record
    before, as the official SDK merges them; elsewhere the record's own. None where the file has no records.
    """
    records = content.messages.get(_RECORD)
    if records is None:
        return None
    own = records.columns.get("heart_rate")
    merged = np.full(len(records), np.nan) if own is None or own.is_array else own.matrix()[:, 0]
    ends = records.columns.get("timestamp")
    beats = _beats(content)
    if beats is None or ends is None or ends.is_array:
        return merged
    seconds, rates = beats
    end = ends.matrix()[:, 0]
    start = np.concatenate((end[:1], end[:-1]))
    start = np.where(start == end, end - 1, start)
    first, last = np.searchsorted(seconds, start, "right"), np.searchsorted(seconds, end, "right")
    total = np.concatenate(([0.0], np.cumsum(rates)))
    # A record is over when a later beat is known.
    over = (last > first) & (last < len(seconds)) & ~np.isnan(end) & ~np.isnan(start)
    merged[over] = np.floor((total[last] - total[first])[over] / (last - first)[over] + 0.5)
    return merged


def _beats(content: FitContent) -> tuple[Floats, Floats] | None:
    """Times in FIT seconds, ascending, and rates of all beats, gaps filled; None where there are none."""
    table = content.messages.get(_HR)
    if table is None or not {"event_timestamp", "filtered_bpm", "timestamp"} <= table.columns.keys():
        return None
    ticks, rates, anchors = (
        table.columns[name].matrix() for name in ("event_timestamp", "filtered_bpm", "timestamp")
    )
    fraction = table.columns.get("fractional_timestamp")
    if fraction is not None:
        anchors = anchors + np.nan_to_num(fraction.matrix())
    anchored = ~np.isnan(anchors[:, 0]) & ~np.isnan(ticks[:, 0])
    if not anchored.any() or ticks.shape != rates.shape:
        return None
    anchor = np.maximum.accumulate(np.where(anchored, np.arange(len(ticks)), -1))
    seconds = np.where(anchor[:, None] >= 0, anchors[anchor] + ticks - ticks[anchor, :1], np.nan)
    there = ~np.isnan(seconds) & ~np.isnan(rates)
    order = np.argsort(seconds[there], kind="stable")
    return _filled(seconds[there][order], rates[there][order])


def _filled(seconds: Floats, rates: Floats) -> tuple[Floats, Floats]:
    gaps = np.diff(seconds, append=seconds[-1:])
    steps = np.clip(np.ceil(gaps / _STEP_S) - 1, 0, _MOST_STEPS).astype(np.int64)
    source = np.repeat(np.arange(len(seconds)), steps + 1)
    step = np.arange(len(source)) - np.repeat(np.cumsum(steps + 1) - steps - 1, steps + 1)
    return seconds[source] + step * _STEP_S, rates[source]
