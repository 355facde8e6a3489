"""What an athlete's numbers are measured against."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from enum import IntEnum


class Sex(IntEnum):
    """Some formulas have constants by sex; the numbers are those of the contract's `Sex`."""

    FEMALE = 1
    MALE = 2


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What is known of an athlete on the day of a workout; None is not known.

    A number that needs an unknown threshold is absent: nothing is guessed here.

    Attributes:
        functional_threshold_power_w: power that can be held for about an hour, in W.
        critical_power_w: asymptote of the power-duration curve, in W.
        w_prime_j: work that can be done above critical power, in J.
        lactate_threshold_heart_rate_bpm, max_heart_rate_bpm, resting_heart_rate_bpm: in beats a minute.
        threshold_speed_mps: running speed that can be held for about an hour, in m/s.
        threshold_swim_speed_mps: the same for swimming.
        weight_kg: body mass.
        sex: for constants by sex.
    """

    functional_threshold_power_w: float | None = None
    critical_power_w: float | None = None
    w_prime_j: float | None = None
    lactate_threshold_heart_rate_bpm: float | None = None
    max_heart_rate_bpm: float | None = None
    resting_heart_rate_bpm: float | None = None
    threshold_speed_mps: float | None = None
    threshold_swim_speed_mps: float | None = None
    weight_kg: float | None = None
    sex: Sex | None = None

    def possible(self) -> Thresholds:
        """The same without values that are not finite and positive, which no formula can use."""
        return Thresholds(
            **{
                field.name: value
                for field in fields(self)
                if (value := getattr(self, field.name)) is not None and math.isfinite(value) and value > 0
            }
        )


UNKNOWN = Thresholds()
"""Of whom nothing is known."""
