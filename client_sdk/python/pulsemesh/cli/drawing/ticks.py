"""Where the horizontal axis is labelled: at positions that people count in."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

from pulsemesh.cli.drawing.chart import XKind

__all__ = ["ticks"]

_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400)
_DAYS = (1, 2, 7, 14, 28, 91, 182, 365, 730, 1826)
_DURATIONS = (1, 5, 15, 30, 60, 120, 300, 600, 1200, 3600, 7200, 14_400, 28_800, 86_400)


def ticks(kind: XKind, first: float, last: float, most: int) -> list[float]:
    """Return at most `most` positions within [first, last], growing; `first` alone where that is empty."""
    if last <= first:
        return [first]
    if kind == "duration":
        usual = [float(each) for each in _DURATIONS if first <= each <= last] or [first, last]
        return usual[:: math.ceil(len(usual) / most)]
    step = _step(kind, (last - first) / max(most - 1, 1))
    begin = math.ceil(first / step - 1e-9)
    return [index * step for index in range(begin, math.floor(last / step + 1e-9) + 1)][:most]


def _step(kind: XKind, least: float) -> float:
    """The smallest step of the kind that is not below `least`."""
    usual: Sequence[int] = {"seconds": _SECONDS, "date": _DAYS}.get(kind, ())
    index = bisect_left(usual, least)
    if index < len(usual):
        return float(usual[index])
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least * (1 - 1e-9))
