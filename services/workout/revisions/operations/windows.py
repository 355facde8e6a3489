"""Crop and cut: whole stretches of time go."""

from __future__ import annotations

from typing import Any

import numpy as np

from pulsemesh.samples import CHANNELS
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import recording_pb2, revision_pb2
from services.chassis.errors import InvalidField
from services.workout.codec import SampleColumn, SampleColumns, concatenate
from services.workout.revisions.draft import MARKER, Draft, Outcome, column_of, with_markers
from services.workout.streams.merging import merge_sources

END_OF_TIME_MS = 2**62
PAUSE = int(channel_pb2.MARKER_KIND_PAUSE)
RESUME = int(channel_pb2.MARKER_KIND_RESUME)
_INT32 = np.iinfo(np.int32)
_RESET_SHARE = 0.5


def crop(draft: Draft, wanted: revision_pb2.Crop) -> tuple[Draft, Outcome]:
    """Keep [start, end).

    Raises:
        InvalidField: the stretch is empty.
    """
    start_ms, end_ms = wanted.start_time_ms, wanted.end_time_ms or END_OF_TIME_MS
    if start_ms >= end_ms:
        raise InvalidField("crop.end_time_ms", "must be after start_time_ms")
    kept = keep_stretch(draft, start_ms, end_ms)
    return kept, Outcome(removed_samples=draft.samples() - kept.samples())


def keep_stretch(draft: Draft, start_ms: int, end_ms: int) -> Draft:
    """[start_ms, end_ms) of a workout. Where it begins within a pause, a marker says so."""
    kept = draft.with_sources(lambda _, samples: samples.between(start_ms, end_ms))
    span = kept.span()
    if span is not None and _paused_at(draft, start_ms) and not _told_at(kept, span[0], RESUME):
        kept = _with_markers(kept, [(span[0], PAUSE)])
    return Draft(kept.sources, _details_of_stretch(draft.details, start_ms, end_ms))


def cut(draft: Draft, wanted: revision_pb2.Cut) -> tuple[Draft, Outcome]:
    """Leave [start, end) out: it becomes a pause, and counters go on after it as if it had not been.

    Raises:
        InvalidField: the stretch is empty.
    """
    start_ms, end_ms = wanted.start_time_ms, wanted.end_time_ms
    if start_ms >= end_ms:
        raise InvalidField("cut.end_time_ms", "must be after start_time_ms")
    kept = draft.with_sources(lambda _, samples: _without_stretch(samples, start_ms, end_ms))
    removed = draft.samples() - kept.samples()
    if kept.span() is None or not removed:
        return kept, Outcome(removed_samples=removed)
    before, after = _paused_at(draft, start_ms), _paused_at(draft, end_ms)
    markers = [] if before else [(start_ms, PAUSE)]
    if not after and not _told_at(draft, end_ms, RESUME):
        markers.append((end_ms, RESUME))
    elif after and before:
        markers = []
    details = _details_without(draft.details, start_ms, end_ms)
    return _with_markers(Draft(kept.sources, details), markers), Outcome(removed_samples=removed)


def _without_stretch(samples: SampleColumns, start_ms: int, end_ms: int) -> SampleColumns:
    first, last = np.searchsorted(samples.times_ms, [start_ms, end_ms], side="left")
    if first == last:
        return samples
    head, tail = samples.take(slice(0, int(first))), samples.take(slice(int(last), len(samples)))
    columns = {
        channel: _continued(samples, column, int(first), int(last), (start_ms, end_ms))
        if channel in CHANNELS and CHANNELS[channel].cumulative
        else column.take(slice(int(last), len(samples)))
        for channel, column in samples.columns.items()
    }
    return concatenate([head, SampleColumns(tail.times_ms, columns)])


def _continued(
    samples: SampleColumns, column: SampleColumn, first: int, last: int, stretch: tuple[int, int]
) -> SampleColumn:
    """The tail of a counter, less what it counted within the stretch."""
    present = column.mask()
    rows = np.flatnonzero(present)
    if not len(rows) or rows[-1] < last:
        return column.take(slice(last, len(samples)))
    values = column.values[rows].astype(np.float64)
    # A counter that falls to less than half has begun again at zero and counts on.
    resets = np.flatnonzero(values[1:] < values[:-1] * _RESET_SHARE) + 1
    offset = np.zeros(len(values))
    offset[resets] = values[resets - 1]
    offset = np.cumsum(offset)
    at_start, at_end = np.interp(np.array(stretch, np.float64), samples.times_ms[rows], values + offset)
    ahead = int(np.searchsorted(rows, first)) - 1
    base = offset[ahead] if ahead >= 0 else 0.0
    tail = np.zeros(len(samples) - last, np.int32)
    within = rows >= last
    shifted = np.rint(values + offset - base - (at_end - at_start))[within]
    tail[rows[within] - last] = np.clip(shifted, _INT32.min, _INT32.max)
    return column_of(tail, present[last:])


def _markers(draft: Draft) -> list[tuple[int, int]]:
    told = merge_sources(
        [samples.only(frozenset({MARKER})) for samples in draft.sources.values() if MARKER in samples.columns]
    ).get(MARKER)
    return [] if told is None else list(zip(told.times_ms.tolist(), told.values.tolist(), strict=True))


def _paused_at(draft: Draft, time_ms: int) -> bool:
    """Whether the clock stands just before `time_ms`, by the markers before it."""
    kinds = [kind for told_ms, kind in _markers(draft) if told_ms < time_ms and kind in (PAUSE, RESUME)]
    return bool(kinds) and kinds[-1] == PAUSE


def _told_at(draft: Draft, time_ms: int, kind: int) -> bool:
    return (time_ms, kind) in _markers(draft)


def _with_markers(draft: Draft, markers: list[tuple[int, int]]) -> Draft:
    """The same with markers in the first source that has samples."""
    leader = next(source_id for source_id, samples in draft.sources.items() if len(samples))
    return draft.with_sources(
        lambda source_id, samples: with_markers(samples, markers) if source_id == leader else samples
    )


def _details_of_stretch(
    details: recording_pb2.RecordingDetails, start_ms: int, end_ms: int
) -> recording_pb2.RecordingDetails:
    """What lies within [start_ms, end_ms); what reaches out of it ends or begins at its edge."""
    kept = _untimed(details)
    kept.sessions.extend(each for each in details.sessions if _touches(each, start_ms, end_ms))
    kept.laps.extend(each for each in details.laps if _touches(each, start_ms, end_ms))
    # A length of a pool belongs where it began: half of one is none.
    kept.lengths.extend(each for each in details.lengths if start_ms <= each.start_time_ms < end_ms)
    for timed in _sessions_and_laps(kept):
        clipped = max(timed.start_time_ms, start_ms), min(timed.end_time_ms, end_ms)
        if clipped != (timed.start_time_ms, timed.end_time_ms):
            timed.start_time_ms, timed.end_time_ms = clipped
            _forget_reported(timed)
    return kept


def _details_without(
    details: recording_pb2.RecordingDetails, start_ms: int, end_ms: int
) -> recording_pb2.RecordingDetails:
    """Without what lies within [start_ms, end_ms); what reaches into it ends or begins at its edge."""
    kept = _untimed(details)
    kept.sessions.extend(each for each in details.sessions if not _lies_within(each, start_ms, end_ms))
    kept.laps.extend(each for each in details.laps if not _lies_within(each, start_ms, end_ms))
    kept.lengths.extend(each for each in details.lengths if not start_ms <= each.start_time_ms < end_ms)
    for timed in _sessions_and_laps(kept):
        _trim(timed, start_ms, end_ms)
    return kept


def _untimed(details: recording_pb2.RecordingDetails) -> recording_pb2.RecordingDetails:
    kept = recording_pb2.RecordingDetails()
    kept.CopyFrom(details)
    del kept.sessions[:], kept.laps[:], kept.lengths[:]
    return kept


def _sessions_and_laps(details: recording_pb2.RecordingDetails) -> list[Any]:
    return [*details.sessions, *details.laps]


def _touches(timed: Any, start_ms: int, end_ms: int) -> bool:
    return bool(timed.start_time_ms < end_ms and max(timed.end_time_ms, timed.start_time_ms + 1) > start_ms)


def _lies_within(timed: Any, start_ms: int, end_ms: int) -> bool:
    return bool(start_ms <= timed.start_time_ms and timed.end_time_ms <= end_ms)


def _trim(timed: Any, start_ms: int, end_ms: int) -> None:
    if timed.end_time_ms <= start_ms or timed.start_time_ms >= end_ms:
        return
    _forget_reported(timed)
    if timed.start_time_ms >= start_ms:
        timed.start_time_ms = end_ms
    elif timed.end_time_ms <= end_ms:
        timed.end_time_ms = start_ms


def _forget_reported(timed: Any) -> None:
    """What the device reported of the whole is not true of a part."""
    if isinstance(timed, recording_pb2.SessionPart):
        timed.reported_distance_m = timed.reported_timer_s = timed.reported_energy_kcal = 0.0
