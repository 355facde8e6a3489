from __future__ import annotations

from ingest_edge.cli.inspect_plot import plot, resampled, sparkline


def test_a_sparkline_rises_with_its_values_and_is_blank_where_there_are_none() -> None:
    assert sparkline([0, 1, None, 7], 10) == "▁▂ █"


def test_a_level_curve_is_level() -> None:
    assert sparkline([5, 5, 5], 10) == "▁▁▁"


def test_nothing_draws_nothing() -> None:
    assert sparkline([None, None], 10) == ""
    assert plot([None], 10, 4) == []


def test_a_long_curve_is_averaged_into_its_width() -> None:
    assert resampled([1, 3, 5, None, None, None], 3) == [2, 5, None]


def test_a_plot_has_its_height_and_its_scale() -> None:
    lines = plot([float(value) for value in range(100)], 20, 5)
    assert len(lines) == 5
    assert lines[0].startswith("      98 ┤")
    assert lines[-1].lstrip().startswith("0.5 ┤")
    assert all(len(line) == len(lines[0]) for line in lines)


def test_a_jump_is_joined() -> None:
    lines = plot([0.0, 100.0], 10, 4)
    assert all(any(ord(letter) > 0x2800 for letter in line[10:]) for line in lines)
