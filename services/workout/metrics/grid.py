"""One axis of seconds for all channels of a stretch: what the formulas work on.

The axis begins at the first sample of the stretch and has one point for each second of elapsed time, so that
a pause is as long on it as it was. The value of a second is the mean of the samples within it; a second
without a sample holds the last value while that is younger than `HOLD_S` (devices that record on change
leave gaps of up to some seven seconds); a longer silence is not bridged and holds nothing.

*Recorded* are the seconds that anything was heard of, less those at which the clock stood by the markers.
They
are the clock of all numbers that speak of time: training load, zones, averages.

Silences of hours would make the axis long for nothing. Together they may take `SPARE_S`; beyond that the
longest are shortened, each to the same length.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pulsemesh.samples import CHANNELS
from pulsemesh.type.v1 import channel_pb2
from services.workout.summary.intervals import Intervals
from services.workout.summary.series import MAX_GAP_MS, Series

FloatArray = NDArray[np.float64]
Int64Array = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

HOLD_S = MAX_GAP_MS // 1000
"""For so many seconds a value stands, its own included."""

SPARE_S = 172_800
"""How long all silences together may be on the axis: two days."""

_SCATTER_LIMIT_S = 4_000_000

_NOT_STATES = frozenset(
    {channel_pb2.CHANNEL_MARKER, channel_pb2.CHANNEL_RR_INTERVAL}
    | {channel_pb2.CHANNEL_LATITUDE, channel_pb2.CHANNEL_LONGITUDE}
    | {channel for channel, spec in CHANNELS.items() if spec.cumulative}
)


@dataclass(frozen=True)
class Grid:
    """All channels of a stretch, second by second.

    Attributes:
        start_ms: when the axis begins.
        seconds: int64, shape (n,), strictly growing: point i is the second that begins that long after
            `start_ms`. It is 0, 1, 2, … unless silences were shortened.
        recorded: bool, shape (n,): the clock ran and something was heard.
        series: what the channels are made of, by channel.
    """

    start_ms: int
    seconds: Int64Array
    recorded: BoolArray
    series: Mapping[int, Series] = field(repr=False)
    _placed: dict[int, tuple[Int64Array, Int64Array]] = field(default_factory=dict, repr=False)
    _channels: dict[int, FloatArray | None] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.seconds)

    @cached_property
    def recorded_s(self) -> int:
        """How many seconds were recorded."""
        return int(np.count_nonzero(self.recorded))

    @cached_property
    def always_recorded(self) -> bool:
        """Whether no second is missing."""
        return self.recorded_s == len(self)

    def channel(self, number: int) -> FloatArray | None:
        """Values in the unit of the channel, NaN where unknown or not recorded; None without any."""
        if number not in self._channels:
            self._channels[number] = self._gridded(number)
        return self._channels[number]

    def while_recorded(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """The values at recorded seconds: the axis without its pauses."""
        return values if self.always_recorded else values[self.recorded]

    def time_ms(self, point: int) -> int:
        """When the second at `point` begins; `point` may be the axis's end."""
        if not len(self):
            return self.start_ms
        if point >= len(self):
            return self.start_ms + 1000 * (int(self.seconds[-1]) + 1)
        return self.start_ms + 1000 * int(self.seconds[max(point, 0)])

    def at_edges(self, counter: Series) -> FloatArray:
        """A counter at the n + 1 edges of the axis's seconds, interpolated, constant beyond its ends."""
        edges = np.append(self.seconds, self.seconds[-1:] + 1) * 1000 + self.start_ms
        return counter.at(edges)

    def _gridded(self, number: int) -> FloatArray | None:
        series = self.series.get(number)
        if series is None or not len(series) or number in _NOT_STATES:
            return None
        values = _fill(self._points(series.times_ms), series.values, self.seconds)
        if not self.always_recorded:
            values[~self.recorded] = np.nan
        return None if np.isnan(values).all() else values

    def _points(self, times_ms: Int64Array) -> Int64Array:
        key = id(times_ms)
        if key not in self._placed:
            told = (times_ms - self.start_ms) // 1000
            whole = len(self) > 0 and int(self.seconds[-1]) == len(self) - 1
            # The times are kept beside the points: the key is their identity.
            self._placed[key] = (times_ms, told if whole else np.searchsorted(self.seconds, told))
        return self._placed[key][1]


def grid(series: Mapping[int, Series], running: Intervals, start_ms: int, stop_ms: int) -> Grid:
    """The axis of the samples with ``start_ms <= time < stop_ms``; it is empty when there is none."""
    cut = {channel: one for channel, one in _cut(series, start_ms, stop_ms).items() if len(one)}
    heard = [one for channel, one in cut.items() if channel != channel_pb2.CHANNEL_MARKER]
    if not heard:
        return Grid(start_ms, np.empty(0, np.int64), np.empty(0, np.bool_), {})
    origin = min(int(one.times_ms[0]) for one in heard)
    told = _told_seconds(heard, origin)
    seconds = _axis(told)
    recorded = _held(np.searchsorted(seconds, told), seconds) >= 0
    moment = stop_ms - start_ms <= 1  # a single sample has no time that a clock could run for
    if not moment and (
        len(running.starts) != 1 or running.starts[0] > origin or running.ends[0] < stop_ms - 1
    ):
        recorded &= _runs(running, origin + seconds * 1000, stop_ms)
    return Grid(origin, seconds, recorded, cut)


def _runs(running: Intervals, begins_ms: Int64Array, stop_ms: int) -> BoolArray:
    """Whether the clock ran for half of each second; the second of the last sample reaches beyond its end."""
    ends = running.ends.copy()
    ends[ends >= stop_ms - 1] += 1000
    return np.asarray(Intervals(running.starts, ends).overlap_ms(begins_ms, begins_ms + 1000) >= 500)


def _cut(series: Mapping[int, Series], start_ms: int, stop_ms: int) -> dict[int, Series]:
    shared: dict[int, tuple[int, int, Int64Array]] = {}
    cut = {}
    for channel, one in series.items():
        key = id(one.times_ms)
        if key not in shared:
            first, last = np.searchsorted(one.times_ms, [start_ms, stop_ms])
            shared[key] = int(first), int(last), one.times_ms[first:last]
        start, stop, times = shared[key]
        cut[channel] = Series(times, one.values[start:stop])
    return cut


def _told_seconds(heard: list[Series], origin: int) -> Int64Array:
    """Seconds since `origin` that any series has a sample in; strictly growing."""
    distinct = list({id(one.times_ms): one.times_ms for one in heard}.values())
    extent = 1 + (max(int(times[-1]) for times in distinct) - origin) // 1000
    seconds = [(times - origin) // 1000 for times in distinct]
    if extent > _SCATTER_LIMIT_S:
        return np.unique(np.concatenate(seconds))
    told = np.zeros(extent, np.bool_)
    for each in seconds:
        told[each] = True
    return np.flatnonzero(told)


def _axis(told: Int64Array) -> Int64Array:
    """Every second from the first told to the last, with the longest silences shortened; see the module."""
    steps = np.diff(told)
    if int(told[-1]) + 1 - len(told) <= SPARE_S:
        return np.arange(int(told[-1]) + 1)
    longest = _longest_silence(np.sort(steps - 1))
    kept = np.minimum(steps, 1 + longest)
    begins = np.append(0, np.cumsum(kept))
    room = np.append(kept, 1)
    return np.asarray(np.repeat(told, room) + np.arange(int(room.sum())) - np.repeat(begins, room))


def _longest_silence(silences: Int64Array) -> int:
    """The length to which silences, sorted, are cut so that they fit into `SPARE_S` together; ten at
    least."""
    before = np.cumsum(silences) - silences
    share = (SPARE_S - before) // np.arange(len(silences), 0, -1)
    fits = np.flatnonzero(share >= silences)
    first_cut = 0 if not len(fits) else int(fits[-1]) + 1
    return max(HOLD_S, int(share[min(first_cut, len(silences) - 1)]))


def _held(points: Int64Array, seconds: Int64Array) -> Int64Array:
    """For each point of the axis the newest of `points` that still stands there, or -1; shape (n,)."""
    held = np.full(len(seconds), -1)
    held[points] = points
    if len(points) < len(seconds):
        held = np.maximum.accumulate(held)
        held[seconds - seconds[held] >= HOLD_S] = -1
    return held


def _fill(points: Int64Array, values: FloatArray, seconds: Int64Array) -> FloatArray:
    """Values on the axis: means of what falls on one point, held over short silences, NaN over long ones."""
    size = len(seconds)
    if len(points) == size and points[0] == 0 and points[-1] == size - 1 and _grows(points):
        return np.array(values, np.float64)
    if not _grows(points):
        count = np.bincount(points, minlength=size)
        total = np.bincount(points, weights=values, minlength=size)
        points = np.flatnonzero(count)
        values = total[points] / count[points]
    filled = np.full(size, np.nan)
    filled[points] = values
    held = _held(points, seconds)
    return np.where(held >= 0, filled[held], np.nan)


def _grows(points: Int64Array) -> bool:
    return len(points) < 2 or bool((points[1:] > points[:-1]).all())
