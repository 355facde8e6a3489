"""An overview shows every extreme of every window, from few rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workout.codec import SampleColumn, SampleColumns
from services.workout.streams import Method, overview

START_MS = 1_750_000_000_000


def stream(seed: int, samples: int, *, dense: bool = False) -> SampleColumns:
    """Noise with absent values, gaps, and several samples of one time."""
    random = np.random.default_rng(seed)
    steps = random.choice([0, 1, 1000, 1000, 1000, 60_000], samples)
    times = START_MS + np.cumsum(steps).astype(np.int64)
    present = np.ones(samples, np.bool_) if dense else random.random(samples) > 0.4
    power = np.where(present, random.integers(-500, 2000, samples), 0).astype(np.int32)
    heart = random.integers(40, 200, samples).astype(np.int32)
    return SampleColumns(times, {6: SampleColumn(heart), 8: SampleColumn(power, present)})


def level_of(samples: SampleColumns, level: int) -> list[overview.Tile]:
    return [tile for tile in overview.build(samples, with_samples=False) if tile.level == level]


def extremes(samples: SampleColumns) -> dict[int, tuple[int, int]]:
    found = {}
    for channel, column in samples.columns.items():
        values = column.values[column.mask()]
        if len(values):
            found[channel] = (int(values.min()), int(values.max()))
    return found


@given(
    seed=st.integers(0, 2**32 - 1),
    samples=st.integers(1, 20_000),
    edges=st.tuples(st.floats(-0.1, 1.1), st.floats(-0.1, 1.1)),
    power=st.integers(0, 4),
)
@settings(max_examples=60, deadline=None)
def test_a_window_of_any_level_has_the_extremes_of_its_samples(
    seed: int, samples: int, edges: tuple[float, float], power: int
) -> None:
    whole = stream(seed, samples)
    levels = {tile.level for tile in overview.build(whole, with_samples=False)}
    level = min(16 * 4**power, max(levels))
    span = (int(whole.times_ms[0]), int(whole.times_ms[-1]))
    start_ms, end_ms = sorted(span[0] + round(edge * (span[1] - span[0] + 2)) for edge in edges)
    touched = [tile for tile in level_of(whole, level) if tile.end_ms >= start_ms and tile.start_ms < end_ms]
    window = overview.cut(touched, start_ms, end_ms, span)
    before, after = (
        whole.between(*edge) if edge is not None else whole.take(slice(0, 0))
        for edge in (window.before, window.after)
    )
    joined = overview.joined(window, before, after)
    assert extremes(joined) == extremes(whole.between(start_ms, end_ms))
    assert bool(np.all(np.diff(joined.times_ms) >= 0))
    if len(joined):
        assert start_ms <= joined.times_ms[0] <= joined.times_ms[-1] < end_ms
    # What is left at the edges is short: less than two stretches, but for samples of one time.
    distinct = len(np.unique(before.times_ms)) + len(np.unique(after.times_ms))
    assert distinct <= 2 * level + 2


@pytest.mark.parametrize("samples", [1, 15, 16, 17, 4_096, 100_000])
def test_every_level_stands_for_every_sample(samples: int) -> None:
    whole = stream(3, samples, dense=True)
    tiles = list(overview.build(whole, with_samples=True))
    for level in {tile.level for tile in tiles}:
        mine = [tile for tile in tiles if tile.level == level]
        assert [tile.ordinal for tile in mine] == list(range(len(mine)))
        assert mine[0].start_ms == whole.times_ms[0]
        assert mine[-1].end_ms == whole.times_ms[-1]
        assert extremes(mine[0].rows) == extremes(
            whole.take(slice(0, overview.TILE_ROWS if level == 1 else overview.TILE_ROWS // 2 * level))
        )
    coarsest = max(tile.level for tile in tiles)
    rows = sum(len(tile.rows) for tile in tiles if tile.level == coarsest)
    assert rows <= max(overview.SHORT_ROWS, 2)


def test_the_level_has_enough_rows_for_what_is_drawn() -> None:
    assert overview.level_for(Method.MIN_MAX, 1_000, 86_400) == 64
    assert overview.level_for(Method.LTTB, 1_000, 86_400) == 16
    assert overview.level_for(Method.MIN_MAX, 1_000, 7_000) is None
    assert overview.level_for(Method.MEAN, 1_000, 86_400) is None
