"""Places within a workout as people write them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from pulsemesh.workout.v1 import workout_pb2

__all__ = ["Place", "PlaceName"]

_CLOCK = re.compile(r"^(-?)(?:(\d+):)?(?:(\d{1,3}):)?(\d+(?:\.\d+)?)$")
_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_UNIT = re.compile(r"^(-?)(\d+(?:\.\d+)?)(s|min|m|h)$")


@dataclass(frozen=True, slots=True)
class Place:
    """A moment of a workout: seconds from its beginning, from its end where negative, or by the clock."""

    seconds: float = 0.0
    from_end: bool = False
    moment: datetime | None = None

    def in_workout(self, workout: workout_pb2.Workout) -> int:
        """Return the moment as milliseconds since 1970 UTC."""
        if self.moment is not None:
            return round(self.moment.astimezone().timestamp() * 1000)
        base = workout.end_time if self.from_end else workout.start_time
        return base.ToMilliseconds() + round(self.seconds * 1000)


class PlaceName(click.ParamType[Place]):
    """`12:30` (minutes, seconds), `1:02:03`, `90s`, `5m`; `-5m` from the end; `2026-06-01T07:30`."""

    name = "place"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        """Return the place."""
        if isinstance(value, Place):
            return value
        text = str(value).strip()
        if (found := _UNIT.match(text)) is not None:
            seconds = float(found[2]) * _UNITS[found[3]]
            return Place(-seconds if found[1] else seconds, from_end=bool(found[1]))
        if (found := _CLOCK.match(text)) is not None:
            sign, *parts = found.groups()
            seconds = 0.0
            for part in parts:
                seconds = seconds * 60 + float(part) if part is not None else seconds
            return Place(-seconds if sign else seconds, from_end=bool(sign))
        try:
            return Place(moment=datetime.fromisoformat(text))
        except ValueError:
            self.fail(
                f"{text!r} is no place in a workout, such as 12:30, 90s, -5m or 2026-06-01T07:30", param, ctx
            )
