"""How sure it is that two workouts tell of one effort. Pure, and not for the event loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pulsemesh.workout.v1 import duplicate_service_pb2 as wire
from services.workout.codec import SampleColumns
from services.workout.revisions.merging import find_offset
from services.workout.streams.merging import LATITUDE, LONGITUDE, ChannelSeries, merge_sources
from services.workout.summary.distance import EARTH_RADIUS_M

LEAST_OVERLAP = 0.5
"""Of the shorter workout: less in common is a sequel, not a duplicate."""

LEAST_SCORE = 0.4
"""Below, nobody is asked."""

NEAR_M = 60.0
"""Two receivers on one body differ by less, most of the time."""

MAX_LAG_S = 300
"""Clocks of one person's devices differ by less."""

_POINTS = 400
_LAGS_MS = np.arange(-60_000, 60_001, 5_000)
_LEAST_POINTS = 10
_RADIANS = np.pi / 2**31


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of the two."""

    start_ms: int
    end_ms: int
    distance_m: float | None
    sources: Sequence[SampleColumns]


@dataclass(frozen=True, slots=True)
class Likeness:
    """What speaks for it, and how much, from 0 to 1."""

    score: float
    evidence: tuple[wire.DuplicateEvidence, ...]


def overlap(first: tuple[int, int], second: tuple[int, int]) -> float:
    """How much of the shorter of two spans (start, end) lies within the longer, from 0 to 1."""
    shorter = min(first[1] - first[0], second[1] - second[0])
    common = min(first[1], second[1]) - max(first[0], second[0])
    return max(common, 0) / shorter if shorter > 0 else 0.0


def compare(first: Candidate, second: Candidate) -> Likeness | None:
    """How alike two workouts are; None where too little speaks for one effort.

    Nobody does two things at once, so that a common time alone is a reason to ask; one track and one pulse
    make sure, and two places at one time speak against it. The weights are our own.
    """
    spans = (first.start_ms, first.end_ms), (second.start_ms, second.end_ms)
    common = overlap(*spans)
    if common < LEAST_OVERLAP:
        return None
    lengths = sorted(end - start for start, end in spans)
    evidence = [
        wire.DuplicateEvidence(reason=wire.DUPLICATE_REASON_OVERLAP, value=common),
        wire.DuplicateEvidence(
            reason=wire.DUPLICATE_REASON_START, value=abs(first.start_ms - second.start_ms) / 1000
        ),
    ]
    doubts = [1 - 0.5 * common * (0.5 + 0.5 * lengths[0] / max(lengths[1], 1))]
    against = 1.0
    track = track_likeness(merge_sources(first.sources), merge_sources(second.sources))
    if track is not None:
        evidence.append(wire.DuplicateEvidence(reason=wire.DUPLICATE_REASON_TRACK, value=track))
        doubts.append(1 - 0.9 * track)
        against = 0.2 if track < 0.2 else 1.0
    channel = find_offset(first.sources, second.sources, MAX_LAG_S)
    if channel is not None:
        evidence.append(
            wire.DuplicateEvidence(
                reason=wire.DUPLICATE_REASON_CHANNEL,
                value=channel.correlation,
                channel=channel.channel,  # type: ignore[arg-type]
            )
        )
        doubts.append(1 - 0.8 * channel.correlation)
    if first.distance_m and second.distance_m:
        ratio = min(first.distance_m, second.distance_m) / max(first.distance_m, second.distance_m)
        evidence.append(wire.DuplicateEvidence(reason=wire.DUPLICATE_REASON_DISTANCE, value=ratio))
        doubts.append(1 - 0.3 * max(0.0, (ratio - 0.8) / 0.2))
    score = against * (1 - float(np.prod(doubts)))
    return Likeness(score, tuple(evidence)) if score >= LEAST_SCORE else None


def track_likeness(first: Mapping[int, ChannelSeries], second: Mapping[int, ChannelSeries]) -> float | None:
    """Share of the common time in which both were in one place; None where either does not know.

    Clocks may differ by up to a minute: the lag at which most agrees is taken.
    """
    if any(channel not in series for channel in (LATITUDE, LONGITUDE) for series in (first, second)):
        return None
    times = first[LATITUDE].times_ms
    theirs = second[LATITUDE].times_ms
    inside = times[(times >= theirs[0]) & (times <= theirs[-1])]
    if len(inside) < _LEAST_POINTS:
        return None
    chosen = inside[np.linspace(0, len(inside) - 1, min(_POINTS, len(inside))).astype(np.intp)]
    latitude, longitude = _positions(first, chosen)
    lagged = chosen[:, None] + _LAGS_MS[None, :]
    their_latitude, their_longitude = _positions(second, lagged)
    east = np.mod(longitude[:, None] - their_longitude + np.pi, 2 * np.pi) - np.pi
    metres = EARTH_RADIUS_M * np.hypot(latitude[:, None] - their_latitude, east * np.cos(latitude[:, None]))
    return float((metres < NEAR_M).mean(axis=0).max())


def _positions(
    series: Mapping[int, ChannelSeries], times_ms: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitude and longitude in radians at any times, on straight lines between the samples."""
    latitude, longitude = series[LATITUDE], series[LONGITUDE]
    turned = np.unwrap(longitude.values.astype(np.float64) * _RADIANS)
    return (
        np.interp(times_ms, latitude.times_ms, latitude.values * _RADIANS),
        np.interp(times_ms, longitude.times_ms, turned),
    )
