"""How far: odometers out of a distance channel, of positions, or of speed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from services.workout.summary.intervals import Intervals
from services.workout.summary.series import Series

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius of WGS 84: (2a + b) / 3 (IUGG; Moritz 2000, "Geodetic Reference System 1980")."""

FASTEST_MPS = 60.0
"""A step between two positions that would be faster than this (216 km/h) is an error of the receiver."""

_RESET_SHARE = 0.5


def odometer_of_counter(counter: Series) -> Series:
    """A cumulative channel made to never fall.

    Where it falls to less than half, the device has begun again at zero and counts on from there; a smaller
    fall is noise and is flattened.
    """
    if len(counter) < 2:
        return counter
    values = counter.values
    resets = np.flatnonzero(values[1:] < values[:-1] * _RESET_SHARE) + 1
    offset = np.zeros(len(values))
    offset[resets] = values[resets - 1]
    return Series(counter.times_ms, np.maximum.accumulate(values + np.cumsum(offset)))


def haversine_m(latitude_deg: NDArray[np.float64], longitude_deg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Great-circle distance from each position to the next, in metres; shape (n - 1,).

    The haversine formula: R. W. Sinnott 1984, "Virtues of the Haversine", Sky and Telescope 68:159.
    """
    latitude, longitude = np.radians(latitude_deg), np.radians(longitude_deg)
    chord = (
        np.sin(np.diff(latitude) / 2) ** 2
        + np.cos(latitude[:-1]) * np.cos(latitude[1:]) * np.sin(np.diff(longitude) / 2) ** 2
    )
    return np.asarray(2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.clip(chord, 0, 1))))


def odometer_of_positions(latitude: Series, longitude: Series, running: Intervals) -> Series:
    """Sum of the steps between positions (equal times) while the clock was running.

    A gap is bridged by a straight line, since the athlete did come from one end to the other; a step that
    nobody can make is left out, and so is what was covered while the clock stood.
    """
    if len(latitude) < 2:
        return Series(latitude.times_ms, np.zeros(len(latitude)))
    steps_m = haversine_m(latitude.values, longitude.values)
    starts, ends = latitude.times_ms[:-1], latitude.times_ms[1:]
    steps_m[steps_m > FASTEST_MPS * (ends - starts) / 1000] = 0
    share = running.overlap_ms(starts, ends) / (ends - starts)
    return Series(latitude.times_ms, np.concatenate(([0.0], np.cumsum(steps_m * share))))


def odometer_of_speed(speed: Series, running: Intervals) -> Series:
    """The integral of speed over the clock running; each value stands until the next, none over a gap."""
    if len(speed) < 2:
        return Series(speed.times_ms, np.zeros(len(speed)))
    ends = speed.times_ms + speed.steps_ms()
    metres = speed.values * running.overlap_ms(speed.times_ms, ends) / 1000
    return Series(speed.times_ms, np.concatenate(([0.0], np.cumsum(metres)[:-1])))


def covered_m(odometer: Series, start_ms: int, end_ms: int) -> float | None:
    """What the odometer grew by from `start_ms` to `end_ms`; None with fewer than two samples there."""
    first, last = np.searchsorted(odometer.times_ms, [start_ms, end_ms + 1])
    if last - first < 2:
        return None
    at_start, at_end = odometer.at(np.array([start_ms, end_ms], np.int64))
    return float(at_end - at_start)
