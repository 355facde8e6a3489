"""One workout into several. Pure, and not for the event loop."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from services.chassis.errors import InvalidField
from services.workout.revisions.draft import Draft
from services.workout.revisions.operations import keep_stretch
from services.workout.revisions.operations.windows import END_OF_TIME_MS


def split(draft: Draft, times_ms: Sequence[int]) -> list[Draft]:
    """The parts before, between and after `times_ms`; every sample is in exactly one.

    Counters go on from part to part as they were, so that what each part counted adds up to the whole.

    Raises:
        InvalidField: the times do not grow, or a part would hold no sample.
    """
    if any(later <= earlier for earlier, later in pairwise(times_ms)):
        raise InvalidField("times_ms", "must grow strictly")
    parts = [
        keep_stretch(draft, start_ms, end_ms)
        for start_ms, end_ms in pairwise([-END_OF_TIME_MS, *times_ms, END_OF_TIME_MS])
    ]
    for index, part in enumerate(parts):
        if part.span() is None:
            raise InvalidField(f"times_ms[{max(index - 1, 0)}]", "would leave a part without samples")
    return parts
