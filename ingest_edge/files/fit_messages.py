"""A message of a FIT file as the activity's assembly takes it, from whichever decoder."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

Raw = int | float | str | tuple[Any, ...]
"""A field's value as the file holds it, before scale and offset; arrays are tuples and may hold None."""


@dataclass(frozen=True, slots=True)
class FitMessage:
    """One data message: the fields that are present, by number. `offset` is its place in the whole file."""

    number: int
    offset: int
    values: dict[int, Raw]


def first_number(value: Raw | None) -> float | None:
    """The number a field holds; of an array its first, of text and of infinity none."""
    if isinstance(value, tuple):
        value = next((item for item in value if item is not None), None)
    return value if isinstance(value, int | float) and math.isfinite(value) else None
