"""How much up and how much down."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

HYSTERESIS_M = 2.0
"""A climb counts once it is this high, and ends once as much is lost again: the threshold that Strava's help
page on elevation names for barometric altitude (it names 10 m without a barometer; samples do not say which
they are, so GPS altitude is overcounted on flat ground rather than hills being lost)."""


def gain_and_loss_m(
    altitude_m: NDArray[np.float64], hysteresis_m: float = HYSTERESIS_M
) -> tuple[float, float]:
    """Sum of the climbs and of the descents of at least `hysteresis_m` each, both not negative.

    Every climb is measured from its lowest to its highest point, whatever smaller ups and downs lie between.
    """
    covered = {1: 0.0, -1: 0.0}
    points = _turning_points(altitude_m)
    low = high = turn = extreme = points[0] if points else 0.0
    direction = 0  # 1 while climbing from `turn` to `extreme`, -1 while descending, 0 until either is certain
    for point in points[1:]:
        if direction == 0:
            low, high = min(low, point), max(high, point)
            if high - low >= hysteresis_m:
                direction, turn = (1, low) if point == high else (-1, high)
                extreme = point
        elif (point - extreme) * direction > 0:
            extreme = point
        elif abs(extreme - point) >= hysteresis_m:
            covered[direction] += abs(extreme - turn)
            direction, turn, extreme = -direction, extreme, point
    if direction:
        covered[direction] += abs(extreme - turn)
    return covered[1], covered[-1]


def _turning_points(values: NDArray[np.float64]) -> list[float]:
    """The first, the last and every local extreme: all that the sums depend on."""
    if len(values) < 3:
        return list(map(float, values))
    level = values[np.concatenate(([True], np.diff(values) != 0))]
    rising = np.diff(level) > 0
    turns = np.flatnonzero(rising[1:] != rising[:-1]) + 1
    return [float(level[0]), *map(float, level[turns]), float(level[-1])]
