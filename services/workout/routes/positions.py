"""The positions of a workout, freed of what no receiver can have seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pulsemesh.samples import CHANNELS
from pulsemesh.type.v1 import channel_pb2
from services.workout.codec import SampleColumns
from services.workout.codec.columns import Int64Array
from services.workout.routes.geometry import Floats, Plane, along_m, steps_m, thinned
from services.workout.streams.merging import ChannelSeries, merge_sources
from services.workout.summary.distance import FASTEST_MPS

LATITUDE = int(channel_pb2.CHANNEL_LATITUDE)
LONGITUDE = int(channel_pb2.CHANNEL_LONGITUDE)
POSITIONS = frozenset({LATITUDE, LONGITUDE})

SMOOTHING_MS = 2_000
"""Positions are the mean of those within two seconds before and after: of the receiver's noise that changes
from second to second half is gone, and a bend taken at 10 m/s moves by less than a metre. Devices that record
every few seconds are left as they are."""

ODOMETER_M = 10.0
"""Distance along positions counts steps of at least so much: what a receiver wanders while it stands, and
zigzags while it moves, does not add up."""

_WHERE_ZERO_DEG = 1e-4
_FEWEST = 2


@dataclass(frozen=True)
class GpsTrack:
    """Where somebody was, when.

    Attributes:
        times_ms: int64, shape (n,), strictly growing; n is at least 2.
        latitude_deg, longitude_deg: float64, shape (n,).
    """

    times_ms: Int64Array
    latitude_deg: Floats
    longitude_deg: Floats

    def __len__(self) -> int:
        return len(self.times_ms)

    @cached_property
    def plane(self) -> Plane:
        """The plane that touches the earth in its middle."""
        return Plane(
            float(self.latitude_deg.min() + self.latitude_deg.max()) / 2, float(np.median(self.longitude_deg))
        )

    def on(self, plane: Plane) -> Floats:
        """Smoothed positions in metres, shape (n, 2)."""
        return smoothed(self.times_ms, plane.project(self.latitude_deg, self.longitude_deg))

    @cached_property
    def metres(self) -> Floats:
        """Smoothed positions on the track's own plane, shape (n, 2)."""
        return self.on(self.plane)

    @cached_property
    def along_m(self) -> Floats:
        """Metres covered at each position, shape (n,): grows in steps while moving, stands while standing."""
        kept = thinned(self.metres, ODOMETER_M)
        return np.asarray(np.interp(self.times_ms, self.times_ms[kept], along_m(self.metres[kept])))

    def between(self, start_ms: float, end_ms: float) -> GpsTrack:
        """The positions with ``start_ms <= time <= end_ms``; may be fewer than two."""
        first = int(np.searchsorted(self.times_ms, start_ms, side="left"))
        last = int(np.searchsorted(self.times_ms, end_ms, side="right"))
        rows = slice(first, last)
        return GpsTrack(self.times_ms[rows], self.latitude_deg[rows], self.longitude_deg[rows])


def gps_track(channels: Mapping[int, ChannelSeries]) -> GpsTrack | None:
    """The track in merged channels (see `merge_sources`); None without two positions that can be true."""
    latitude, longitude = channels.get(LATITUDE), channels.get(LONGITUDE)
    if latitude is None or longitude is None:
        return None
    return cleaned(
        latitude.times_ms,
        latitude.values / CHANNELS[LATITUDE].scale,
        longitude.values / CHANNELS[LONGITUDE].scale,
    )


def track_of_sources(sources: Sequence[SampleColumns]) -> GpsTrack | None:
    """The track of a workout's sources; other channels are not looked at."""
    return gps_track(merge_sources([source.only(POSITIONS) for source in sources]))


def cleaned(times_ms: Int64Array, latitude_deg: Floats, longitude_deg: Floats) -> GpsTrack | None:
    """Without the place 0, 0 (a receiver that does not know), and without leaps that nobody can make."""
    true = (np.abs(latitude_deg) > _WHERE_ZERO_DEG) | (np.abs(longitude_deg) > _WHERE_ZERO_DEG)
    true &= np.abs(latitude_deg) < 89.9  # at a pole no plane is any good
    if int(true.sum()) < _FEWEST:
        return None
    track = GpsTrack(times_ms[true], latitude_deg[true], longitude_deg[true])
    rows = _believable(track)
    if len(rows) < _FEWEST:
        return None
    return GpsTrack(track.times_ms[rows], track.latitude_deg[rows], track.longitude_deg[rows])


def _believable(track: GpsTrack) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Rows without those to which and from which the athlete would have had to fly."""
    points = track.plane.project(track.latitude_deg, track.longitude_deg)
    too_fast = steps_m(points) > FASTEST_MPS * np.diff(track.times_ms) / 1000
    if not too_fast.any():
        return np.arange(len(track))
    leaps_in = np.concatenate(([False], too_fast))
    leaps_out = np.concatenate((too_fast, [False]))
    # A lone wrong position is left as fast as it is reached; after a tunnel the track really goes on there.
    return np.flatnonzero(~(leaps_in & leaps_out))


def smoothed(times_ms: Int64Array, points: Floats) -> Floats:
    """Each point as the mean of those within `SMOOTHING_MS`, as many before as after; shape (n, 2)."""
    rows = np.arange(len(times_ms))
    before = rows - np.searchsorted(times_ms, times_ms - SMOOTHING_MS, side="left")
    after = np.searchsorted(times_ms, times_ms + SMOOTHING_MS, side="right") - 1 - rows
    reach = np.minimum(before, after)
    sums = np.concatenate((np.zeros((1, 2)), np.cumsum(points, axis=0)))
    return np.asarray((sums[rows + reach + 1] - sums[rows - reach]) / (2 * reach + 1)[:, None])
