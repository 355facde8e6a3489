"""A workout prepared to be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from services.workout.codec import SampleColumns
from services.workout.comparing.means import TimeMeans
from services.workout.routes.course import Course, course_of
from services.workout.routes.geometry import Indices
from services.workout.routes.positions import GpsTrack, gps_track
from services.workout.streams.merging import ChannelSeries, merge_sources
from services.workout.summary.intervals import Intervals
from services.workout.summary.series import Series
from services.workout.summary.stretch import Track, spans
from services.workout.summary.timing import MOVING_SPEED_MPS, SWIMMING_SPEED_MPS, speed_from_odometer

SPEED = int(channel_pb2.CHANNEL_SPEED)


@dataclass(frozen=True)
class ComparableWorkout:
    """A workout's series. What is derived is computed when it is first asked for: ask in a worker thread.

    Attributes:
        start_ms, end_ms: what it covers.
        channels: merged, in integer steps, by channel number.
    """

    sport: int
    start_ms: int
    end_ms: int
    channels: Mapping[int, ChannelSeries]

    @classmethod
    def of(
        cls, sport: int, start_ms: int, end_ms: int, sources: Sequence[SampleColumns]
    ) -> ComparableWorkout:
        """The workout of these samples; without any, from `start_ms` to `end_ms`."""
        channels = merge_sources(sources)
        first, last = spans(channels) or (start_ms, end_ms)
        return cls(sport, first, last, channels)

    @cached_property
    def _track(self) -> Track:
        return Track(self.channels, (), self.start_ms, self.end_ms)

    @cached_property
    def odometer(self) -> Series | None:
        """Metres covered over time; None where no channel tells."""
        return next((each for each in self._track.odometers if len(each) > 1 and each.values[-1] > 0), None)

    @cached_property
    def motion(self) -> Intervals | None:
        """When the athlete moved; None where no channel tells."""
        swims = self.sport == sport_pb2.SPORT_SWIMMING
        return self._track.motion(SWIMMING_SPEED_MPS if swims else MOVING_SPEED_MPS)

    @cached_property
    def series(self) -> Mapping[int, Series]:
        """Channels in their units; speed is derived from distance where no sensor tells it."""
        series = dict(self._track.series)
        if SPEED not in series and self.odometer is not None:
            series[SPEED] = speed_from_odometer(self.odometer)
        return series

    @cached_property
    def means(self) -> Mapping[int, TimeMeans]:
        """The same, prepared to be averaged."""
        return {channel: TimeMeans(series) for channel, series in self.series.items()}

    @cached_property
    def track(self) -> GpsTrack | None:
        """Where it went."""
        return gps_track(self.channels)

    @cached_property
    def course(self) -> tuple[Course, Indices] | None:
        """Its course, and which rows of the track the points are; None where it went nowhere."""
        if self.track is None:
            return None
        course, rows = course_of(self.track)
        return (course, rows) if len(course) > 1 else None
