"""What a chart says, whoever draws it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from pulsemesh.cli.formats import duration

__all__ = ["Chart", "Line", "LineStyle", "Panel", "XKind", "axis_label"]

XKind = Literal["seconds", "metres", "date", "duration", "number"]
"""How positions on the horizontal axis are read and written.

`seconds` of elapsed time, `metres` of distance, `date` in days since 1970-01-01, `duration` in seconds on a
logarithmic axis (a power curve), or a plain `number`.
"""

LineStyle = Literal["line", "area", "steps", "points"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Line:
    """One curve. `xs` grow and are as many as `ys`; a `y` that is None or not finite leaves a gap.

    Raises:
        ValueError: there are not as many of the one as of the other.
    """

    label: str
    xs: Sequence[float]
    ys: Sequence[float | None]
    style: LineStyle = "line"

    def __post_init__(self) -> None:
        if len(self.xs) != len(self.ys):
            raise ValueError(f"{self.label}: {len(self.xs)} positions for {len(self.ys)} values")

    def points(self) -> list[tuple[float, float]]:
        """The values that are there, with their positions."""
        return [(x, y) for x, y in zip(self.xs, self.ys, strict=True) if y is not None and math.isfinite(y)]

    def runs(self) -> Iterator[list[tuple[float, float]]]:
        """The same, cut where values are missing; none of them is empty."""
        run: list[tuple[float, float]] = []
        for x, y in zip(self.xs, self.ys, strict=True):
            if y is not None and math.isfinite(y):
                run.append((x, y))
            elif run:
                yield run
                run = []
        if run:
            yield run


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves that share both axes. `unit` is that of the values: "W", "bpm"."""

    title: str
    unit: str = ""
    lines: Sequence[Line] = ()
    x_kind: XKind = "seconds"

    @property
    def heading(self) -> str:
        """The title with the unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not any(line.points() for line in self.lines)


@dataclass(frozen=True, slots=True)
class Chart:
    """Panels one below the other."""

    title: str
    panels: Sequence[Panel] = field(default_factory=tuple)

    @property
    def drawable(self) -> list[Panel]:
        """The panels that have something to draw."""
        return [panel for panel in self.panels if not panel.empty]


def axis_label(kind: XKind, position: float) -> str:
    """A position on the horizontal axis in words: "1:02:00", "12.5 km", "2026-11-23"."""
    if kind in ("seconds", "duration"):
        return duration(max(position, 0))
    if kind == "metres":
        return f"{position / 1000:.1f} km" if abs(position) >= 1000 else f"{position:.0f} m"
    if kind == "date":
        return (_EPOCH + timedelta(days=position)).date().isoformat()
    return f"{position:g}"
