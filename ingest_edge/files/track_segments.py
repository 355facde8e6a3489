"""The stretches that a track was recorded in: between two of them the clock stood still."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ingest_edge.files.activity import BoolArray, Marker
from ingest_edge.files.track_values import Float64Array

NOBODY = -1
"""The session of points that belong to none: those of a course in the same file."""


def _numbers() -> array[int]:
    return array("q")


@dataclass(frozen=True)
class SegmentSpans:
    """Stretches with at least one placed point, in the order of time; all arrays of shape (m,)."""

    first_ms: npt.NDArray[np.int64]
    last_ms: npt.NDArray[np.int64]
    session: npt.NDArray[np.int64]
    lap: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.first_ms)

    def timer_s(self, session: int) -> float:
        """How long the clock ran in a session."""
        own = self.session == session
        return float((self.last_ms[own] - self.first_ms[own]).sum()) / 1000

    def bounds(self, session: int) -> tuple[int, int] | None:
        """Where a session begins and ends; None where it has no point."""
        return _bounds(self.first_ms, self.last_ms, self.session == session)

    def lap_bounds(self, lap: int) -> tuple[int, int] | None:
        """Where the points of a lap begin and end; None where it has none."""
        return _bounds(self.first_ms, self.last_ms, self.lap == lap)


def _bounds(
    first_ms: npt.NDArray[np.int64], last_ms: npt.NDArray[np.int64], own: BoolArray
) -> tuple[int, int] | None:
    return (int(first_ms[own].min()), int(last_ms[own].max())) if own.any() else None


@dataclass(frozen=True)
class Segments:
    """Takes stretches as the file opens them: each lasts until the next begins."""

    _starts: array[int] = field(default_factory=_numbers)
    _sessions: array[int] = field(default_factory=_numbers)
    _laps: array[int] = field(default_factory=_numbers)

    def open(self, row: int, session: int, lap: int = 0) -> None:
        """A stretch begins with this row. One that stayed empty is forgotten."""
        if self._starts and self._starts[-1] == row:
            del self._starts[-1], self._sessions[-1], self._laps[-1]
        self._starts.append(row)
        self._sessions.append(session)
        self._laps.append(lap)

    def wanted(self, rows: int) -> BoolArray | None:
        """Which of `rows` points belong to a session; None where all do."""
        sessions = np.array(self._sessions, np.int64)
        if len(sessions) and self._starts[0] == 0 and (sessions != NOBODY).all():
            return None
        mask = np.zeros(rows, np.bool_)
        lengths = np.diff(np.append(np.array(self._starts, np.int64), rows))
        covered = np.repeat(sessions != NOBODY, lengths)
        mask[rows - len(covered) :] = covered
        return mask

    def spans(self, time_ms: Float64Array) -> SegmentSpans:
        """The stretches' first and last times, from the time of each row (NaN where a row was left out)."""
        starts = np.array(self._starts, np.int64)
        inside = starts < len(time_ms)
        starts = starts[inside]
        if not len(starts):
            empty = np.zeros(0, np.int64)
            return SegmentSpans(empty, empty, empty, empty)
        first, last = np.fmin.reduceat(time_ms, starts), np.fmax.reduceat(time_ms, starts)
        kept = ~np.isnan(first)
        order = np.argsort(first[kept], kind="stable")
        columns = (first, last, np.array(self._sessions)[inside], np.array(self._laps)[inside])
        return SegmentSpans(*(column[kept][order].astype(np.int64) for column in columns))


def pauses(spans: SegmentSpans, counted: BoolArray | None = None) -> list[Marker]:
    """A pause and a resume for each gap between stretches; `counted`, shape (m − 1,), picks some of them."""
    if len(spans) < 2:
        return []
    ends = np.maximum.accumulate(spans.last_ms)[:-1]
    gaps = spans.first_ms[1:] > ends
    if counted is not None:
        gaps &= counted
    found: list[Marker] = []
    for end, start in zip(ends[gaps].tolist(), spans.first_ms[1:][gaps].tolist(), strict=True):
        found += [Marker("pause", end), Marker("resume", start)]
    return found
