"""Curves in a terminal: a line of blocks, or a few lines of braille dots. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

Curve = Sequence[float | None]

_BLOCKS = "▁▂▃▄▅▆▇█"
_BRAILLE = 0x2800
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bit of each dot of a braille cell, by row and column."""


def sparkline(curve: Curve, width: int) -> str:
    """The curve in `width` characters at most; blank where it has no value, level where it never changes."""
    levels = resampled(curve, width)
    known = [value for value in levels if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    step = (len(_BLOCKS) - 1) / (high - low) if high > low else 0.0
    return "".join(" " if value is None else _BLOCKS[round((value - low) * step)] for value in levels)


def plot(curve: Curve, width: int, height: int) -> list[str]:
    """The curve as `height` lines of braille, two dots a character wide and four high, with a scale."""
    levels = resampled(curve, width * 2)
    known = [value for value in levels if value is not None]
    if not known:
        return []
    low, high = min(known), max(known)
    rows = height * 4
    step = (rows - 1) / (high - low) if high > low else 0.0
    cells = [[0] * ((len(levels) + 1) // 2) for _ in range(height)]
    previous: int | None = None
    for column, value in enumerate(levels):
        if value is None:
            previous = None
            continue
        row = rows - 1 - round((value - low) * step)
        for dot in _between(previous, row):
            cells[dot // 4][column // 2] |= _DOTS[dot % 4][column % 2]
        previous = row
    labels = [f"{high:8.6g}", *[" " * 8] * (height - 2), f"{low:8.6g}"]
    return [
        f"{label} ┤{''.join(chr(_BRAILLE + cell) for cell in line)}"
        for label, line in zip(labels, cells, strict=True)
    ]


def resampled(curve: Curve, width: int) -> list[float | None]:
    """The curve in `width` stretches: the mean of what is known in each. Shorter curves stay as they are."""
    if len(curve) <= width:
        return list(curve)
    edges = [index * len(curve) // width for index in range(width + 1)]
    return [_mean(curve[start:end]) for start, end in pairwise(edges)]


def _mean(values: Curve) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _between(previous: int | None, row: int) -> range:
    """The rows to fill so that the line does not break."""
    if previous is None or abs(previous - row) < 2:
        return range(row, row + 1)
    return range(previous + 1, row + 1) if previous < row else range(row, previous)
