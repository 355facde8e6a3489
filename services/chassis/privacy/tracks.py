"""Cutting circles out of what is known by time. Pure numpy.

Where a person was inside a circle, or may have been, nothing is seen: no sample of any channel, no time that
passed there, no distance that was covered there. What is left is moved together, so that the length of a
hidden stretch cannot be read off the clock or an odometer: both would say how far from the circle's edge its
turning point lies, and a few of those lead to the door (Dhondt, Le Pochat and others 2022, "A Run a Day Won't
Keep the Hacker Away").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.chassis.privacy.deciding import Circle

Times = NDArray[np.int64]
Degrees = NDArray[np.float64]

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of WGS 84 (IUGG; Moritz 2000)."""

FASTEST_MPS = 60.0
"""How far somebody can have come while nobody knew where they were."""

KNOWN_FOR_MS = 10_000
"""Positions that follow each other within this time leave nothing unknown between them."""

SEAM_MS = 1_000
"""From the last sample before a hidden stretch to the first after it, as others see it."""


@dataclass(frozen=True, slots=True)
class Stretches:
    """The parts of a workout that may be seen, in order, both ends included.

    Attributes:
        starts_ms, ends_ms: int64, shape (n,); as they were.
        seen_ms: int64, shape (n,); where each begins for others.
    """

    starts_ms: Times
    ends_ms: Times
    seen_ms: Times

    def __len__(self) -> int:
        return len(self.starts_ms)

    def of(self, times_ms: Times) -> NDArray[np.int64]:
        """The number of the stretch of each time, shape of `times_ms`; -1 where it is hidden."""
        places = np.searchsorted(self.starts_ms, times_ms, side="right") - 1
        if not len(self):
            return places
        inside = (places >= 0) & (times_ms <= self.ends_ms[np.maximum(places, 0)])
        return np.where(inside, places, -1)

    def moved(self, times_ms: Times) -> Times:
        """Visible times as others see them."""
        places = self.of(times_ms)
        return times_ms - self.starts_ms[places] + self.seen_ms[places]

    def clipped(self, start_ms: int, end_ms: int) -> tuple[int, int] | None:
        """What others see of a span of time; None where that is nothing."""
        touched = np.flatnonzero((self.starts_ms <= end_ms) & (self.ends_ms >= start_ms))
        if not len(touched):
            return None
        first, last = int(touched[0]), int(touched[-1])
        begin = self.seen_ms[first] + max(start_ms - int(self.starts_ms[first]), 0)
        end = self.seen_ms[last] + min(end_ms, int(self.ends_ms[last])) - self.starts_ms[last]
        return int(begin), int(end)

    def whole(self, start_ms: int, end_ms: int) -> tuple[int, int] | None:
        """A span of time as others see it; None unless all of it lies within one stretch."""
        first, last = self.of(np.array([start_ms, end_ms], np.int64)).tolist()
        return self.clipped(start_ms, end_ms) if first == last >= 0 else None


def inside(circles: Sequence[Circle], latitude_deg: Degrees, longitude_deg: Degrees) -> NDArray[np.bool_]:
    """Which positions lie within any circle; shape of the positions."""
    found = np.zeros(len(latitude_deg), np.bool_)
    for circle in circles:
        found |= distance_m(circle, latitude_deg, longitude_deg) <= circle.radius_m
    return found


def distance_m(circle: Circle, latitude_deg: Degrees, longitude_deg: Degrees) -> Degrees:
    """From the middle of the circle to each position, in metres, on the sphere (haversine)."""
    latitude, longitude = np.radians(latitude_deg), np.radians(longitude_deg)
    middle = np.radians(circle.latitude_deg)
    chord = (
        np.sin((latitude - middle) / 2) ** 2
        + np.cos(latitude) * np.cos(middle) * np.sin((longitude - np.radians(circle.longitude_deg)) / 2) ** 2
    )
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(chord, 0, 1))))


def visible_stretches(
    circles: Sequence[Circle],
    span_ms: tuple[int, int],
    times_ms: Times,
    latitude_deg: Degrees,
    longitude_deg: Degrees,
) -> Stretches | None:
    """What may be seen of a workout; None where no place needs to be hidden.

    A workout that keeps clear of every circle is one stretch, and is treated as those that do not: nobody
    shall tell by how it is treated whether it was cut.

    Args:
        span_ms: from the first to the last moment that anything is known of.
        times_ms: of the positions, never falling; shape (n,), as the two that follow.

    A stretch without positions (before the first, after the last, in a gap) is hidden where the person may
    have been in a circle meanwhile. Without any position nothing is hidden: there is no place to be found.
    """
    if not circles or not len(times_ms):
        return None
    times_ms, first_rows = np.unique(times_ms, return_index=True)
    each_m = [distance_m(circle, latitude_deg, longitude_deg) - circle.radius_m for circle in circles]
    # Of positions at one time, as two receivers tell them, the one nearest to a circle counts.
    room_m = np.minimum.reduceat(np.min(each_m, axis=0), first_rows)
    hidden = room_m <= 0
    gaps_ms = np.diff(times_ms)
    reach_m = room_m[:-1] + room_m[1:]
    broken = (gaps_ms > KNOWN_FOR_MS) & (reach_m <= FASTEST_MPS * gaps_ms / 1000)
    before = _may_have_been(room_m[0], int(times_ms[0]) - span_ms[0])
    after = _may_have_been(room_m[-1], span_ms[1] - int(times_ms[-1]))
    starts, ends = _runs(hidden, broken)
    starts_ms, ends_ms = times_ms[starts].copy(), times_ms[ends].copy()
    if len(starts) and starts[0] == 0 and not before:
        starts_ms[0] = min(starts_ms[0], span_ms[0])
    if len(ends) and ends[-1] == len(times_ms) - 1 and not after:
        ends_ms[-1] = max(ends_ms[-1], span_ms[1])
    return Stretches(starts_ms, ends_ms, _moved_together(starts_ms, ends_ms))


def _may_have_been(room_m: float, unknown_ms: int) -> bool:
    return unknown_ms > 0 and bool(room_m <= FASTEST_MPS * unknown_ms / 1000)


def _runs(hidden: NDArray[np.bool_], broken: NDArray[np.bool_]) -> tuple[Times, Times]:
    """First and last index of each run of visible positions that no gap breaks."""
    joined = ~hidden[:-1] & ~hidden[1:] & ~broken
    begins = ~hidden & np.concatenate(([True], ~joined))
    finishes = ~hidden & np.concatenate((~joined, [True]))
    return np.flatnonzero(begins), np.flatnonzero(finishes)


def _moved_together(starts_ms: Times, ends_ms: Times) -> Times:
    if not len(starts_ms):
        return starts_ms
    lengths = ends_ms - starts_ms + SEAM_MS
    return np.asarray(starts_ms[0] + np.cumsum(lengths) - lengths, np.int64)


def joined_counter(values: NDArray[np.int32], stretches: NDArray[np.int64]) -> NDArray[np.int32]:
    """A counter that stands still while it is hidden, and begins at zero.

    Args:
        values: of visible samples, shape (n,).
        stretches: which stretch each belongs to, shape (n,), never falling.
    """
    if not len(values):
        return values
    wide = values.astype(np.int64)
    jumps = np.where(np.diff(stretches) > 0, np.diff(wide), 0)
    taken = wide[0] + np.concatenate(([0], np.cumsum(jumps)))
    return np.asarray(wide - taken).astype(np.int32)
