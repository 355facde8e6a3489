"""What a workout counts for, in whole numbers: sums of integers do not depend on the order of their parts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

from pulsemesh.profile.v1 import gear_pb2
from pulsemesh.workout.v1 import events_pb2

_LARGEST = 10**15
"""More than anybody ever did; ten thousand of them still fit 64 bits."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """Centimetres, milliseconds, centimetres up, joules."""

    distance_cm: int = 0
    duration_ms: int = 0
    elevation_cm: int = 0
    work_j: int = 0

    @classmethod
    def of(cls, told: events_pb2.WorkoutAmounts) -> Self:
        """The amounts that an event tells; what is absent, negative or no number is nothing."""
        return cls(
            whole(told.distance_m, 100),
            whole(told.duration_s, 1000),
            whole(told.elevation_gain_m, 100),
            whole(told.work_kj, 1000),
        )

    @classmethod
    def sum(cls, parts: Iterable[Amounts]) -> Self:
        """All of them together."""
        gathered = list(parts)
        return cls(
            sum(part.distance_cm for part in gathered),
            sum(part.duration_ms for part in gathered),
            sum(part.elevation_cm for part in gathered),
            sum(part.work_j for part in gathered),
        )

    def columns(self) -> dict[str, int]:
        """As columns of a row."""
        return {
            "distance_cm": self.distance_cm,
            "duration_ms": self.duration_ms,
            "elevation_cm": self.elevation_cm,
            "work_j": self.work_j,
        }

    @classmethod
    def from_row(cls, row: Any) -> Self:
        """From a row with those columns; sums of PostgreSQL come as decimals, of nothing as None."""
        return cls(
            int(row.distance_cm or 0),
            int(row.duration_ms or 0),
            int(row.elevation_cm or 0),
            int(row.work_j or 0),
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """Amounts of several workouts, how many they are, and the starts of the first and the last (Unix ms)."""

    amounts: Amounts = Amounts()
    workouts: int = 0
    first_ms: int | None = None
    last_ms: int | None = None

    def message(self, earlier: Amounts | None = None) -> gear_pb2.Usage:
        """As the contract tells it, with what there was before."""
        amounts = self.amounts if earlier is None else Amounts.sum((self.amounts, earlier))
        return gear_pb2.Usage(
            distance_m=amounts.distance_cm / 100,
            duration_s=amounts.duration_ms / 1000,
            elevation_gain_m=amounts.elevation_cm / 100,
            work_kj=amounts.work_j / 1000,
            workouts=self.workouts,
        )


def whole(value: float, scale: int) -> int:
    """A value that is not negative in whole parts of its unit; 0 for what is none."""
    return min(round(value * scale), _LARGEST) if math.isfinite(value * scale) and value > 0 else 0
