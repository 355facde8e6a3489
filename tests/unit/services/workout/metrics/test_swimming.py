"""Pool swims."""

from __future__ import annotations

import pytest

from services.workout.metrics.swimming import swim_analysis
from services.workout.summary import Length, Part
from tests.unit.services.workout.metrics.builders import SWIMMING, T0, constant, metrics

FREESTYLE, BREASTSTROKE = 1, 3


def pool(*swum: tuple[float, int, int]) -> list[Length]:
    """Lengths of (seconds, strokes, stroke), one after the other; 0 strokes are a rest."""
    made, begin = [], 0.0
    for seconds, strokes, stroke in swum:
        start, end = T0 + round(begin * 1000), T0 + round((begin + seconds) * 1000)
        made.append(Length(start, end, strokes > 0, strokes, stroke))
        begin += seconds
    return made


FOUR = pool(
    (30, 15, FREESTYLE), (32, 17, FREESTYLE), (20, 0, 0), (40, 20, BREASTSTROKE), (44, 22, BREASTSTROKE)
)


def test_swolf_is_seconds_and_strokes() -> None:
    found = swim_analysis(FOUR, 25)
    assert found is not None
    assert found.length_swolf == (45, 49, 60, 66)
    assert found.whole.swolf == pytest.approx(55)
    assert found.whole.lengths == 4
    assert found.rest_s == 20


def test_each_stroke_has_its_own_numbers() -> None:
    found = swim_analysis(FOUR, 25)
    assert found is not None
    free, breast = found.by_stroke
    assert (free.stroke, free.lengths, free.swolf) == (FREESTYLE, 2, 47)
    assert (breast.stroke, breast.average_length_s, breast.average_strokes) == (BREASTSTROKE, 42, 21)


def test_without_a_length_or_a_pool_there_is_no_swim() -> None:
    assert swim_analysis([], 25) is None
    assert swim_analysis(pool((20, 0, 0)), 25) is None
    assert swim_analysis(FOUR, 0) is None
    assert swim_analysis(FOUR, float("inf")) is None


def test_the_fastest_fifty_is_that_of_the_fastest_lengths() -> None:
    part = Part(SWIMMING, 0, T0, T0 + 166_000, pool_length_m=25)
    made = metrics(constant(167, heart_rate=130), sport=SWIMMING, sessions=[part], lengths=FOUR).whole
    assert made.swim is not None
    best = {effort.best.kind: effort for effort in made.best_efforts}
    assert best["distance/50"].best.value == pytest.approx(62)
    assert best["distance/100"].best.value == pytest.approx(166)
    assert made.load.swimming_stress_score == pytest.approx(146 / 36 * (100 / 146 / 1.25) ** 3)


def test_works_in_a_pool_are_told_by_its_lengths() -> None:
    part = Part(SWIMMING, 0, T0, T0 + 166_000, pool_length_m=25)
    made = metrics(constant(167, heart_rate=130), sport=SWIMMING, sessions=[part], lengths=FOUR).whole
    assert {interval.kind.name for interval in made.intervals} == {"AUTO_LAP"}
