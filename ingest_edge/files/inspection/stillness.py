"""When nothing was recorded: because the clock was stopped, or although it ran."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingest_edge.files.fit_profile import FIRST_ABSOLUTE_TIMESTAMP, UNIX_TIME_OF_FIT_EPOCH_S
from ingest_edge.files.inspection.contents import TIMER_EVENT, TIMER_START, TIMER_STOPS, FileContents

_SHORTEST_GAP_S = 10.0
_USUAL_INTERVALS = 5.0
_MOST = 500


@dataclass(frozen=True)
class Stillness:
    """A stretch without records, in FIT seconds."""

    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        """How long it lasted."""
        return self.end_s - self.start_s


def unix_ms(fit_seconds: float) -> int | None:
    """A FIT time as Unix milliseconds; None where it counts from when a device was switched on."""
    if fit_seconds < FIRST_ABSOLUTE_TIMESTAMP:
        return None
    return round((fit_seconds + UNIX_TIME_OF_FIT_EPOCH_S) * 1000)


def pauses_of(contents: FileContents) -> list[Stillness]:
    """Between each stop of the timer and the next start; the first start and the last stop are the ends."""
    found: list[Stillness] = []
    stopped: float | None = None
    for event in contents.of("event"):
        time, kind = event.get("timestamp"), event.get("event_type")
        if event.get("event") != TIMER_EVENT or not isinstance(time, int | float):
            continue
        if kind in TIMER_STOPS and stopped is None:
            stopped = time
        elif kind == TIMER_START:
            if stopped is not None and time > stopped:
                found.append(Stillness(stopped, time))
            stopped = None
    return found[:_MOST]


def gaps_of(contents: FileContents, pauses: Sequence[Stillness]) -> list[Stillness]:
    """Where records are far apart though the clock ran: more than ten seconds and five usual intervals."""
    column = contents.columns.get("timestamp")
    if column is None or column.values.dtype == object or len(column.values) < 3:
        return []
    times = np.sort(column.values.astype(np.float64))
    steps = np.diff(times)
    limit = max(_SHORTEST_GAP_S, _USUAL_INTERVALS * float(np.median(steps)))
    wide = np.flatnonzero(steps > limit)[:_MOST]
    gaps = (
        Stillness(start, end)
        for start, end in zip(times[wide].tolist(), times[wide + 1].tolist(), strict=True)
    )
    return [gap for gap in gaps if gap.length_s - _paused_s(gap, pauses) > limit]


def _paused_s(gap: Stillness, pauses: Sequence[Stillness]) -> float:
    overlaps = (min(gap.end_s, pause.end_s) - max(gap.start_s, pause.start_s) for pause in pauses)
    return sum(overlap for overlap in overlaps if overlap > 0)
