"""Sessions, laps and lengths of several workouts as those of one."""

from __future__ import annotations

from collections.abc import Sequence

from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import recording_pb2
from services.workout.revisions.draft import Draft

_ROUNDING_MS = 2_000


def merge_details(inputs: Sequence[tuple[Draft, int, int]]) -> recording_pb2.RecordingDetails:
    """The details of drafts with their sports, in the order of time.

    Of overlapping sessions the earlier stands; two of one sport that follow each other at once become one,
    since they were one before they were split. Laps and lengths are all kept, but not two of one time.
    """
    merged = recording_pb2.RecordingDetails(gear=next((each.details.gear for each, *_ in inputs), ""))
    sessions: list[recording_pb2.SessionPart] = []
    for draft, sport, sub_sport in inputs:
        for part in _sessions_of(draft, sport, sub_sport):
            _add_session(sessions, part)
    told = any(draft.details.sessions for draft, *_ in inputs)
    differ = len({(part.sport, part.sub_sport, part.pool_length_m) for part in sessions}) > 1
    if told or differ:
        merged.sessions.extend(sessions)
    for name in ("laps", "lengths"):
        every = [each for draft, *_ in inputs for each in getattr(draft.details, name)]
        every.sort(key=lambda each: (each.start_time_ms, each.end_time_ms))
        kept: list[object] = []
        reach = 0
        for each in every:
            if each.start_time_ms >= reach - _ROUNDING_MS:
                kept.append(each)
                reach = max(reach, each.end_time_ms)
        getattr(merged, name).extend(kept)
    return merged


def _sessions_of(draft: Draft, sport: int, sub_sport: int) -> list[recording_pb2.SessionPart]:
    if draft.details.sessions:
        return list(draft.details.sessions)
    span = draft.span()
    if span is None:
        return []
    return [
        recording_pb2.SessionPart(
            sport=sport_pb2.Sport.ValueType(sport),
            sub_sport=sport_pb2.SubSport.ValueType(sub_sport),
            start_time_ms=span[0],
            end_time_ms=span[1],
        )
    ]


def _add_session(sessions: list[recording_pb2.SessionPart], part: recording_pb2.SessionPart) -> None:
    """Add a session, join it to the last, or leave it out where it overlaps; in place."""
    if not sessions:
        sessions.append(_copy(part))
        return
    last = sessions[-1]
    same = (last.sport, last.sub_sport, last.pool_length_m) == (
        part.sport,
        part.sub_sport,
        part.pool_length_m,
    )
    if part.start_time_ms < last.end_time_ms - _ROUNDING_MS:
        if same and part.end_time_ms > last.end_time_ms:
            _extend(last, part.end_time_ms)
        return
    if same and part.start_time_ms <= last.end_time_ms + _ROUNDING_MS:
        _extend(last, part.end_time_ms)
        return
    sessions.append(_copy(part))


def _extend(last: recording_pb2.SessionPart, end_ms: int) -> None:
    last.end_time_ms = max(last.end_time_ms, end_ms)
    # What the device reported of one is not true of both.
    last.reported_distance_m = last.reported_timer_s = last.reported_energy_kcal = 0.0


def _copy(part: recording_pb2.SessionPart) -> recording_pb2.SessionPart:
    copied = recording_pb2.SessionPart()
    copied.CopyFrom(part)
    return copied
