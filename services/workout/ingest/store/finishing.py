"""Completing the sources of a session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import Connection, Row, update

from pulsemesh.workout.v1 import ingest_service_pb2 as wire
from pulsemesh.workout.v1 import recording_pb2
from services.workout.ingest.store.locks import LOCK_RECORDING, LOCK_SOURCES
from services.workout.ingest.store.opening import OpenedSource
from services.workout.tables import recordings, sources


class FinishOutcome(Enum):
    """What became of a finish."""

    COMPLETE = auto()
    """Every source of the recording is complete: it can be closed."""
    WAITING = auto()
    """Sources of other writers are not complete."""
    MISSING_SAMPLES = auto()
    FENCED = auto()
    CLOSED = auto()
    GONE = auto()


@dataclass(frozen=True, slots=True)
class Finished:
    """The outcome of a finish, and which sources of other writers are still incomplete."""

    outcome: FinishOutcome
    waiting_for: tuple[str, ...] = ()
    workout_id: str = ""


def finish_sources(
    conn: Connection,
    recording_pk: int,
    session: Sequence[OpenedSource],
    finish: wire.FinishRecording,
    now_ms: int,
) -> Finished:
    """Complete the session's sources if they are whole, and say what the recording still waits for."""
    rows = {row.source_pk: row for row in conn.execute(LOCK_SOURCES, {"of_recording": recording_pk})}
    recording = conn.execute(LOCK_RECORDING, {"of_recording": recording_pk}).one_or_none()
    if recording is None or recording.state == recording_pb2.RECORDING_STATE_DISCARDED:
        return Finished(FinishOutcome.GONE)
    if recording.state == recording_pb2.RECORDING_STATE_CLOSED:
        return Finished(FinishOutcome.CLOSED, workout_id=recording.workout_id or "")
    refusal = _refusal(rows, session, finish)
    if refusal is not None:
        return Finished(refusal)
    own = {source.source_pk for source in session}
    complete = set(rows) if finish.close_others else own
    conn.execute(update(sources).where(sources.c.source_pk.in_(sorted(complete))).values(complete=True))
    conn.execute(
        update(recordings)
        .where(recordings.c.recording_pk == recording_pk)
        .values(
            state=recording_pb2.RECORDING_STATE_FINISHING,
            updated_ms=now_ms,
            details=_merged(recording.details, finish.details),
        )
    )
    waiting = tuple(
        row.source_id for pk, row in sorted(rows.items()) if pk not in complete and not row.complete
    )
    return Finished(FinishOutcome.WAITING if waiting else FinishOutcome.COMPLETE, waiting)


def _refusal(
    rows: Mapping[int, Row[Any]], session: Sequence[OpenedSource], finish: wire.FinishRecording
) -> FinishOutcome | None:
    for source, count in zip(session, finish.sample_counts, strict=True):
        row = rows.get(source.source_pk)
        if row is None or row.epoch != source.epoch:
            return FinishOutcome.FENCED
        if row.next_sequence < count:
            return FinishOutcome.MISSING_SAMPLES
    return None


def _merged(stored: bytes, more: recording_pb2.RecordingDetails) -> bytes:
    """What an earlier finish said stands where this one is silent; a repeat adds nothing."""
    details = recording_pb2.RecordingDetails.FromString(stored)
    for field, value in more.ListFields():
        details.ClearField(field.name)  # type: ignore[arg-type]
        if field.is_repeated:
            getattr(details, field.name).extend(value)
        else:
            setattr(details, field.name, value)
    return details.SerializeToString()
