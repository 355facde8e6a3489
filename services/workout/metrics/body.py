"""Breath and heat, where sensors told them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pulsemesh.type.v1 import channel_pb2
from services.workout.metrics.grid import FloatArray

ABOVE: dict[int, tuple[float, ...]] = {
    channel_pb2.CHANNEL_RESPIRATION_RATE: (20.0, 30.0, 40.0, 50.0),
    channel_pb2.CHANNEL_CORE_TEMPERATURE: (38.0, 38.5, 39.0, 39.5),
}
"""For which values the time above is told: breaths a minute; degrees Celsius, where 38.5 is the usual bound
of heat training and 39.5 that of hyperthermia (Racinais et al. 2015, "Consensus recommendations on training
and competing in the heat", Scand J Med Sci Sports 25 Suppl 1:6-19)."""


@dataclass(frozen=True, slots=True)
class BodyMeasure:
    """One channel over a stretch, in its unit.

    Attributes:
        above: (bound, seconds at or above it), bounds growing.
    """

    channel: int
    average: float
    minimum: float
    maximum: float
    above: tuple[tuple[float, float], ...]


def body_measure(channel: int, values: FloatArray) -> BodyMeasure | None:
    """The numbers of values, one a second, shape (n,), NaN where unknown; None when nothing is known."""
    known = values[~np.isnan(values)]
    if not len(known):
        return None
    return BodyMeasure(
        channel,
        float(known.mean()),
        float(known.min()),
        float(known.max()),
        tuple((bound, float(np.count_nonzero(known >= bound))) for bound in ABOVE.get(channel, ())),
    )
