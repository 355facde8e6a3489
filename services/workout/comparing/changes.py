"""What changed from one workout to another: only what is larger than the measurement resolves.

The resolution of each measure, with what it comes from:

- times at a place: two seconds for samples a second apart, and 10 m of receiver's error at both ends;
- times for a distance: half a per cent, since odometers differ by that much, and two seconds;
- distances in a time: half a per cent, and 10 m;
- standing still: five seconds a workout, the time that smoothed speed needs to fall and rise;
- heart rate: 2 bpm, about what two sensors on one body differ by;
- power: 2 %, what makers of power meters promise, and at least 3 W;
- cadence: 1 rpm; temperature: 2 degC, since most devices sit in the sun or on a wrist;
- power or speed for a heart beat: both errors together.

A change's effect is its size in resolutions; those below 1 are not said.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pulsemesh.type.v1 import channel_pb2
from services.workout.comparing.alignment import Axis
from services.workout.comparing.numbers import Split, StretchNumbers
from services.workout.comparing.words import WORDINGS, duration, metres, sentence
from services.workout.routes.geometry import Floats

CLOCK_S = 2.0
RECEIVER_M = 10.0
ODOMETER_SHARE = 0.005
STOP_S = 5.0
HEART_RATE_BPM = 2.0
POWER_SHARE = 0.02
POWER_W = 3.0
CADENCE_RPM = 1.0
TEMPERATURE_DEGC = 2.0

HEART_RATE = int(channel_pb2.CHANNEL_HEART_RATE)
POWER = int(channel_pb2.CHANNEL_POWER)
CADENCE = int(channel_pb2.CHANNEL_CADENCE)
TEMPERATURE = int(channel_pb2.CHANNEL_TEMPERATURE)

_WORTH_NAMING = 0.35


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs between a workout (counted from 0) and the first."""

    workout: int
    measure: str
    text: str
    before: float
    after: float
    unit: str
    effect: float


def changes(
    axis: Axis,
    grid: Floats,
    times_ms: Sequence[Floats],
    common: Sequence[StretchNumbers | None],
    pieces: Sequence[Split],
    *,
    common_length: float,
) -> list[Change]:
    """All changes of all workouts against the first, the largest effects first.

    Args:
        axis, grid, times_ms: the axis, and when each workout was at its points.
        common: numbers over what all workouts cover, `common_length` of the axis long.
        pieces: the splits.
    """
    reference = common[0]
    if reference is None:
        return []
    found: list[Change] = []
    for index, numbers in enumerate(common[1:], start=1):
        if numbers is None:
            continue
        one = _Pair(axis, index, reference, numbers, common_length)
        found += one.overall()
        found += one.channels()
        if axis is not Axis.TIME:
            found += one.along(grid, times_ms[index] - times_ms[0], pieces)
    return sorted(found, key=lambda change: -change.effect)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A workout beside the reference, over what all workouts cover."""

    axis: Axis
    index: int
    before: StretchNumbers
    after: StretchNumbers
    length: float

    def overall(self) -> Iterator[Change]:
        """Time or distance, and standing still."""
        if self.axis is not Axis.TIME:
            before, after = self.before.elapsed_s, self.after.elapsed_s
            over = f"the common {metres(self.length)}"
            yield from self._change("elapsed", before, after, self._time_resolution_s(), over=over)
        elif self.before.distance_m is not None and self.after.distance_m is not None:
            before, after = self.before.distance_m, self.after.distance_m
            resolution = math.hypot(ODOMETER_SHARE * before, RECEIVER_M)
            over = f"the common {duration(self.before.elapsed_s)}"
            yield from self._change("distance", before, after, resolution, over=over)
        if self.before.stopped_s is not None and self.after.stopped_s is not None:
            resolution = STOP_S * math.sqrt(2)
            yield from self._change("stopped", self.before.stopped_s, self.after.stopped_s, resolution)

    def channels(self) -> Iterator[Change]:
        """Means of what sensors measured, and what a heart beat was worth."""
        for measure, channel, share, least in (
            ("heart_rate", HEART_RATE, 0.0, HEART_RATE_BPM),
            ("power", POWER, POWER_SHARE, POWER_W),
            ("cadence", CADENCE, 0.0, CADENCE_RPM),
            ("temperature", TEMPERATURE, 0.0, TEMPERATURE_DEGC),
        ):
            before, after = self.before.means.get(channel), self.after.means.get(channel)
            if before is not None and after is not None:
                yield from self._change(measure, before, after, max(share * before, least))
        yield from self._per_beat("power_per_beat", self._power(self.before), self._power(self.after), 1.0)
        if POWER not in self.before.means or POWER not in self.after.means:
            yield from self._per_beat("speed_per_beat", self.before.speed_mps, self.after.speed_mps, 60.0)

    def along(self, grid: Floats, behind_ms: Floats, pieces: Sequence[Split]) -> Iterator[Change]:
        """Where time was won or lost, and whether the lead changed."""
        yield from self._where(pieces)
        known = np.flatnonzero(~np.isnan(behind_ms))
        if len(known) < 3:
            return
        gaps = (behind_ms[known] - behind_ms[known[0]]) / 1000
        middle = float(np.interp((grid[known[0]] + grid[known[-1]]) / 2, grid[known], gaps))
        end = float(gaps[-1])
        effect = min(abs(middle), abs(end)) / self._time_resolution_s()
        if middle * end < 0 and effect >= 1:
            yield self._said("turned", middle, end, effect, sentence("turned", middle, end))

    def _where(self, pieces: Sequence[Split]) -> Iterator[Change]:
        total = self.after.elapsed_s - self.before.elapsed_s
        gained = []
        for piece in pieces:
            first, other = piece.workouts[0], piece.workouts[self.index]
            if first is not None and other is not None:
                gained.append((other.elapsed_s - first.elapsed_s, piece, first, other))
        if len(gained) < 3 or abs(total) < self._time_resolution_s():
            return
        sign = math.copysign(1.0, total)
        most, piece, first, other = max(gained, key=lambda each: each[0] * sign)
        effect = abs(most) / self._time_resolution_s()
        if most * sign <= 0 or effect < 1 or abs(most) < _WORTH_NAMING * abs(total):
            return
        place = f"between {metres(piece.start)} and {metres(piece.end)}"
        text = sentence("where_lost", first.elapsed_s, other.elapsed_s, place=place)
        yield self._said("where_lost", first.elapsed_s, other.elapsed_s, effect, text)

    def _per_beat(
        self, measure: str, before: float | None, after: float | None, scale: float
    ) -> Iterator[Change]:
        was, now = self.before.means.get(HEART_RATE, 0.0), self.after.means.get(HEART_RATE, 0.0)
        if before is None or after is None or min(was, now) <= 0:
            return
        first, other = scale * before / was, scale * after / now
        error = POWER_SHARE if measure == "power_per_beat" else ODOMETER_SHARE
        resolution = first * math.hypot(error, math.sqrt(2) * HEART_RATE_BPM / was)
        if first > 0:
            by = f"{abs(other / first - 1):.0%}"
            yield from self._change(measure, first, other, resolution, by=by)

    @staticmethod
    def _power(numbers: StretchNumbers) -> float | None:
        return numbers.means.get(POWER)

    def _time_resolution_s(self) -> float:
        """What two times over the common stretch resolve."""
        if self.axis is Axis.DISTANCE:
            return math.hypot(ODOMETER_SHARE * self.before.elapsed_s, CLOCK_S)
        speed = self.length / self.before.elapsed_s
        return math.hypot(RECEIVER_M / max(speed, 0.5), CLOCK_S)

    def _change(
        self, measure: str, before: float, after: float, resolution: float, **more: str
    ) -> Iterator[Change]:
        effect = abs(after - before) / resolution if resolution > 0 else 0.0
        if effect >= 1:
            yield self._said(measure, before, after, effect, sentence(measure, before, after, **more))

    def _said(self, measure: str, before: float, after: float, effect: float, text: str) -> Change:
        return Change(self.index, measure, text, before, after, WORDINGS[measure].unit, effect)
