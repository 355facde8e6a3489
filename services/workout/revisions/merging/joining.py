"""Samples and details of several workouts as those of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pulsemesh.samples import CHANNELS
from services.workout.codec import SampleColumn, SampleColumns, concatenate
from services.workout.revisions.draft import (
    LATITUDE,
    LONGITUDE,
    MARKER,
    Draft,
    column_of,
    replace_column,
    with_markers,
    without_empty_rows,
)
from services.workout.revisions.merging.parts import merge_details
from services.workout.revisions.operations.windows import PAUSE, RESUME
from services.workout.streams.merging import HOLD_MS

_INT32 = np.iinfo(np.int32)


@dataclass(frozen=True)
class Input:
    """One of the workouts, on the common clock.

    Attributes:
        sport, sub_sport: for its part, where its details tell none.
        follows: it goes on where the one before was split off: what lies between is no pause.
    """

    workout_id: str
    draft: Draft
    sport: int
    sub_sport: int
    follows: bool = False


def merge(inputs: Sequence[Input], leads: Mapping[int, str]) -> Draft:
    """One workout of several.

    Sources of one name whose times do not overlap become one; others stay beside each other. Where a channel
    has a leading workout (by id, in `leads`), the others tell it only where the leader is silent. A counter
    comes of its leader, else of the workout with most of its values; what others counted before and after it
    is joined on. What lies between two workouts is a pause.
    """
    ordered = sorted(inputs, key=lambda each: (each.draft.span() or (0, 0))[0])
    by_workout = {each.workout_id: dict(each.draft.sources) for each in ordered}
    for channel, workout_id in leads.items():
        _follow_leader(by_workout, channel, workout_id)
    follows = frozenset(each.workout_id for each in ordered if each.follows)
    for channel in _counters(by_workout):
        _join_counter(by_workout, channel, leads.get(channel, ""), follows)
    for earlier, later in pairwise(ordered):
        if later.follows:
            _drop_opening_pause(earlier.draft, by_workout[later.workout_id])
    sources = _joined_sources(by_workout)
    details = merge_details([(each.draft, each.sport, each.sub_sport) for each in ordered])
    return _with_pauses(Draft(sources, details), ordered)


def _drop_opening_pause(earlier: Draft, sources: dict[str, SampleColumns]) -> None:
    """Take out, in place, the marker with which a split said that its later part begins within a pause."""
    clock = [
        (time_ms, kind)
        for samples in earlier.sources.values()
        for time_ms, kind in _markers_of(samples)
        if kind in (PAUSE, RESUME)
    ]
    if not clock or max(clock)[1] != PAUSE:
        return
    first_ms = min(int(samples.times_ms[0]) for samples in sources.values() if len(samples))
    for source_id, samples in sources.items():
        told = samples.only(frozenset({MARKER})).take(slice(0, 1))
        alone = [channel for channel, column in samples.columns.items() if column.mask()[:1].any()]
        if _markers_of(told) == [(first_ms, PAUSE)] and alone == [MARKER]:
            sources[source_id] = samples.take(slice(1, len(samples)))
            return


def _markers_of(samples: SampleColumns) -> list[tuple[int, int]]:
    column = samples.columns.get(MARKER)
    if column is None:
        return []
    present = column.mask()
    return list(zip(samples.times_ms[present].tolist(), column.values[present].tolist(), strict=True))


def _follow_leader(by_workout: dict[str, dict[str, SampleColumns]], channel: int, leader_id: str) -> None:
    """Take out what others tell of a channel while its leader tells it, in place."""
    told = _times_of(by_workout[leader_id], channel)
    if not len(told) or channel == MARKER:
        return
    channels = (LATITUDE, LONGITUDE) if channel in (LATITUDE, LONGITUDE) else (channel,)
    for workout_id, sources in by_workout.items():
        if workout_id == leader_id:
            continue
        for source_id, samples in sources.items():
            spoken = _near(told, samples.times_ms)
            for each in channels:
                if each in samples.columns:
                    column = samples.columns[each]
                    samples = replace_column(  # noqa: PLW2901
                        samples, each, column_of(column.values, column.mask() & ~spoken)
                    )
            sources[source_id] = without_empty_rows(samples)


def _times_of(
    sources: Mapping[str, SampleColumns], channel: int
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    times = [
        samples.times_ms[samples.columns[channel].mask()]
        for samples in sources.values()
        if channel in samples.columns
    ]
    return np.unique(np.concatenate(times)) if times else np.empty(0, np.int64)


def _near(
    told: np.ndarray[tuple[int], np.dtype[np.int64]],
    times_ms: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Where a time lies within `HOLD_MS` of one of `told`, which grow and are not empty."""
    after = np.searchsorted(told, times_ms)
    previous, following = told[np.maximum(after - 1, 0)], told[np.minimum(after, len(told) - 1)]
    return np.asarray(np.minimum(np.abs(times_ms - previous), np.abs(following - times_ms)) <= HOLD_MS)


def _counters(by_workout: Mapping[str, Mapping[str, SampleColumns]]) -> list[int]:
    """Counters that more than one workout has."""
    holders: dict[int, set[str]] = {}
    for workout_id, sources in by_workout.items():
        for samples in sources.values():
            for channel, column in samples.columns.items():
                if channel in CHANNELS and CHANNELS[channel].cumulative and column.mask().any():
                    holders.setdefault(channel, set()).add(workout_id)
    return sorted(channel for channel, workouts in holders.items() if len(workouts) > 1)


def _join_counter(
    by_workout: dict[str, dict[str, SampleColumns]], channel: int, leader_id: str, follows: frozenset[str]
) -> None:
    """One counter in place of several, in place; it never falls where one ends and the next begins."""
    pieces = [
        (workout_id, source_id, samples)
        for workout_id, sources in by_workout.items()
        for source_id, samples in sources.items()
        if channel in samples.columns and samples.columns[channel].mask().any()
    ]
    pieces.sort(
        key=lambda piece: (piece[0] != leader_id, -int(piece[2].columns[channel].mask().sum()), piece[0])
    )
    kept: list[tuple[int, int, str, str]] = []
    for workout_id, source_id, samples in pieces:
        column = samples.columns[channel]
        present = column.mask()
        times = samples.times_ms
        # Only what lies beyond all that better counters tell.
        for start_ms, end_ms, *_ in kept:
            present = present & ((times < start_ms) | (times > end_ms))
        if present.sum() < column.mask().sum():
            remaining = replace_column(samples, channel, column_of(column.values, present))
            by_workout[workout_id][source_id] = without_empty_rows(remaining)
        told = times[present]
        if len(told):
            kept.append((int(told[0]), int(told[-1]), workout_id, source_id))
    _continue(by_workout, channel, sorted(kept), follows)


def _continue(
    by_workout: dict[str, dict[str, SampleColumns]],
    channel: int,
    kept: list[tuple[int, int, str, str]],
    follows: frozenset[str],
) -> None:
    """Raise each counter that begins below the end of the one before by that end; all go into the first.

    Not those of `follows`: they go on as they did before they were split off.
    """
    if len(kept) < 2:
        return
    last = None
    joined: list[SampleColumns] = []
    for _, _, workout_id, source_id in kept:
        samples = by_workout[workout_id][source_id]
        column = samples.columns[channel]
        rows = np.flatnonzero(column.mask())
        values = column.values[rows].astype(np.int64)
        if last is not None and values[0] < last and workout_id not in follows:
            values = np.minimum(values + last, _INT32.max)
        last = int(values[-1])
        joined.append(SampleColumns(samples.times_ms[rows], {channel: SampleColumn(values.astype(np.int32))}))
    sources = {(workout_id, source_id) for _, _, workout_id, source_id in kept}
    names = {source_id for _, source_id in sources}
    if len(names) == 1 and len(kept) == len(sources):
        # They become one source anyway: the values stay in the samples that told them.
        for (_, _, workout_id, source_id), piece in zip(kept, joined, strict=True):
            _set_values(by_workout[workout_id], source_id, channel, piece)
        return
    for workout_id, source_id in sources:
        samples = by_workout[workout_id][source_id]
        remaining = samples.only(frozenset(samples.columns) - {channel})
        by_workout[workout_id][source_id] = without_empty_rows(remaining)
    _, _, workout_id, source_id = kept[0]
    first = by_workout[workout_id][source_id]
    by_workout[workout_id][source_id] = concatenate([first, *joined]).sorted_by_time()


def _set_values(
    sources: dict[str, SampleColumns], source_id: str, channel: int, piece: SampleColumns
) -> None:
    samples = sources[source_id]
    present = samples.columns[channel].mask()
    values = np.zeros(len(samples), np.int32)
    values[present] = piece.columns[channel].values
    sources[source_id] = replace_column(samples, channel, column_of(values, present))


def _joined_sources(by_workout: Mapping[str, Mapping[str, SampleColumns]]) -> dict[str, SampleColumns]:
    """Sources of one name one after the other where their times allow, else under names of their own."""
    joined: dict[str, list[SampleColumns]] = {}
    for sources in by_workout.values():
        for source_id, samples in sources.items():
            name, number = source_id, 2
            while name in joined and not _can_follow(joined[name], samples):
                suffix = f"#{number}"
                name, number = source_id[: 160 - len(suffix)] + suffix, number + 1
            joined.setdefault(name, []).append(samples)
    return {name: concatenate(pieces).sorted_by_time() for name, pieces in joined.items()}


def _can_follow(pieces: Sequence[SampleColumns], samples: SampleColumns) -> bool:
    filled = [piece for piece in pieces if len(piece)]
    if not filled or not len(samples):
        return True
    return all(
        piece.times_ms[-1] <= samples.times_ms[0] or samples.times_ms[-1] <= piece.times_ms[0]
        for piece in filled
    )


def _with_pauses(draft: Draft, ordered: Sequence[Input]) -> Draft:
    """A pause wherever no workout was being recorded."""
    reach: int | None = None
    markers: list[tuple[int, int]] = []
    for each in ordered:
        span = each.draft.span()
        if span is None:
            continue
        if reach is not None and span[0] > reach and not each.follows:
            markers += [(reach, PAUSE), (span[0], RESUME)]
        reach = span[1] if reach is None else max(reach, span[1])
    if not markers:
        return draft
    leader = next(source_id for source_id, samples in draft.sources.items() if len(samples))
    return draft.with_sources(
        lambda source_id, samples: with_markers(samples, markers) if source_id == leader else samples
    )
