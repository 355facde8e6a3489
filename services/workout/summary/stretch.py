"""The numbers of any stretch of a workout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from services.workout.streams.merging import ChannelSeries
from services.workout.summary.channels import Standing, channel_range, has_range, integral
from services.workout.summary.distance import (
    covered_m,
    odometer_of_counter,
    odometer_of_positions,
    odometer_of_speed,
)
from services.workout.summary.elevation import gain_and_loss_m, smoothed, while_running
from services.workout.summary.energy import energy_of_work_kcal
from services.workout.summary.intervals import Intervals
from services.workout.summary.parts import Length, Part, Totals
from services.workout.summary.series import Series, in_units
from services.workout.summary.timing import (
    MOVING_SPEED_MPS,
    SWIMMING_SPEED_MPS,
    clock_running,
    in_motion,
    speed_from_odometer,
)


class Track:
    """A whole workout's series with what is derived of them once, to be asked about many stretches.

    Attributes:
        start_ms, end_ms: first and last moment of the workout.
        sampled: first and last time of all samples, those of unknown channels too; None without any.
        running: when the clock ran, by the markers.
        has_pauses: whether any marker says so.
    """

    def __init__(
        self, channels: Mapping[int, ChannelSeries], lengths: Sequence[Length], start_ms: int, end_ms: int
    ) -> None:
        self.start_ms = start_ms
        self.end_ms = end_ms
        self.sampled = spans(channels)
        self.markers = channels.get(channel_pb2.CHANNEL_MARKER)
        self.lengths = lengths
        self.series = in_units(channels)
        self.running = clock_running(self.markers, start_ms, end_ms)
        self.has_pauses = self.running.total_ms() < end_ms - start_ms

    @cached_property
    def odometers(self) -> list[Series]:
        """Distances in m, the most trustworthy first: counted, by positions, by speed."""
        found = []
        counter = self.series.get(channel_pb2.CHANNEL_DISTANCE)
        latitude = self.series.get(channel_pb2.CHANNEL_LATITUDE)
        longitude = self.series.get(channel_pb2.CHANNEL_LONGITUDE)
        speed = self.series.get(channel_pb2.CHANNEL_SPEED)
        if counter is not None:
            found.append(odometer_of_counter(counter))
        if latitude is not None and longitude is not None:
            found.append(odometer_of_positions(latitude, longitude, self.running))
        if speed is not None:
            found.append(odometer_of_speed(speed, self.running))
        return found

    @cached_property
    def altitude(self) -> Series | None:
        """Altitude in m without what changed while the clock stood; so not that of the place."""
        told = self.series.get(channel_pb2.CHANNEL_ALTITUDE)
        return None if told is None else while_running(told, self.running)

    @cached_property
    def counters(self) -> dict[int, Series]:
        """Work, energy and strokes as counters that never fall."""
        wanted = (channel_pb2.CHANNEL_WORK, channel_pb2.CHANNEL_ENERGY, channel_pb2.CHANNEL_STROKES)
        return {
            channel: odometer_of_counter(self.series[channel]) for channel in wanted if channel in self.series
        }

    def motion(self, threshold_mps: float) -> Intervals | None:
        """When the athlete was in motion and the clock ran; None where no channel can tell."""
        if threshold_mps not in self._motion:
            self._motion[threshold_mps] = self._in_motion(threshold_mps)
        return self._motion[threshold_mps]

    @cached_property
    def _motion(self) -> dict[float, Intervals | None]:
        return {}

    def _in_motion(self, threshold_mps: float) -> Intervals | None:
        speed = self.series.get(channel_pb2.CHANNEL_SPEED)
        if speed is None:
            odometer = next((each for each in self.odometers if len(each) > 1), None)
            speed = None if odometer is None else speed_from_odometer(odometer)
        if speed is not None:
            return in_motion(speed, threshold_mps).intersection(self.running)
        return self.swimming if self.lengths else None

    @cached_property
    def swimming(self) -> Intervals:
        """The active lengths of the pool while the clock ran."""
        active = [length for length in self.lengths if length.active]
        swum = Intervals.of([each.start_ms for each in active], [each.end_ms for each in active])
        return swum.intersection(self.running)


@dataclass(frozen=True, slots=True)
class _Window:
    """Which samples belong to a stretch: its own end is the next one's beginning, except at the very end."""

    start_ms: int
    end_ms: int
    stop_ms: int


def totals(track: Track, part: Part) -> Totals:
    """The numbers of the stretch that `part` names."""
    stop_ms = part.end_ms + (part.end_ms >= track.end_ms)
    window = _Window(part.start_ms, part.end_ms, stop_ms)
    elapsed_s = (part.end_ms - part.start_ms) / 1000
    timer_s = _timer_s(track, part, elapsed_s)
    in_pool = part.pool_length_m > 0 and bool(track.lengths)
    motion = track.swimming if in_pool else track.motion(_threshold_mps(part.sport))
    moving_s = None if motion is None else float(motion.overlap_ms(part.start_ms, part.end_ms)) / 1000
    lengths = [each for each in track.lengths if part.start_ms <= each.start_ms < stop_ms]
    distance_m = _distance_m(track, part, lengths)
    work_kj = _work_kj(track, window)
    gain, loss = _elevation_m(track, window)
    standing = Standing(track.running) if motion is None else Standing(motion, track.running)
    return Totals(
        elapsed_s=elapsed_s,
        timer_s=timer_s,
        moving_s=None if moving_s is None else min(moving_s, timer_s),
        distance_m=distance_m,
        elevation_gain_m=gain,
        elevation_loss_m=loss,
        average_speed_mps=average_speed_mps(distance_m, moving_s, timer_s),
        energy_kcal=_energy_kcal(track, part, work_kj),
        work_kj=work_kj,
        channels=tuple(
            channel_range(channel, cut, standing)
            for channel, series in sorted(track.series.items())
            if has_range(channel) and len(cut := series.between(window.start_ms, window.stop_ms))
        ),
        lengths=sum(each.active for each in lengths) if lengths else None,
        strokes=_strokes(track, part, lengths),
    )


def average_speed_mps(
    distance_m: float | None, moving_s: float | None, timer_s: float | None
) -> float | None:
    """Distance over moving time, or over timer time where motion is not known."""
    seconds = moving_s or timer_s
    return distance_m / seconds if distance_m is not None and seconds else None


def _threshold_mps(sport: int) -> float:
    return SWIMMING_SPEED_MPS if sport == sport_pb2.SPORT_SWIMMING else MOVING_SPEED_MPS


def _timer_s(track: Track, part: Part, elapsed_s: float) -> float:
    """By the markers; without any, as the device reported it if that can be; else all of the time."""
    if not track.has_pauses and 0 < part.reported_timer_s < elapsed_s:
        return part.reported_timer_s
    return float(track.running.overlap_ms(part.start_ms, part.end_ms)) / 1000


def _distance_m(track: Track, part: Part, lengths: Sequence[Length]) -> float | None:
    """The first that can tell: lengths of the pool, counter, positions, speed, the device's own report.

    In a pool lengths come first: watches add a length to their counter when it is over, so the counter says
    less until then, and there are no positions.
    """
    if part.pool_length_m > 0 and any(each.active for each in lengths):
        return part.pool_length_m * sum(each.active for each in lengths)
    for odometer in track.odometers:
        covered = covered_m(odometer, part.start_ms, part.end_ms)
        if covered is not None and covered > 0:
            return covered
    if part.reported_distance_m > 0:
        return part.reported_distance_m
    return 0.0 if any(len(odometer) for odometer in track.odometers) else None


def _elevation_m(track: Track, window: _Window) -> tuple[float | None, float | None]:
    altitude = track.altitude
    cut = None if altitude is None else altitude.between(window.start_ms, window.stop_ms)
    # Smoothed within the stretch: devices set their altitude anew between two sessions.
    return (None, None) if cut is None or not len(cut) else gain_and_loss_m(smoothed(cut).values)


def _work_kj(track: Track, window: _Window) -> float | None:
    power = track.series.get(channel_pb2.CHANNEL_POWER)
    if power is not None and len(cut := power.between(window.start_ms, window.stop_ms)):
        return integral(cut, track.running) / 1000
    return _counted(track, channel_pb2.CHANNEL_WORK, window.start_ms, window.end_ms)


def _energy_kcal(track: Track, part: Part, work_kj: float | None) -> float | None:
    """As the device counted it, as it reported it, else of the work."""
    counted = _counted(track, channel_pb2.CHANNEL_ENERGY, part.start_ms, part.end_ms)
    if counted:
        return counted
    if part.reported_energy_kcal > 0:
        return part.reported_energy_kcal
    return None if work_kj is None else energy_of_work_kcal(work_kj, part.sport)


def _strokes(track: Track, part: Part, lengths: Sequence[Length]) -> int | None:
    if lengths:
        return sum(each.strokes for each in lengths if each.active)
    counted = _counted(track, channel_pb2.CHANNEL_STROKES, part.start_ms, part.end_ms)
    return None if counted is None else round(counted)


def _counted(track: Track, channel: int, start_ms: int, end_ms: int) -> float | None:
    counter = track.counters.get(channel)
    return None if counter is None else covered_m(counter, start_ms, end_ms)


def spans(series: Mapping[int, ChannelSeries]) -> tuple[int, int] | None:
    """First and last time of all channels, or None when there is none."""
    filled = [each.times_ms for each in series.values() if len(each)]
    if not filled:
        return None
    return int(np.min([times[0] for times in filled])), int(np.max([times[-1] for times in filled]))
