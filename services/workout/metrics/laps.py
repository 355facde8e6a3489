"""Laps that nobody pressed: one after so many metres or minutes."""

from __future__ import annotations

import itertools

import numpy as np

from pulsemesh.type.v1 import sport_pb2
from services.workout.metrics.grid import FloatArray

METRES: dict[int, float] = {
    sport_pb2.SPORT_RUNNING: 1000.0,
    sport_pb2.SPORT_WALKING: 1000.0,
    sport_pb2.SPORT_HIKING: 1000.0,
    sport_pb2.SPORT_SWIMMING: 100.0,
    sport_pb2.SPORT_ROWING: 500.0,
    sport_pb2.SPORT_PADDLING: 500.0,
    sport_pb2.SPORT_CYCLING: 5000.0,
    sport_pb2.SPORT_E_BIKING: 5000.0,
    sport_pb2.SPORT_CROSS_COUNTRY_SKIING: 1000.0,
    sport_pb2.SPORT_INLINE_SKATING: 1000.0,
    sport_pb2.SPORT_ICE_SKATING: 1000.0,
}
"""A lap of each sport; the others are cut by time."""

SECONDS = 600
MOST = 1000


def by_distance(odometer_m: FloatArray, metres: float) -> list[tuple[int, int]]:
    """[first, stop) of each lap of `metres`, and of what is left; none when there would be over a thousand.

    `odometer_m` is at the edges, never falling, shape (n + 1,). A lap ends at the first edge at which it is
    full.
    """
    total = float(odometer_m[-1] - odometer_m[0])
    if not metres > 0 or total / metres > MOST:
        return []
    marks = odometer_m[0] + metres * np.arange(1, int(total // metres) + 1)
    return _between(np.searchsorted(odometer_m, marks).tolist(), len(odometer_m) - 1)


def by_time(size: int, seconds: int = SECONDS) -> list[tuple[int, int]]:
    """[first, stop) of each lap of `seconds` of elapsed time, and of what is left."""
    if seconds < 1 or size / seconds > MOST:
        return []
    return _between(list(range(seconds, size, seconds)), size)


def _between(marks: list[int], size: int) -> list[tuple[int, int]]:
    edges = [0, *(mark for mark in marks if 0 < mark < size), size]
    return [(first, stop) for first, stop in itertools.pairwise(edges) if stop > first]
