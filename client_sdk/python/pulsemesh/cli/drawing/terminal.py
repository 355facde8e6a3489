"""Charts in the terminal."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from pulsemesh.cli.drawing.chart import Chart, Line, Panel, axis_label
from pulsemesh.cli.drawing.ticks import ticks

__all__ = ["draw_panel", "draw_terminal"]

_TICKS = 6
_COLOURS = ("blue", "red", "green", "magenta", "cyan", "orange")
_SYMBOLS = ("braille", "+", "x", "o", "*", "#")
"""Without colours curves are told apart by what they are drawn with."""


def draw_terminal(chart: Chart, *, width: int = 100, height: int = 12, colour: bool = False) -> str:
    """Return the chart as lines of text, `width` columns wide, each panel `height` rows high.

    Panels without a value are left out; a chart of nothing but those is its title and "no values".
    """
    drawn = [draw_panel(panel, width=width, height=height, colour=colour) for panel in chart.drawable]
    return "\n".join([chart.title, *(drawn or ["no values"])])


def draw_panel(panel: Panel, *, width: int = 100, height: int = 12, colour: bool = False) -> str:
    """Return one panel as lines of text. Raises `ValueError` where it is empty."""
    if panel.empty:
        raise ValueError(f"{panel.title}: no values")
    import plotext  # noqa: PLC0415  # slow to import, and most commands draw nothing

    lines = [line for line in panel.lines if line.points()]
    figure = plotext.figure
    # plotext draws on one figure of its own; whatever was on it goes.
    figure.clear()
    try:
        figure.plot_size(width, height)
        for index, line in enumerate(lines):
            _draw_line(plotext, panel, line, _marker(plotext, index, colour))
        figure.title(panel.heading)
        positions = _ticks(panel, lines)
        labels = [axis_label(panel.x_kind, _position(panel, at, back=True)) for at in positions]
        figure.ruler("x", "lower").ticks(positions, labels)
        drawing = str(figure.build().string(not colour))
    finally:
        figure.clear()
    return f"{drawing}\n{_legend(lines, colour)}" if len(lines) > 1 else drawing


def _draw_line(plotext: Any, panel: Panel, line: Line, marker: Any) -> None:
    for run in line.runs():
        points = _steps(run) if line.style == "steps" else run
        xs = [_position(panel, x) for x, _ in points]
        curve = plotext.figure.signal(xs, [y for _, y in points], marker=marker)
        if line.style != "points" and len(run) > 1:
            curve.lines()
        plotext.figure.draw(curve)


def _steps(run: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points with a corner before each but the first: a value stands until the next."""
    corners = [(later, y) for (_, y), (later, _) in pairwise(run)]
    return [run[0], *(point for pair in zip(corners, run[1:], strict=True) for point in pair)]


def _marker(plotext: Any, index: int, colour: bool) -> Any:
    if colour:
        return plotext.marker("braille", _COLOURS[index % len(_COLOURS)])
    return _SYMBOLS[index % len(_SYMBOLS)]


def _legend(lines: list[Line], colour: bool) -> str:
    marks = [
        _COLOURS[index % len(_COLOURS)] if colour else _SYMBOLS[index % len(_SYMBOLS)].replace("braille", "⠒")
        for index in range(len(lines))
    ]
    return "  " + "   ".join(f"{mark} {line.label}" for mark, line in zip(marks, lines, strict=True))


def _position(panel: Panel, x: float, *, back: bool = False) -> float:
    """Durations stand on a logarithmic axis."""
    if panel.x_kind != "duration":
        return x
    return math.exp(x) if back else math.log(max(x, 1e-3))


def _ticks(panel: Panel, lines: list[Line]) -> list[float]:
    """Return where the horizontal axis is labelled."""
    xs = [x for line in lines for x, _ in line.points()]
    return [_position(panel, at) for at in ticks(panel.x_kind, min(xs), max(xs), _TICKS)]
