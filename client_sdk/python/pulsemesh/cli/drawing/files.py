"""Charts as files: PNG, SVG, or a page of HTML that needs nothing else."""

from __future__ import annotations

import html
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pulsemesh.cli.drawing.chart import Chart, Line, Panel, axis_label
from pulsemesh.cli.drawing.ticks import ticks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["SUFFIXES", "ChartFileError", "write_chart"]

SUFFIXES = (".png", ".svg", ".html")

_WIDTH_IN, _PANEL_IN, _PNG_DPI, _TICKS = 10.0, 2.6, 144, 9
_COLOURS = ("#1f6feb", "#cf222e", "#1a7f37", "#8250df", "#0e7490", "#bc4c00")

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ font-family: system-ui, sans-serif; margin: 1.5rem auto; max-width: 70rem; padding: 0 1rem; }}
svg {{ width: 100%; height: auto; }}
</style>
</head>
<body>
<h1>{title}</h1>
{drawing}
</body>
</html>
"""


class ChartFileError(Exception):
    """The chart cannot be written there; the text says why and what to do."""


def write_chart(chart: Chart, path: Path) -> None:
    """Write the chart in the format that the suffix of `path` names; an older file is replaced as a whole.

    Raises:
        ChartFileError: the suffix is none of `SUFFIXES`, there is nothing to draw, what draws is not
            installed, or the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ChartFileError(f"{path.name}: a chart is written as one of {', '.join(SUFFIXES)}")
    if not chart.drawable:
        raise ChartFileError(f"{chart.title}: no values to draw")
    content = _page(chart) if suffix == ".html" else _image(chart, suffix.removeprefix("."))
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ChartFileError(f"{path}: {error.strerror}") from error


def _page(chart: Chart) -> bytes:
    drawing = _image(chart, "svg").decode()
    return _PAGE.format(title=html.escape(chart.title), drawing=drawing[drawing.index("<svg") :]).encode()


def _image(chart: Chart, kind: str) -> bytes:
    try:
        import matplotlib as mpl  # noqa: PLC0415  # an extra, and slow to import
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as missing:
        raise ChartFileError("drawing files needs matplotlib: pip install 'pulsemesh[plots]'") from missing
    panels = chart.drawable
    # The same chart gives the same bytes: no date, no random ids.
    with mpl.rc_context({"svg.hashsalt": "pulsemesh", "svg.fonttype": "none"}):
        figure = Figure(figsize=(_WIDTH_IN, _PANEL_IN * len(panels) + 0.5), layout="constrained")
        figure.suptitle(_plain(chart.title))
        for index, panel in enumerate(panels, start=1):
            _draw(figure, panel, len(panels), index)
        content = io.BytesIO()
        metadata = {"Date": None, "Title": chart.title} if kind == "svg" else {"Title": chart.title}
        figure.savefig(content, format=kind, dpi=_PNG_DPI, metadata=metadata)
    return content.getvalue()


def _draw(figure: Figure, panel: Panel, count: int, index: int) -> None:
    axes: Any = figure.add_subplot(count, 1, index)
    for number, line in enumerate(line for line in panel.lines if line.points()):
        _draw_line(axes, line, _COLOURS[number % len(_COLOURS)])
    axes.set_title(_plain(panel.heading), loc="left", fontsize=10)
    if panel.x_kind == "duration":
        axes.set_xscale("log")
    xs = [x for line in panel.lines for x, _ in line.points()]
    positions = ticks(panel.x_kind, min(xs), max(xs), _TICKS)
    axes.set_xticks(positions, [axis_label(panel.x_kind, each) for each in positions])
    axes.set_xticks([], minor=True)
    axes.grid(alpha=0.25)
    axes.margins(x=0.01)
    if len(panel.lines) > 1:
        axes.legend(fontsize=8, loc="upper left")


def _draw_line(axes: Any, line: Line, colour: str) -> None:
    xs = list(line.xs)
    ys = [float("nan") if y is None else y for y in line.ys]
    label = _plain(line.label)
    if line.style == "points":
        axes.plot(xs, ys, ".", color=colour, label=label)
    elif line.style == "steps":
        axes.step(xs, ys, where="post", color=colour, linewidth=1, label=label)
    else:
        axes.plot(xs, ys, color=colour, linewidth=1, label=label)
        if line.style == "area":
            axes.fill_between(xs, ys, color=colour, alpha=0.2, linewidth=0)


def _plain(text: str) -> str:
    """Text in which matplotlib finds no formula."""
    return text.replace("$", r"\$")
