"""Charts for people: said once, drawn in the terminal or written as PNG, SVG or HTML."""

from pulsemesh.cli.drawing.chart import Chart, Line, LineStyle, Panel, XKind
from pulsemesh.cli.drawing.files import SUFFIXES, ChartFileError, write_chart
from pulsemesh.cli.drawing.terminal import draw_panel, draw_terminal

__all__ = [
    "SUFFIXES",
    "Chart",
    "ChartFileError",
    "Line",
    "LineStyle",
    "Panel",
    "XKind",
    "draw_panel",
    "draw_terminal",
    "write_chart",
]
