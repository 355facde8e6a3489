"""Best efforts: the fastest stretch of each usual distance, the best mean over each usual duration.

Time runs on in pauses, as on the road: an effort with a stop in it is as long as it took.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from services.workout.metrics.curves import Curve
from services.workout.metrics.grid import FloatArray

_MILE = 1609.344

_ON_FOOT = (
    *(400.0, 800.0, 1000.0, _MILE, 3000.0, 2 * _MILE, 5000.0, 10_000.0, 15_000.0, 10 * _MILE, 20_000.0),
    *(21_097.5, 30_000.0, 42_195.0, 50_000.0, 100_000.0, 100 * _MILE),
)
_ON_WHEELS = (
    *(1000.0, 5000.0, 10_000.0, 20_000.0, 30_000.0, 40_000.0, 50_000.0, 80_000.0, 90_000.0, 100_000.0),
    *(100 * _MILE, 180_000.0, 200_000.0, 300_000.0),
)
_IN_WATER = (
    50.0,
    100.0,
    200.0,
    400.0,
    750.0,
    800.0,
    1000.0,
    1500.0,
    1900.0,
    3000.0,
    3800.0,
    5000.0,
    10_000.0,
)
_ROWED = (500.0, 1000.0, 2000.0, 5000.0, 6000.0, 10_000.0, 21_097.5, 42_195.0)

DISTANCES_M: dict[int, tuple[float, ...]] = {
    sport_pb2.SPORT_RUNNING: _ON_FOOT,
    sport_pb2.SPORT_WALKING: _ON_FOOT,
    sport_pb2.SPORT_HIKING: _ON_FOOT,
    sport_pb2.SPORT_CROSS_COUNTRY_SKIING: _ON_WHEELS,
    sport_pb2.SPORT_INLINE_SKATING: _ON_WHEELS,
    sport_pb2.SPORT_ICE_SKATING: _ON_WHEELS,
    sport_pb2.SPORT_CYCLING: _ON_WHEELS,
    sport_pb2.SPORT_E_BIKING: _ON_WHEELS,
    sport_pb2.SPORT_SWIMMING: _IN_WATER,
    sport_pb2.SPORT_ROWING: _ROWED,
    sport_pb2.SPORT_PADDLING: _ROWED,
}
"""The usual distances of each sport, in m; a sport that is not here has none."""

DURATIONS_S: dict[int, tuple[int, ...]] = {
    channel_pb2.CHANNEL_POWER: (
        *(1, 5, 10, 15, 30, 60, 120, 180, 300, 480, 600, 720, 1200, 1800, 2400, 3600, 5400, 7200, 10_800),
        *(14_400, 18_000, 21_600),
    ),
    channel_pb2.CHANNEL_HEART_RATE: (60, 300, 600, 1200, 1800, 3600, 7200),
}
"""The usual durations of each channel, in s; they are among the standard durations of curves."""


@dataclass(frozen=True, slots=True)
class BestEffort:
    """The best effort of one kind.

    Attributes:
        kind: "distance/5000" (in whole metres), "power/300" (in seconds).
        channel: what it is best in; distance for a distance.
        duration_s: how long it took.
        distance_m: 0 for a duration.
        value: seconds for a distance, else the mean in the channel's unit.
        start_s: where it begins, in points of the axis; a fraction, as it may begin within a second.
    """

    kind: str
    channel: int
    duration_s: float
    distance_m: float
    value: float
    start_s: float


def fastest(odometer_m: FloatArray, distance_m: float) -> tuple[float, float] | None:
    """(start, seconds) of the shortest time in which `distance_m` was covered; None when it never was.

    `odometer_m` is at the edges of seconds, never falling, shape (n + 1,), and straight between them. The
    most that is covered in d seconds grows with d, so the least whole d is found by bisection; the part of a
    second that it covers too much is then taken off its slower end, which spares most."""
    size = len(odometer_m) - 1
    if size < 1 or not 0 < distance_m <= odometer_m[-1] - odometer_m[0]:
        return None
    short, long = 0, size  # `short` is not enough, `long` is
    while long - short > 1:
        middle = (short + long) // 2
        if float((odometer_m[middle:] - odometer_m[:-middle]).max()) >= distance_m:
            long = middle
        else:
            short = middle
    covered = odometer_m[long:] - odometer_m[:-long]
    starts = np.flatnonzero(covered >= distance_m)
    excess = covered[starts] - distance_m
    at_first = odometer_m[starts + 1] - odometer_m[starts]
    at_last = odometer_m[starts + long] - odometer_m[starts + long - 1]
    spared = np.minimum(excess / np.maximum(np.minimum(at_first, at_last), 1e-9), 1)
    best = int(spared.argmax())
    late = float(spared[best]) if at_first[best] < at_last[best] else 0.0
    return float(starts[best]) + late, long - float(spared[best])


def best_distances(odometer_m: FloatArray, sport: int) -> list[BestEffort]:
    """The fastest stretches of the sport's usual distances."""
    found = []
    for distance in DISTANCES_M.get(sport, ()):
        best = fastest(odometer_m, distance)
        if best is None:
            break
        start, seconds = best
        kind = f"distance/{round(distance)}"
        found.append(BestEffort(kind, int(channel_pb2.CHANNEL_DISTANCE), seconds, distance, seconds, start))
    return found


def best_durations(curve: Curve, name: str) -> list[BestEffort]:
    """The best means over the usual durations, as the curve has them; 0 is no effort."""
    wanted = np.array(DURATIONS_S.get(curve.channel, ()), np.int64)
    places = np.searchsorted(curve.durations_s, wanted)
    return [
        BestEffort(
            f"{name}/{seconds}",
            curve.channel,
            float(seconds),
            0.0,
            float(curve.values[place]),
            float(curve.starts[place]),
        )
        for seconds, place in zip(wanted.tolist(), places.tolist(), strict=True)
        if place < len(curve.durations_s) and curve.durations_s[place] == seconds and curve.values[place] > 0
    ]
