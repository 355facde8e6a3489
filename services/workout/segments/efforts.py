"""The efforts of a workout on segments, with their numbers. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulsemesh.type.v1 import channel_pb2
from services.workout.codec import SampleColumns
from services.workout.comparing.means import TimeMeans
from services.workout.routes.course import Course, course_of
from services.workout.routes.positions import POSITIONS, GpsTrack, gps_track
from services.workout.segments.passing import comes_near, find_passes
from services.workout.streams.merging import ChannelSeries, merge_sources
from services.workout.summary.series import in_units

POWER = int(channel_pb2.CHANNEL_POWER)
HEART_RATE = int(channel_pb2.CHANNEL_HEART_RATE)

NEEDED = POSITIONS | {POWER, HEART_RATE}
"""The channels that efforts are made of."""


@dataclass(frozen=True, slots=True)
class KnownSegment:
    """A segment to look for; `version` tells its states apart."""

    segment_pk: int
    version: int
    course: Course


@dataclass(frozen=True, slots=True)
class Effort:
    """Once along a segment; `ordinal` counts within the workout, from 1. Times are whole milliseconds."""

    segment_pk: int
    ordinal: int
    start_ms: int
    end_ms: int
    distance_m: float
    average_power_w: float | None
    average_heart_rate_bpm: float | None

    @property
    def elapsed_s(self) -> float:
        """From gate to gate."""
        return (self.end_ms - self.start_ms) / 1000


def efforts_of_sources(sources: Sequence[SampleColumns], segments: Sequence[KnownSegment]) -> list[Effort]:
    """The efforts in a workout's samples."""
    return efforts_of_channels(merge_sources([source.only(NEEDED) for source in sources]), segments)


def efforts_of_channels(
    channels: Mapping[int, ChannelSeries], segments: Sequence[KnownSegment]
) -> list[Effort]:
    """The efforts in merged channels, segment by segment, each in the order of time."""
    track = gps_track(channels)
    if track is None or not segments:
        return []
    course, _ = course_of(track)
    near = [segment for segment in segments if len(course) > 1 and comes_near(segment.course, course)]
    if not near:
        return []
    measured = in_units({key: each for key, each in channels.items() if key in (POWER, HEART_RATE)})
    means = {channel: TimeMeans(series) for channel, series in measured.items()}
    return [effort for segment in near for effort in _efforts(segment, track, means)]


def _efforts(segment: KnownSegment, track: GpsTrack, means: Mapping[int, TimeMeans]) -> list[Effort]:
    return [
        Effort(
            segment.segment_pk,
            ordinal,
            round(made.start_ms),
            round(made.end_ms),
            made.distance_m,
            _mean(means.get(POWER), made.start_ms, made.end_ms),
            _mean(means.get(HEART_RATE), made.start_ms, made.end_ms),
        )
        for ordinal, made in enumerate(find_passes(segment.course, track), start=1)
    ]


def _mean(means: TimeMeans | None, start_ms: float, end_ms: float) -> float | None:
    if means is None:
        return None
    mean = float(means.over(start_ms, end_ms))
    return None if math.isnan(mean) else mean
