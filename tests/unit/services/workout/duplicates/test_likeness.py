"""How sure it is that two workouts are one."""

from __future__ import annotations

import numpy as np

from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import duplicate_service_pb2 as wire
from services.workout.codec import SampleColumn, SampleColumns
from services.workout.duplicates.likeness import Candidate, compare, overlap

START_MS = 1_750_000_000_000
LATITUDE, LONGITUDE = int(channel_pb2.CHANNEL_LATITUDE), int(channel_pb2.CHANNEL_LONGITUDE)
HEART_RATE = int(channel_pb2.CHANNEL_HEART_RATE)
SECONDS = 1_800


def track(seed: int, *, offset_ms: int = 0, noise: float = 300.0, shift: int = 0) -> Candidate:
    """A winding way; `noise` and `shift` in steps of about nine millimetres."""
    way = np.random.default_rng(seed)
    receiver = np.random.default_rng(99)
    heading = np.cumsum(way.normal(0, 0.1, SECONDS))
    north = np.cumsum(np.cos(heading)) * 600 + receiver.normal(0, noise, SECONDS) + shift
    east = np.cumsum(np.sin(heading)) * 600 + receiver.normal(0, noise, SECONDS)
    beats = 140 + np.cumsum(way.normal(0, 1, SECONDS))
    times = START_MS + offset_ms + np.arange(SECONDS, dtype=np.int64) * 1000
    columns = {
        LATITUDE: SampleColumn(np.rint(north + 5e8).astype(np.int32)),
        LONGITUDE: SampleColumn(np.rint(east + 1e8).astype(np.int32)),
        HEART_RATE: SampleColumn(np.rint(beats).astype(np.int32)),
    }
    return Candidate(int(times[0]), int(times[-1]), 9_000.0, [SampleColumns(times, columns)])


def test_one_ride_of_two_receivers_is_sure() -> None:
    likeness = compare(track(1), track(1, offset_ms=8_000, noise=600))
    assert likeness is not None
    assert likeness.score > 0.95
    shares = {each.reason: each.value for each in likeness.evidence}
    assert shares[wire.DUPLICATE_REASON_TRACK] > 0.9
    assert shares[wire.DUPLICATE_REASON_CHANNEL] > 0.9


def test_two_places_at_one_time_are_two_workouts() -> None:
    assert compare(track(1), track(2, shift=10_000_000)) is None


def test_a_time_that_only_touches_is_no_duplicate() -> None:
    assert compare(track(1), track(1, offset_ms=1_000_000)) is None


def test_overlap_is_of_the_shorter() -> None:
    assert overlap((0, 100), (50, 60)) == 1
    assert overlap((0, 100), (90, 190)) == 0.1
    assert overlap((0, 100), (100, 200)) == 0
    assert overlap((5, 5), (0, 10)) == 0
