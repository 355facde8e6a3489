"""The summary of a whole workout: its sessions, its laps, and all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import recording_pb2
from services.workout.codec import SampleColumns
from services.workout.streams.merging import ChannelSeries, merge_sources
from services.workout.summary.parts import Lap, Length, Part, Totals, WorkoutSummary
from services.workout.summary.stretch import Track, average_speed_mps, spans, totals

_ROUNDING_MS = 2_000


def summarise(
    sources: Sequence[SampleColumns],
    *,
    sport: int,
    sub_sport: int,
    start_ms: int,
    sessions: Sequence[Part] = (),
    laps: Sequence[Lap] = (),
    lengths: Sequence[Length] = (),
) -> WorkoutSummary:
    """Compute the numbers of a workout.

    Without `sessions` the whole is one session of `sport`. Without `laps` the lap markers make them; without
    those either there are none. `start_ms` stands in for the beginning when there is neither a sample nor a
    part.
    """
    track = build_track(sources, start_ms=start_ms, sessions=sessions, laps=laps, lengths=lengths)
    return summarise_track(track, sport=sport, sub_sport=sub_sport, sessions=sessions, laps=laps)


def build_track(
    sources: Sequence[SampleColumns],
    *,
    start_ms: int,
    sessions: Sequence[Part] = (),
    laps: Sequence[Lap] = (),
    lengths: Sequence[Length] = (),
) -> Track:
    """Merge and scale the samples of a workout once, for its summary and for all of its other numbers."""
    channels = merge_sources(sources)
    start_ms, end_ms = _extent(spans(channels), [*sessions, *laps, *lengths], start_ms)
    return Track(channels, lengths, start_ms, end_ms)


def summarise_track(
    track: Track, *, sport: int, sub_sport: int, sessions: Sequence[Part] = (), laps: Sequence[Lap] = ()
) -> WorkoutSummary:
    """The same as `summarise` of a track that `build_track` made of the same sessions and laps."""
    parts = sessions or [Part(sport, sub_sport, track.start_ms, track.end_ms)]
    measured = tuple((part, totals(track, part)) for part in parts)
    marked = laps or _laps_by_markers(track.markers, track.start_ms, track.end_ms)
    return WorkoutSummary(
        start_ms=track.start_ms,
        end_ms=track.end_ms,
        whole=_whole(track, measured, track.sampled),
        sessions=measured,
        laps=tuple((lap, _lap_totals(track, lap, parts)) for lap in marked),
    )


def _extent(
    sampled: tuple[int, int] | None, parts: Iterable[Part | Lap | Length], start_ms: int
) -> tuple[int, int]:
    real = [(part.start_ms, part.end_ms) for part in parts if part.end_ms >= part.start_ms > 0]
    moments = [*real, sampled] if sampled else real
    if not moments:
        return start_ms, start_ms
    return min(start for start, _ in moments), max(end for _, end in moments)


def _lap_totals(track: Track, lap: Lap, parts: Sequence[Part]) -> Totals:
    """A lap is a part of the session in which it begins, without what the device reported of the session."""
    around = next((part for part in parts if part.start_ms <= lap.start_ms < part.end_ms), parts[0])
    stretch = Part(around.sport, around.sub_sport, lap.start_ms, lap.end_ms, around.pool_length_m)
    return totals(track, stretch)


def _laps_by_markers(markers: ChannelSeries | None, start_ms: int, end_ms: int) -> list[Lap]:
    if markers is None:
        return []
    is_lap = markers.values == channel_pb2.MARKER_KIND_LAP
    ends = [time for time in markers.times_ms[is_lap].tolist() if start_ms < time < end_ms]
    if not ends:
        return []
    laps = [
        Lap(start, end, recording_pb2.LAP_TRIGGER_MANUAL)
        for start, end in zip([start_ms, *ends], ends, strict=False)
    ]
    return [*laps, Lap(ends[-1], end_ms, recording_pb2.LAP_TRIGGER_SESSION_END)]


def _whole(track: Track, sessions: Sequence[tuple[Part, Totals]], sampled: tuple[int, int] | None) -> Totals:
    """The whole from first to last sample; what sessions measure in different ways is the sum of theirs."""
    sports = {part.sport for part, _ in sessions}
    sport = sports.pop() if len(sports) == 1 else int(sport_pb2.SPORT_MULTISPORT)
    part = Part(sport, 0, track.start_ms, track.end_ms)
    whole = totals(track, part)
    answers = [answer for _, answer in sessions]
    timer_s = _sum(answers, lambda each: each.timer_s)
    if timer_s is not None and whole.timer_s is not None:
        timer_s = min(timer_s, whole.timer_s)  # sessions that overlap do not make time
    moving_s = _sum(answers, lambda each: each.moving_s)
    distance_m = _sum(answers, lambda each: each.distance_m)
    if _overlap([part for part, _ in sessions]):
        moving_s, distance_m = whole.moving_s, whole.distance_m
    whole = replace(
        whole,
        timer_s=timer_s,
        moving_s=moving_s,
        distance_m=distance_m,
        average_speed_mps=average_speed_mps(distance_m, moving_s, timer_s),
        energy_kcal=_sum(answers, lambda each: each.energy_kcal),
    )
    if sampled is not None:
        return replace(whole, elapsed_s=(sampled[1] - sampled[0]) / 1000)
    return whole if track.end_ms > track.start_ms else Totals()


def _overlap(parts: Sequence[Part]) -> bool:
    """Whether the device told the same time as part of two sessions, by more than it rounds."""
    ordered = sorted(parts, key=lambda part: part.start_ms)
    return any(later.start_ms < earlier.end_ms - _ROUNDING_MS for earlier, later in pairwise(ordered))


def _sum(answers: Sequence[Totals], number: Callable[[Totals], float | None]) -> float | None:
    known = [value for answer in answers if (value := number(answer)) is not None]
    return sum(known) if known else None
