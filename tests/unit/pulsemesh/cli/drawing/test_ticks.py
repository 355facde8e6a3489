from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulsemesh.cli.drawing.chart import XKind
from pulsemesh.cli.drawing.ticks import ticks


@pytest.mark.parametrize(
    ("kind", "first", "last", "expected"),
    [
        ("seconds", 0, 3_600, [0, 900, 1_800, 2_700, 3_600]),
        ("seconds", 10, 100, [30, 60, 90]),
        ("metres", 0, 10_000, [0, 2_000, 4_000, 6_000, 8_000, 10_000]),
        ("date", 20_000, 20_010, [20_000, 20_002, 20_004, 20_006, 20_008, 20_010]),
        ("duration", 1, 3_600, [1, 15, 60, 300, 1_200]),
        ("number", 5, 5, [5]),
    ],
)
def test_an_axis_is_labelled_where_people_count(
    kind: XKind, first: float, last: float, expected: list[float]
) -> None:
    assert ticks(kind, first, last, 6) == expected


@given(
    st.sampled_from(["seconds", "metres", "date", "duration", "number"]),
    st.floats(0.5, 1e6),
    st.floats(1e-3, 1e8),
    st.integers(2, 12),
)
def test_labels_are_few_growing_and_within_the_axis(
    kind: XKind, first: float, width: float, most: int
) -> None:
    found = ticks(kind, first, first + width, most)
    assert len(found) <= most
    assert found == sorted(set(found))
    assert all(first - 1e-6 * width - 1e-6 <= at <= first + width * (1 + 1e-6) + 1e-6 for at in found)
