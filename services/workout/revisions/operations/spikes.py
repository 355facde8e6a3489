"""Values that nobody can have given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pulsemesh.samples import CHANNELS
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import revision_pb2
from services.workout.codec import SampleColumns
from services.workout.codec.columns import BoolArray
from services.workout.revisions.draft import LATITUDE, LONGITUDE, Draft, Outcome, without_values
from services.workout.revisions.operations.robust import MAD_TO_DEVIATION, FloatArray, hampel
from services.workout.summary.distance import EARTH_RADIUS_M


@dataclass(frozen=True, slots=True)
class Limits:
    """What a channel can be.

    Attributes:
        lowest, highest: in the channel's unit; what lies beyond is removed whatever its neighbours are.
        floor: the least robust standard deviation that is assumed.
        deviations: how many of them a value may lie from its neighbours' median.
    """

    lowest: float
    highest: float
    floor: float
    deviations: float


LIMITS: Mapping[int, Limits] = {
    # Sprinters on the track peak at about 2,500 W; power jumps from second to second by nature.
    int(channel_pb2.CHANNEL_POWER): Limits(0, 3000, 60, 8),
    int(channel_pb2.CHANNEL_HEART_RATE): Limits(25, 240, 3, 5),
    # 200 km/h: nobody rides or skis faster outside of records.
    int(channel_pb2.CHANNEL_SPEED): Limits(0, 56, 1, 6),
    int(channel_pb2.CHANNEL_CADENCE): Limits(0, 260, 8, 6),
    int(channel_pb2.CHANNEL_ALTITUDE): Limits(-500, 9000, 2, 6),
    int(channel_pb2.CHANNEL_TEMPERATURE): Limits(-60, 80, 1, 6),
    int(channel_pb2.CHANNEL_RESPIRATION_RATE): Limits(3, 90, 2, 6),
    int(channel_pb2.CHANNEL_CORE_TEMPERATURE): Limits(30, 45, 0.1, 6),
}
_ANY = Limits(-np.inf, np.inf, 0, 6)

DEFAULT_CHANNELS = (
    int(channel_pb2.CHANNEL_HEART_RATE),
    int(channel_pb2.CHANNEL_POWER),
    int(channel_pb2.CHANNEL_SPEED),
    int(channel_pb2.CHANNEL_CADENCE),
    LATITUDE,
)
NEIGHBOURS = 5
"""On either side: eleven values, so that a burst of up to five wrong ones is seen."""

_POSITION_FLOOR_M = 5.0
_POSITION_DEVIATIONS = 6.0
_NEVER = frozenset({int(channel_pb2.CHANNEL_MARKER), int(channel_pb2.CHANNEL_RR_INTERVAL)})


def remove_spikes(draft: Draft, wanted: revision_pb2.RemoveSpikes) -> tuple[Draft, Outcome]:
    """Remove what lies far from its neighbours or beyond what the channel can be; counters stay."""
    channels = [int(channel) for channel in wanted.channels] or list(DEFAULT_CHANNELS)
    removed = 0
    changed = {}
    for source_id, samples in draft.sources.items():
        result = samples
        for channel in channels:
            result, gone = _despiked(result, channel, wanted.deviations)
            removed += gone
        changed[source_id] = result
    return Draft(changed, draft.details), Outcome(removed_values=removed)


def _despiked(samples: SampleColumns, channel: int, deviations: float) -> tuple[SampleColumns, int]:
    if channel in (LATITUDE, LONGITUDE):
        return _without_jumps(samples, deviations or _POSITION_DEVIATIONS)
    spec = CHANNELS.get(channel)
    if channel not in samples.columns or spec is None or spec.cumulative or channel in _NEVER:
        return samples, 0
    gone = spikes(samples, channel, deviations)
    return without_values(samples, channel, gone), int(np.count_nonzero(gone))


def spikes(samples: SampleColumns, channel: int, deviations: float = 0.0) -> BoolArray:
    """Where a channel that `samples` has holds a spike; bool, shape (n,)."""
    column, limits = samples.columns[channel], LIMITS.get(channel, _ANY)
    scale = CHANNELS[channel].scale
    present = column.mask()
    values = column.values / scale
    beyond = present & ((values < limits.lowest) | (values > limits.highest))
    rows = np.flatnonzero(present & ~beyond)
    far = hampel(values[rows], NEIGHBOURS, deviations or limits.deviations, max(limits.floor, 1 / scale))
    beyond[rows[far]] = True
    return beyond


def _without_jumps(samples: SampleColumns, deviations: float) -> tuple[SampleColumns, int]:
    """Without positions far from where their neighbours say the athlete was."""
    if LATITUDE not in samples.columns or LONGITUDE not in samples.columns:
        return samples, 0
    both = samples.columns[LATITUDE].mask() & samples.columns[LONGITUDE].mask()
    rows = np.flatnonzero(both)
    if len(rows) < 3:
        return samples, 0
    north, east = _metres(samples, rows)
    far = _off_the_way(samples.times_ms[rows], north, east, deviations)
    gone = np.zeros(len(samples), np.bool_)
    gone[rows[far]] = True
    cleaned = without_values(without_values(samples, LATITUDE, gone), LONGITUDE, gone)
    return cleaned, int(np.count_nonzero(far))


def _metres(samples: SampleColumns, rows: NDArray[np.intp]) -> tuple[FloatArray, FloatArray]:
    """Positions on a plane, in metres north and east."""
    per_step = np.pi / 180 * EARTH_RADIUS_M / CHANNELS[LATITUDE].scale
    latitude = samples.columns[LATITUDE].values[rows].astype(np.float64)
    longitude = np.unwrap(samples.columns[LONGITUDE].values[rows].astype(np.float64), period=2.0**32)
    shrink = float(np.cos(np.radians(np.median(latitude) / CHANNELS[LATITUDE].scale)))
    return latitude * per_step, longitude * per_step * shrink


def _off_the_way(
    times_ms: NDArray[np.int64], north: FloatArray, east: FloatArray, deviations: float
) -> BoolArray:
    """Where a position leaves the straight line between its neighbours by more than a corner can.

    Neighbours one, two and three away are tried and the least deviation counts, so that those beside a jump
    are not taken for one.
    """
    seconds = np.maximum(np.diff(times_ms), 1) / 1000
    typical_mps = float(np.quantile(np.hypot(np.diff(north), np.diff(east)) / seconds, 0.9))
    excess = np.full(len(north), np.inf)
    for reach in (1, 2, 3):
        if len(north) <= 2 * reach:
            break
        before, middle, after = slice(0, -2 * reach), slice(reach, -reach), slice(2 * reach, None)
        length_ms = np.maximum(times_ms[after] - times_ms[before], 1)
        share = (times_ms[middle] - times_ms[before]) / length_ms
        miss = np.hypot(
            *(
                metres[middle] - metres[before] - share * (metres[after] - metres[before])
                for metres in (north, east)
            )
        )
        ordinary = MAD_TO_DEVIATION * float(np.median(miss))
        # A right-angled corner misses the line by at most speed * time / sqrt(2) of one side.
        corner = typical_mps * length_ms / 2000
        allowed = np.maximum(deviations * max(ordinary, _POSITION_FLOOR_M), corner)
        excess[middle] = np.minimum(excess[middle], miss / allowed)
    return np.asarray(np.isfinite(excess) & (excess > 1), np.bool_)
