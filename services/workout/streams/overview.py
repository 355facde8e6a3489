"""An overview of a long stream: smallest and largest values of ever longer stretches.

Level 16 holds two rows for every 16 samples, level 64 two for every 64, and so on by four until a level is
short. Every level is itself a stream that can be shortened further without losing an extreme, so that any
window can be drawn from the coarsest level that still has enough rows, and from a few samples at the window's
edges. Levels are cut into tiles, of which a window needs few.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from services.workout.codec import SampleColumns, concatenate
from services.workout.streams.downsampling import Method, smallest_and_largest

SAMPLES = 1
"""The level that holds the samples themselves."""

FINEST = 16
FACTOR = 4
SHORT_ROWS = 512
"""The coarsest level has at most so many rows."""

TILE_ROWS = 2_048
"""Even: the two rows of a stretch lie in one tile."""

_PER_POINT = {Method.MIN_MAX: 1, Method.LTTB: 4}
"""Rows that a level must have for each sample wanted. The largest triangle is looked for among four extremes
a sample (J. Van Der Donckt et al. 2023, "MinMaxLTTB", IEEE VIS), which looks the same as among all."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a level.

    Attributes:
        start_ms, end_ms: times of the first and the last sample that it stands for.
        rows: two for every stretch; of the level `SAMPLES` the samples.
    """

    level: int
    ordinal: int
    start_ms: int
    end_ms: int
    rows: SampleColumns


def build(samples: SampleColumns, *, with_samples: bool) -> Iterator[Tile]:
    """All tiles of all levels, for samples sorted by time; of the level `SAMPLES` only `with_samples`."""
    if with_samples:
        yield from _tiles(samples, SAMPLES, samples)
    rows, level = samples, SAMPLES
    while level == SAMPLES or len(rows) > SHORT_ROWS:
        if level == SAMPLES:
            rows, level = smallest_and_largest(samples, FINEST), FINEST
        else:
            rows, level = smallest_and_largest(rows, 2 * FACTOR), level * FACTOR
        yield from _tiles(rows, level, samples)


def _tiles(rows: SampleColumns, level: int, samples: SampleColumns) -> Iterator[Tile]:
    samples_each = TILE_ROWS * level if level == SAMPLES else TILE_ROWS // 2 * level
    for ordinal, first in enumerate(range(0, len(rows), TILE_ROWS)):
        begin, end = ordinal * samples_each, min((ordinal + 1) * samples_each, len(samples))
        yield Tile(
            level,
            ordinal,
            int(samples.times_ms[begin]),
            int(samples.times_ms[end - 1]),
            rows.take(slice(first, first + TILE_ROWS)).without_absent(),
        )


def level_for(method: Method, max_samples: int, samples_in_window: int) -> int | None:
    """The coarsest level that has enough rows for the window; None: take the samples themselves."""
    wanted = _PER_POINT.get(method)
    if wanted is None:
        return None
    chosen, level = None, FINEST
    while 2 * samples_in_window // level >= wanted * max_samples:
        chosen, level = level, level * FACTOR
    return chosen


def samples_within(coarsest: Sequence[Tile], start_ms: int, end_ms: int) -> int:
    """About how many samples the window holds, by the coarsest level."""
    stretches = 0
    for tile in coarsest:
        begins = tile.rows.times_ms[::2]
        ends = np.append(begins[1:], tile.end_ms)
        stretches += int(np.count_nonzero((ends >= start_ms) & (begins < end_ms)))
    return stretches * coarsest[0].level if coarsest else 0


@dataclass(frozen=True, slots=True)
class Window:
    """What a level tells of a window.

    Attributes:
        rows: of the stretches that lie wholly within it.
        before, after: what is left of it at either edge, as (start_ms, end_ms); None: nothing can be. Either
            may hold samples that `rows` stand for, too, where several have one time.
    """

    rows: SampleColumns
    before: tuple[int, int] | None
    after: tuple[int, int] | None


def cut(tiles: Sequence[Tile], start_ms: int, end_ms: int, series: tuple[int, int]) -> Window:
    """The part of a level that lies within [start_ms, end_ms).

    Args:
        tiles: those of one level that touch the window, in their order.
        series: first and last time of the whole series.
    """
    start_ms, end_ms = max(start_ms, series[0]), min(end_ms, series[1] + 1)
    if start_ms >= end_ms:
        return Window(concatenate([]), None, None)
    rows = concatenate([tile.rows for tile in tiles])
    begins = rows.times_ms[::2]
    uppers = np.append(begins[1:], tiles[-1].end_ms) if len(begins) else begins
    whole = np.flatnonzero((begins >= start_ms) & (uppers < end_ms))
    if not len(whole):
        return Window(rows.take(slice(0, 0)), (start_ms, end_ms), None)
    first, last = int(whole[0]), int(whole[-1])
    before = None if int(begins[first]) == series[0] else (start_ms, int(begins[first]) + 1)
    ends_all = last == len(begins) - 1 and int(uppers[last]) == series[1]
    after = None if ends_all else (int(uppers[last]), end_ms)
    return Window(rows.take(slice(2 * first, 2 * last + 2)), before, after)


def joined(window: Window, before: SampleColumns, after: SampleColumns) -> SampleColumns:
    """The rows of a window with two more for the samples at each edge."""
    edges = [smallest_and_largest(edge, max(len(edge), 1)) for edge in (before, after)]
    return concatenate([part for part in (edges[0], window.rows, edges[1]) if len(part)])
