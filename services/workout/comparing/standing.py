"""Where one effort stands among others. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

WINDOWS_DAYS = (90, 42)
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class RankedEffort:
    """One workout's effort."""

    workout_pk: int
    workout_id: str
    start_ms: int
    value: float


@dataclass(frozen=True, slots=True)
class Standing:
    """An effort among those of a window.

    Attributes:
        rank: 1 is the best; equal ones share a rank.
        percentile: share of the others that it beats, ties counting half, in per cent; None without others.
    """

    window: str
    efforts: int
    rank: int
    percentile: float | None
    best: RankedEffort
    median_value: float


def standings(
    efforts: Sequence[RankedEffort], mine: RankedEffort, *, lower_is_better: bool
) -> list[Standing]:
    """Where `mine` (one of `efforts`) stands among all, in its calendar year in UTC, and in the last days."""
    return [
        standing(window, among, mine, lower_is_better=lower_is_better)
        for window, among in _windows(efforts, mine)
    ]


def standing(
    window: str, efforts: Sequence[RankedEffort], mine: RankedEffort, *, lower_is_better: bool
) -> Standing:
    """Where `mine` stands among `efforts`, to which it belongs whether it is listed or not."""
    others = [effort for effort in efforts if effort.workout_pk != mine.workout_pk]
    sign = 1.0 if lower_is_better else -1.0
    values = np.array([effort.value for effort in others]) * sign
    better, equal = int(np.sum(values < mine.value * sign)), int(np.sum(values == mine.value * sign))
    beaten = len(others) - better - equal
    everyone = [mine, *others]
    return Standing(
        window=window,
        efforts=len(everyone),
        rank=better + 1,
        percentile=100 * (beaten + equal / 2) / len(others) if others else None,
        best=min(everyone, key=lambda effort: (effort.value * sign, effort.start_ms)),
        median_value=float(np.median([effort.value for effort in everyone])),
    )


def _windows(efforts: Sequence[RankedEffort], mine: RankedEffort) -> Iterator[tuple[str, list[RankedEffort]]]:
    yield "all", list(efforts)
    year = _year(mine.start_ms)
    yield str(year), [effort for effort in efforts if _year(effort.start_ms) == year]
    for days in WINDOWS_DAYS:
        since_ms = mine.start_ms - days * _DAY_MS
        yield f"{days}d", [effort for effort in efforts if since_ms < effort.start_ms <= mine.start_ms]


def _year(start_ms: int) -> int:
    return datetime.fromtimestamp(start_ms / 1000, UTC).year
