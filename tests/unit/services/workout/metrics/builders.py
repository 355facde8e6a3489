"""Samples for the tests of the numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import settings
from numpy.typing import ArrayLike

from pulsemesh.samples import CHANNEL_BY_NAME
from pulsemesh.type.v1 import sport_pb2
from services.workout.codec import SampleColumn, SampleColumns
from services.workout.metrics import Metrics, Sex, Thresholds, analyse
from services.workout.summary import Length, Part

FEW = settings(max_examples=40, deadline=None)
"""So many examples of a property: each is a whole workout or a slow reference."""

T0 = 1_750_000_000_000
CYCLING, RUNNING, SWIMMING, TRANSITION = (
    int(sport_pb2.SPORT_CYCLING),
    int(sport_pb2.SPORT_RUNNING),
    int(sport_pb2.SPORT_SWIMMING),
    int(sport_pb2.SPORT_TRANSITION),
)
PAUSE, RESUME = 2, 3

ATHLETE = Thresholds(
    functional_threshold_power_w=250,
    critical_power_w=240,
    w_prime_j=20_000,
    lactate_threshold_heart_rate_bpm=170,
    max_heart_rate_bpm=190,
    resting_heart_rate_bpm=50,
    threshold_speed_mps=4.0,
    threshold_swim_speed_mps=1.25,
    weight_kg=70,
    sex=Sex.MALE,
)


def source(seconds: ArrayLike, **channels: ArrayLike) -> SampleColumns:
    """Samples at T0 + seconds; values in the channel's unit, NaN where absent."""
    times = np.asarray(seconds, np.float64)
    columns = {}
    for name, values in channels.items():
        spec = CHANNEL_BY_NAME[name]
        told = np.broadcast_to(np.asarray(values, np.float64), times.shape)
        present = ~np.isnan(told)
        steps = np.rint(np.where(present, told, 0) * spec.scale).astype(np.int32)
        columns[spec.channel] = SampleColumn(steps, present)
    return SampleColumns(T0 + np.rint(times * 1000).astype(np.int64), columns)


def metrics(
    *sources: SampleColumns,
    sport: int = CYCLING,
    thresholds: Thresholds = ATHLETE,
    sessions: Sequence[Part] = (),
    lengths: Sequence[Length] = (),
) -> Metrics:
    """All numbers of samples."""
    return analyse(
        sources,
        sport=sport,
        sub_sport=0,
        thresholds=thresholds,
        start_ms=T0,
        sessions=sessions,
        lengths=lengths,
    )


def constant(seconds: int, **channels: float) -> SampleColumns:
    """So many seconds of the same."""
    return source(np.arange(seconds), **{name: np.full(seconds, value) for name, value in channels.items()})
