"""Altitude corrected by what the workout itself knows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pulsemesh.samples import CHANNELS
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import revision_pb2
from services.workout.codec import SampleColumn, SampleColumns
from services.workout.revisions.draft import Draft, Outcome, replace_column, without_values
from services.workout.revisions.operations.robust import FloatArray, running_median
from services.workout.revisions.operations.spikes import spikes

ALTITUDE = int(channel_pb2.CHANNEL_ALTITUDE)
_SCALE = CHANNELS[ALTITUDE].scale
_INT32 = np.iinfo(np.int32)
_MAX_HALF = 150


def correct_elevation(draft: Draft, wanted: revision_pb2.CorrectElevation) -> tuple[Draft, Outcome]:
    """Outliers first, then smoothing, each source on its own; then the level, the same for all."""
    holders = [each for each, samples in draft.sources.items() if ALTITUDE in samples.columns]
    sources = dict(draft.sources)
    removed = 0
    for source_id in holders:
        if wanted.remove_outliers:
            gone = spikes(sources[source_id], ALTITUDE)
            sources[source_id] = without_values(sources[source_id], ALTITUDE, gone)
            removed += int(np.count_nonzero(gone))
        if wanted.smoothing_s:
            sources[source_id] = _smoothed(sources[source_id], wanted.smoothing_s)
    metres = _offset_m([sources[source_id] for source_id in holders], wanted)
    changed = 0
    for source_id in holders:
        sources[source_id] = _raised(sources[source_id], metres)
        column, before = sources[source_id].columns[ALTITUDE], draft.sources[source_id].columns[ALTITUDE]
        changed += int(np.count_nonzero((column.values != before.values) & column.mask()))
    return Draft(sources, draft.details), Outcome(removed_values=removed, changed_values=changed)


def _offset_m(holders: list[SampleColumns], wanted: revision_pb2.CorrectElevation) -> float:
    """What the level adds; a known beginning is that of the source with most altitudes."""
    level = wanted.WhichOneof("level")
    if level == "offset_m":
        return wanted.offset_m
    if level is None or not holders:
        return 0.0
    leader = max(holders, key=lambda samples: int(samples.columns[ALTITUDE].mask().sum()))
    column = leader.columns[ALTITUDE]
    # The median of five: a receiver needs some seconds to find itself.
    first = column.values[column.mask()][:5]
    return wanted.start_altitude_m - float(np.median(first)) / _SCALE if len(first) else 0.0


def _raised(samples: SampleColumns, metres: float) -> SampleColumns:
    column = samples.columns[ALTITUDE]
    return _with_steps(samples, column, column.values.astype(np.float64) + metres * _SCALE)


def _smoothed(samples: SampleColumns, window_s: float) -> SampleColumns:
    """A median against what juts out, then a mean against what is left of the steps, each over `window_s`."""
    column = samples.columns[ALTITUDE]
    rows = np.flatnonzero(column.mask())
    if len(rows) < 3:
        return samples
    times_ms, values = samples.times_ms[rows], column.values[rows].astype(np.float64)
    step_ms = float(np.median(np.diff(times_ms))) or 1000.0
    half = min(max(round(window_s * 1000 / step_ms / 2), 1), _MAX_HALF)
    even = _mean_over_time(times_ms, running_median(values, half), window_s * 1000)
    whole = column.values.astype(np.float64)
    whole[rows] = even
    return _with_steps(samples, column, whole)


def _mean_over_time(times_ms: NDArray[np.int64], values: FloatArray, window_ms: float) -> FloatArray:
    """Mean of the values within half a window of each, however far apart the samples lie."""
    sums = np.concatenate(([0.0], np.cumsum(values)))
    first = np.searchsorted(times_ms, times_ms - window_ms / 2, side="left")
    last = np.searchsorted(times_ms, times_ms + window_ms / 2, side="right")
    return np.asarray((sums[last] - sums[first]) / (last - first))


def _with_steps(samples: SampleColumns, column: SampleColumn, values: FloatArray) -> SampleColumns:
    steps = np.clip(np.rint(values), _INT32.min, _INT32.max).astype(np.int32)
    if column.present is not None:
        steps[~column.present] = 0
    return replace_column(samples, ALTITUDE, SampleColumn(steps, column.present))
