"""The rows of a workout that is made of others. Pure, and not for the event loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import recording_pb2, workout_pb2
from services.workout import documents
from services.workout.compaction import chunk_rows
from services.workout.revisions.computing import compute
from services.workout.revisions.draft import Draft
from services.workout.store import recordings

MAX_TITLE = 200
WRITER_ID = "derived"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a made workout is to be, besides its samples; an empty title says the sport and the day."""

    user_id: str
    sport: int
    sub_sport: int
    title: str
    notes: str


@dataclass(frozen=True, slots=True)
class Made:
    """Rows to insert, without the keys that the database gives.

    Attributes:
        sources, chunks: in one order.
        message: the workout as the event and a preview tell it.
    """

    recording: Mapping[str, Any]
    sources: Sequence[dict[str, Any]]
    chunks: Sequence[Sequence[dict[str, Any]]]
    workout: Mapping[str, Any]
    message: workout_pb2.Workout


def make(draft: Draft, described: Mapping[str, recording_pb2.Source], wanted: Wanted, now_ms: int) -> Made:
    """The rows of a workout with the samples and details of `draft`, which has at least one sample.

    Args:
        described: the sources by id as their recordings described them.
    """
    span = draft.span()
    assert span is not None
    filled = {source_id: samples for source_id, samples in draft.sources.items() if len(samples)}
    draft = replace(draft, sources=filled)
    progress = [
        recording_pb2.SourceProgress(
            source_id=source_id,
            next_sequence=len(samples),
            complete=True,
            device=_described(described, source_id).device,
            channels=[channel_pb2.Channel.ValueType(channel) for channel in sorted(samples.columns)],
        )
        for source_id, samples in filled.items()
    ]
    computed = compute(draft, wanted.sport, wanted.sub_sport, span[0], progress)
    title = wanted.title or documents.default_title(
        sport_pb2.Sport.ValueType(computed.sport), computed.start_ms
    )
    recording_id, workout_id = new_ulid(now_ms), new_ulid(now_ms)
    shared = {"user_id": wanted.user_id, "sport": computed.sport, "sub_sport": computed.sub_sport}
    title = title[:MAX_TITLE]
    workout = {
        **shared,
        **computed.columns(),
        "workout_id": workout_id,
        "title": title,
        "notes": wanted.notes,
        "version": 1,
        "created_ms": now_ms,
        "updated_ms": now_ms,
    }
    recording = {
        **shared,
        "recording_id": recording_id,
        "state": recordings.CLOSED,
        "start_ms": computed.start_ms,
        "opened_ms": now_ms,
        "updated_ms": now_ms,
        "clock_offset_ms": 0,
        "details": _own_details(draft.details).SerializeToString(),
        "workout_id": workout_id,
    }
    message = workout_pb2.Workout()
    message.CopyFrom(computed.document)
    message.workout_id, message.recording_id, message.user_id = workout_id, recording_id, wanted.user_id
    message.title, message.notes = title, wanted.notes
    message.sport = sport_pb2.Sport.ValueType(computed.sport)
    message.sub_sport = sport_pb2.SubSport.ValueType(computed.sub_sport)
    message.start_time.FromMilliseconds(computed.start_ms)
    message.end_time.FromMilliseconds(computed.end_ms)
    return Made(
        recording=recording,
        sources=[
            _source_row(source_id, len(samples), _described(described, source_id))
            for source_id, samples in filled.items()
        ],
        chunks=[chunk_rows(0, samples) for samples in filled.values()],
        workout=workout,
        message=message,
    )


def _described(described: Mapping[str, recording_pb2.Source], source_id: str) -> recording_pb2.Source:
    """By its own name, or by that of which it is another: "watch" for "watch#2"."""
    return described.get(source_id) or described.get(source_id.rpartition("#")[0]) or recording_pb2.Source()


def _source_row(source_id: str, samples: int, described: recording_pb2.Source) -> dict[str, Any]:
    named = recording_pb2.Source()
    named.CopyFrom(described)
    named.source_id = source_id
    return {
        "source_id": source_id,
        "description": named.SerializeToString(),
        "writer_id": WRITER_ID,
        "epoch": 1,
        "next_sequence": samples,
        "rejected_samples": 0,
        "complete": True,
    }


def _own_details(details: recording_pb2.RecordingDetails) -> recording_pb2.RecordingDetails:
    """Without what is true only of the recording it came of."""
    own = recording_pb2.RecordingDetails()
    own.CopyFrom(details)
    own.title, own.notes, own.file_sha256 = "", "", ""
    return own
