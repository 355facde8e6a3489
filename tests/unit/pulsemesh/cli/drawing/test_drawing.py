from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from pulsemesh.cli.drawing import Chart, ChartFileError, Line, Panel, draw_terminal, write_chart
from pulsemesh.cli.drawing.chart import axis_label

POWER = Panel("Power", "W", [Line("ride", range(100), [200 + x % 20 for x in range(100)])])
PLAN = Panel("Load", "", [Line("fitness", [20_000, 20_001], [1.0, 2.0], "area")], "date")
NOTHING = Panel("Cadence", "rpm", [Line("ride", [1, 2], [None, float("nan")])])


def test_a_line_needs_a_value_for_every_position() -> None:
    with pytest.raises(ValueError, match="2 positions for 1 values"):
        Line("ride", [1, 2], [1])


def test_a_line_is_cut_where_values_are_missing() -> None:
    line = Line("ride", [1, 2, 3, 4], [5.0, None, 6.0, 7.0])
    assert list(line.runs()) == [[(1, 5.0)], [(3, 6.0), (4, 7.0)]]


@pytest.mark.parametrize(
    ("kind", "position", "label"),
    [
        ("seconds", 3_725, "1:02:05"),
        ("metres", 12_500, "12.5 km"),
        ("metres", 400, "400 m"),
        ("date", 20_000, "2024-10-04"),
        ("number", 2.5, "2.5"),
    ],
)
def test_positions_are_labelled_by_their_kind(kind: str, position: float, label: str) -> None:
    assert axis_label(kind, position) == label


def test_the_terminal_shows_title_unit_and_axis() -> None:
    drawing = draw_terminal(Chart("A ride", [POWER]), width=60)
    assert "A ride" in drawing
    assert "Power (W)" in drawing
    assert "1:30" in drawing
    assert max(map(len, drawing.splitlines())) <= 60


def test_several_curves_are_told_apart_without_colours() -> None:
    two = Panel("Power", "W", [Line("first", [0, 1], [1, 2]), Line("second", [0, 1], [2, 1])])
    drawing = draw_terminal(Chart("Two", [two]), width=60)
    assert "⠒ first" in drawing
    assert "+ second" in drawing


def test_a_panel_without_values_is_left_out() -> None:
    drawing = draw_terminal(Chart("A ride", [NOTHING, POWER]), width=60)
    assert "Cadence" not in drawing
    assert draw_terminal(Chart("A ride", [NOTHING])) == "A ride\nno values"


def test_png_svg_and_html_are_written(tmp_path: Path) -> None:
    chart = Chart("Ride of <b> & $5", [POWER, PLAN, NOTHING])
    for suffix in (".png", ".svg", ".html"):
        write_chart(chart, tmp_path / f"chart{suffix}")
    png = (tmp_path / "chart.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    assert struct.unpack(">II", png[16:24])[0] == 1440
    text = "".join(ET.parse(tmp_path / "chart.svg").getroot().itertext())
    assert "Ride of <b> & $5" in text
    assert "Power (W)" in text
    page = (tmp_path / "chart.html").read_text()
    assert "<h1>Ride of &lt;b&gt; &amp; $5</h1>" in page
    assert "http" not in page.partition("<svg")[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chart.html", "chart.png", "chart.svg"]


def test_the_same_chart_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        write_chart(Chart("A ride", [POWER]), tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_an_unknown_suffix_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(ChartFileError, match=r"\.png, \.svg, \.html"):
        write_chart(Chart("A ride", [POWER]), tmp_path / "chart.pdf")


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChartFileError, match="No such file"):
        write_chart(Chart("A ride", [POWER]), tmp_path / "absent" / "chart.svg")


def test_nothing_to_draw_is_said_and_no_file_is_left(tmp_path: Path) -> None:
    with pytest.raises(ChartFileError, match="no values"):
        write_chart(Chart("A ride", [NOTHING]), tmp_path / "chart.svg")
    assert not list(tmp_path.iterdir())


def test_steps_are_drawn_with_corners() -> None:
    load = Panel("Load", "", [Line("load", [0, 50, 100], [0.0, 10.0, 10.0], "steps")], "number")
    last = draw_terminal(Chart("Load", [load]), width=60).splitlines()[-3]
    assert last.count("⣀") + last.count("⠤") + last.count("⠒") > 15  # nothing until the value changes
