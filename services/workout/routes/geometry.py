"""Positions as metres on a plane, and polylines there.

A plane touches the earth at one place; over the extent of a workout (300 km) its distances are right to some
parts in ten thousand, and what matters here, how far two tracks are apart, is right to centimetres as long as
both are laid on the same plane.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.workout.summary.distance import EARTH_RADIUS_M

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

METRES_PER_DEGREE = math.radians(1) * EARTH_RADIUS_M


@dataclass(frozen=True, slots=True)
class Plane:
    """An equirectangular projection around a place, in degrees."""

    latitude_deg: float
    longitude_deg: float

    def project(self, latitude_deg: Floats, longitude_deg: Floats) -> Floats:
        """Metres east and north of the place; shape (n, 2)."""
        turns = np.round((longitude_deg - self.longitude_deg) / 360)
        east = (longitude_deg - self.longitude_deg - 360 * turns) * METRES_PER_DEGREE
        north = (latitude_deg - self.latitude_deg) * METRES_PER_DEGREE
        return np.column_stack((east * math.cos(math.radians(self.latitude_deg)), north))


def steps_m(points: Floats) -> Floats:
    """Length of each edge of a polyline, shape (n - 1,)."""
    return np.asarray(np.hypot(*np.diff(points, axis=0).T))


def along_m(points: Floats) -> Floats:
    """How far each point lies along its polyline, shape (n,)."""
    if not len(points):
        return np.zeros(0)
    return np.concatenate(([0.0], np.cumsum(steps_m(points))))


def thinned(points: Floats, spacing_m: float) -> Indices:
    """Rows that lie at least `spacing_m` from the row kept before, and the last row; shape (k,).

    What happens within that radius vanishes: a stop, with all the jitter of a receiver that stands still.
    """
    if len(points) < 2:
        return np.arange(len(points))
    kept = [0]
    square = spacing_m * spacing_m
    x, y = points[0].tolist()
    for row, (east, north) in enumerate(points.tolist()):
        if (east - x) * (east - x) + (north - y) * (north - y) >= square:
            kept.append(row)
            x, y = east, north
    if kept[-1] != len(points) - 1:
        # The last point replaces one that is nearly the same place.
        last = points[-1] - points[kept[-1]]
        if len(kept) > 1 and float(last @ last) < square / 4:
            kept.pop()
        kept.append(len(points) - 1)
    return np.array(kept, np.int64)


def headings(points: Floats, reach: int = 2) -> Floats:
    """Unit vectors of the direction at each point, over `reach` points to either side; shape (n, 2)."""
    rows = np.arange(len(points))
    ahead = points[np.minimum(rows + reach, len(points) - 1)]
    behind = points[np.maximum(rows - reach, 0)]
    vectors = ahead - behind
    lengths = np.hypot(vectors[:, 0], vectors[:, 1])
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1)[:, None])


def densified(points: Floats, spacing_m: float) -> Floats:
    """The same polyline with a point at least every `spacing_m`; shape (k, 2), the old points among them."""
    if len(points) < 2:
        return points
    lengths = steps_m(points)
    pieces = np.maximum(np.ceil(lengths / spacing_m), 1).astype(np.int64)
    edge = np.repeat(np.arange(len(pieces)), pieces)
    part = np.arange(int(pieces.sum())) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    share = (part / pieces[edge])[:, None]
    between = points[edge] + share * (points[edge + 1] - points[edge])
    return np.concatenate((between, points[-1:]))
