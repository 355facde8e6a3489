"""A swim in a pool: its lengths, its strokes, its rests.

SWOLF is the seconds of a length plus its strokes (arms counted as the watch counts them): a name of golf's,
for less is better. It compares swims in pools of one length only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.workout.summary import Length


@dataclass(frozen=True, slots=True)
class StrokeNumbers:
    """The lengths swum with one stroke, a `SwimStroke`; averages a length."""

    stroke: int
    lengths: int
    average_length_s: float
    average_strokes: float
    swolf: float


@dataclass(frozen=True, slots=True)
class SwimAnalysis:
    """The numbers of a swim in a pool.

    Attributes:
        rest_s: time in lengths that the watch calls rests.
        length_s, length_strokes, length_swolf: of each active length, in order.
        by_stroke: one entry a stroke that was swum.
    """

    pool_length_m: float
    rest_s: float
    length_s: tuple[float, ...]
    length_strokes: tuple[int, ...]
    length_swolf: tuple[float, ...]
    whole: StrokeNumbers
    by_stroke: tuple[StrokeNumbers, ...]


def swim_analysis(lengths: Sequence[Length], pool_length_m: float) -> SwimAnalysis | None:
    """The numbers of a stretch's lengths; None when none was swum or the pool's length is not known."""
    ordered = sorted(lengths, key=lambda length: length.start_ms)
    active = [length for length in ordered if length.active and length.end_ms > length.start_ms]
    if not active or not 0 < pool_length_m < float("inf"):
        return None
    seconds = tuple((length.end_ms - length.start_ms) / 1000 for length in active)
    rests = [length for length in ordered if not length.active and length.end_ms > length.start_ms]
    strokes = sorted({length.stroke for length in active})
    return SwimAnalysis(
        pool_length_m=pool_length_m,
        rest_s=sum((length.end_ms - length.start_ms) / 1000 for length in rests),
        length_s=seconds,
        length_strokes=tuple(length.strokes for length in active),
        length_swolf=tuple(
            swolf(second, length.strokes) for second, length in zip(seconds, active, strict=True)
        ),
        whole=_numbers(0, active),
        by_stroke=tuple(
            _numbers(stroke, [length for length in active if length.stroke == stroke]) for stroke in strokes
        ),
    )


def swolf(seconds: float, strokes: float) -> float:
    """Seconds of a length plus its strokes."""
    return seconds + strokes


def _numbers(stroke: int, lengths: Sequence[Length]) -> StrokeNumbers:
    seconds = sum((length.end_ms - length.start_ms) / 1000 for length in lengths) / len(lengths)
    strokes = sum(length.strokes for length in lengths) / len(lengths)
    return StrokeNumbers(stroke, len(lengths), seconds, strokes, swolf(seconds, strokes))
