"""What a split or a merge will write, from stored rows. Pure, and not for the event loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import recording_pb2, revision_pb2, workout_pb2
from pulsemesh.workout.v1 import revision_service_pb2 as wire
from services.chassis.errors import InvalidField
from services.workout import documents
from services.workout.revisions.draft import Draft
from services.workout.revisions.drafting import draft_of
from services.workout.revisions.making import MAX_TITLE, Made, Wanted, make
from services.workout.revisions.merging import Input, find_offset
from services.workout.revisions.merging import merge as merge_drafts
from services.workout.revisions.merging.clocks import LEAST_COMMON_S
from services.workout.revisions.splitting import split as split_draft
from services.workout.revisions.store import StoredWorkout

MAX_GAP_MS = 7 * 86_400_000
"""Workouts with more than a week between them are no parts of one."""


@dataclass(frozen=True, slots=True)
class StoredInput:
    """A workout as it is now.

    Attributes:
        place_in_split: the key of the split that made it, and which of its parts it is; None: no split did.
    """

    stored: StoredWorkout
    place_in_split: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be written."""

    derivation: revision_pb2.Derivation
    made: Sequence[Made]


def plan_split(source: StoredInput, times_ms: Sequence[int], now_ms: int) -> Plan:
    """Several workouts of one.

    Raises:
        InvalidField: the times do not grow, or a part would hold no sample.
        ChunkCorrupted: a chunk cannot be read.
    """
    stored = source.stored
    row = stored.row
    parts = split_draft(_draft_of(stored), times_ms)
    own = row.title == documents.default_title(row.sport, row.start_ms)
    made = [
        make(
            part,
            _described(stored),
            Wanted(
                row.user_id,
                _sport_of_part(part, row.sport),
                row.sub_sport if _sport_of_part(part, row.sport) else 0,
                "" if own else _numbered(row.title, number, len(parts)),
                row.notes if number == 1 else "",
            ),
            now_ms,
        )
        for number, part in enumerate(parts, 1)
    ]
    return Plan(
        revision_pb2.Derivation(kind=revision_pb2.DERIVATION_KIND_SPLIT, split_times_ms=times_ms), made
    )


def check_merge(request: wire.MergeWorkoutsRequest) -> None:
    """
    Raises:
        InvalidField: a channel or an offset names a workout that is not merged, or one is named twice.
    """
    for index, lead in enumerate(request.leads):
        if lead.workout_id not in request.workout_ids:
            raise InvalidField(f"leads[{index}].workout_id", "is not one of workout_ids")
    for index, offset in enumerate(request.clock_offsets):
        if offset.workout_id not in request.workout_ids:
            raise InvalidField(f"clock_offsets[{index}].workout_id", "is not one of workout_ids")
    if len({lead.channel for lead in request.leads}) < len(request.leads):
        raise InvalidField("leads", "name a channel twice")
    if len({offset.workout_id for offset in request.clock_offsets}) < len(request.clock_offsets):
        raise InvalidField("clock_offsets", "name a workout twice")


def plan_merge(sources: Sequence[StoredInput], request: wire.MergeWorkoutsRequest, now_ms: int) -> Plan:
    """One workout of several.

    Raises:
        InvalidField: they lie too far apart, or hold no sample.
        ChunkCorrupted: a chunk cannot be read.
    """
    drafts = [_draft_of(source.stored) for source in sources]
    offsets = _offsets(sources, drafts, request)
    drafts = [_shifted(draft, offset.offset_ms) for draft, offset in zip(drafts, offsets, strict=True)]
    _check_gaps(drafts)
    inputs = [
        Input(
            source.stored.row.workout_id,
            draft,
            source.stored.row.sport,
            source.stored.row.sub_sport,
            follows=_follows(source, sources),
        )
        for source, draft in zip(sources, drafts, strict=True)
    ]
    merged = merge_drafts(inputs, {int(lead.channel): lead.workout_id for lead in request.leads})
    first = sources[0].stored.row
    sport, sub_sport = _sport_of_merged(inputs, merged)
    own = first.title == documents.default_title(first.sport, first.start_ms)
    notes = "\n\n".join(source.stored.row.notes for source in sources if source.stored.row.notes)
    wanted = Wanted(first.user_id, sport, sub_sport, "" if own else first.title, notes[:10_000])
    described = {
        source_id: description
        for source in reversed(sources)
        for source_id, description in _described(source.stored).items()
    }
    told = [each for each in offsets if each.offset_ms or each.correlation]
    derivation = revision_pb2.Derivation(
        kind=revision_pb2.DERIVATION_KIND_MERGE, leads=request.leads, clock_offsets=told
    )
    return Plan(derivation, [make(merged, described, wanted, now_ms)])


def _draft_of(stored: StoredWorkout) -> Draft:
    """As the workout is now: its sessions, laps and lengths may have been corrected, its sport chosen."""
    draft = draft_of(stored)
    document = _document_of(stored)
    details = recording_pb2.RecordingDetails()
    details.CopyFrom(draft.details)
    if stored.revision is not None:
        # Corrections may have trimmed them; what was computed of markers alone is computed again.
        trimmed = [session.part for session in document.sessions] if details.sessions else []
        laps = [lap.mark for lap in document.laps] if details.laps else []
        del details.sessions[:], details.laps[:], details.lengths[:]
        details.sessions.extend(trimmed)
        details.laps.extend(laps)
        details.lengths.extend(document.lengths)
    if len(details.sessions) == 1 and stored.row.sport:
        only = details.sessions[0]
        if only.sport != stored.row.sport:
            only.sport, only.sub_sport = stored.row.sport, stored.row.sub_sport
    return replace(draft, details=details)


def _document_of(stored: StoredWorkout) -> workout_pb2.Workout:
    """The computed document of a workout."""
    return workout_pb2.Workout.FromString(bytes(stored.row.document))


def _described(stored: StoredWorkout) -> dict[str, recording_pb2.Source]:
    return {
        source.source_id: recording_pb2.Source.FromString(bytes(source.description))
        for source in stored.sources
    }


def _sport_of_part(part: Draft, sport: int) -> int:
    """Of a part of a multisport workout: what its sessions say; otherwise as it was."""
    if sport == sport_pb2.SPORT_MULTISPORT and part.details.sessions:
        return int(sport_pb2.SPORT_UNSPECIFIED)
    return sport


def _sport_of_merged(inputs: Sequence[Input], merged: Draft) -> tuple[int, int]:
    """What all are; else multisport where they follow each other, and the first one's at one time."""
    kinds = {(each.sport, each.sub_sport) for each in inputs}
    if len(kinds) == 1:
        return kinds.pop()
    if len({each.sport for each in inputs}) == 1:
        return inputs[0].sport, inputs[0].sub_sport
    if len({part.sport for part in merged.details.sessions}) > 1:
        return int(sport_pb2.SPORT_MULTISPORT), 0
    return inputs[0].sport, inputs[0].sub_sport


def _numbered(title: str, number: int, count: int) -> str:
    suffix = f" ({number}/{count})"
    return title[: MAX_TITLE - len(suffix)] + suffix


def _offsets(
    sources: Sequence[StoredInput], drafts: Sequence[Draft], request: wire.MergeWorkoutsRequest
) -> list[revision_pb2.ClockOffset]:
    given: Mapping[str, revision_pb2.ClockOffset] = {each.workout_id: each for each in request.clock_offsets}
    offsets = []
    leader = list(drafts[0].sources.values())
    for index, (source, draft) in enumerate(zip(sources, drafts, strict=True)):
        workout_id = source.stored.row.workout_id
        offset = revision_pb2.ClockOffset(workout_id=workout_id)
        if workout_id in given:
            offset.offset_ms = given[workout_id].offset_ms
        elif request.align_clocks and index and _common_ms(drafts[0], draft) >= LEAST_COMMON_S * 1000:
            found = find_offset(leader, list(draft.sources.values()))
            if found is not None:
                offset.offset_ms, offset.correlation = found.offset_ms, found.correlation
                offset.channel = found.channel  # type: ignore[assignment]
        offsets.append(offset)
    return offsets


def _common_ms(first: Draft, second: Draft) -> int:
    """For how long both were recorded, by their own clocks: one after the other has nothing to compare."""
    spans = [span for draft in (first, second) if (span := draft.span()) is not None]
    return min(end for _, end in spans) - max(start for start, _ in spans) if len(spans) == 2 else 0


def _shifted(draft: Draft, offset_ms: int) -> Draft:
    if not offset_ms:
        return draft
    details = recording_pb2.RecordingDetails()
    details.CopyFrom(draft.details)
    documents.shift_times(details, offset_ms)
    return Draft({each: samples.shifted(offset_ms) for each, samples in draft.sources.items()}, details)


def _check_gaps(drafts: Sequence[Draft]) -> None:
    spans = sorted(span for draft in drafts if (span := draft.span()) is not None)
    if not spans:
        raise InvalidField("workout_ids", "none of them holds a sample")
    reach = spans[0][1]
    for start_ms, end_ms in spans:
        if start_ms - reach > MAX_GAP_MS:
            raise InvalidField("workout_ids", "lie more than a week apart")
        reach = max(reach, end_ms)


def _follows(source: StoredInput, sources: Sequence[StoredInput]) -> bool:
    """Whether the part before it, of one split, is merged with it."""
    if source.place_in_split is None:
        return False
    split_pk, ordinal = source.place_in_split
    return any(other.place_in_split == (split_pk, ordinal - 1) for other in sources)
