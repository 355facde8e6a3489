"""Recordings and their sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from google.protobuf.message import DecodeError
from sqlalchemy import Connection, Row, delete, exists, func, select, update

from pulsemesh.workout.v1 import recording_pb2, sample_pb2
from services.workout.tables import chunks, journal, recordings, sources, workouts

OPEN = int(recording_pb2.RECORDING_STATE_OPEN)
FINISHING = int(recording_pb2.RECORDING_STATE_FINISHING)
CLOSED = int(recording_pb2.RECORDING_STATE_CLOSED)
DISCARDED = int(recording_pb2.RECORDING_STATE_DISCARDED)


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """A recording with its sources, in the order in which they were announced.

    Attributes:
        last_sample_ms: the latest time among its newest samples; None when it has none, or was not asked for.
    """

    recording: Row[Any]
    sources: tuple[Row[Any], ...]
    last_sample_ms: int | None = None


def find(conn: Connection, user_id: str, recording_id: str) -> RecordingRow | None:
    """The recording of that id of that person, with the time of its last sample."""
    row = conn.execute(
        select(recordings).where(recordings.c.user_id == user_id, recordings.c.recording_id == recording_id)
    ).one_or_none()
    return None if row is None else _with_last_samples(conn, _with_sources(conn, [row]))[0]


def find_by_key(conn: Connection, recording_pk: int) -> RecordingRow | None:
    """The recording of that key, whosever it is: for work that is on nobody's behalf."""
    row = conn.execute(select(recordings).where(recordings.c.recording_pk == recording_pk)).one_or_none()
    return None if row is None else _with_sources(conn, [row])[0]


def page(
    conn: Connection, user_id: str, states: Sequence[int], before_pk: int | None, limit: int
) -> list[RecordingRow]:
    """At most `limit` recordings of a person, the newest first, older than `before_pk`."""
    query = select(recordings).where(recordings.c.user_id == user_id)
    if states:
        query = query.where(recordings.c.state.in_(sorted(set(states))))
    if before_pk is not None:
        query = query.where(recordings.c.recording_pk < before_pk)
    rows = conn.execute(query.order_by(recordings.c.recording_pk.desc()).limit(limit)).all()
    return _with_last_samples(conn, _with_sources(conn, rows))


def discard(conn: Connection, user_id: str, recording_id: str, now_ms: int) -> RecordingRow | None:
    """Mark the recording discarded and delete its samples; untouched when it is closed or discarded.

    Returns the recording as it was before, None when there is none.
    """
    key = select(recordings.c.recording_pk).where(
        recordings.c.user_id == user_id, recordings.c.recording_id == recording_id
    )
    locked = lock(conn, conn.execute(key).scalar_one_or_none() or 0)
    if locked is None or locked.recording.state in (CLOSED, DISCARDED):
        return locked
    refuse_samples(conn, locked.recording.recording_pk)
    delete_journal(conn, [source.source_pk for source in locked.sources])
    conn.execute(
        update(recordings)
        .where(recordings.c.recording_pk == locked.recording.recording_pk)
        .values(state=DISCARDED, updated_ms=now_ms, details=b"")
    )
    return locked


def lock(conn: Connection, recording_pk: int) -> RecordingRow | None:
    """The recording, locked with its sources until the transaction ends.

    Sources first and in the order of their keys, as ingest commits do: two transactions that lock in one
    order never wait for each other in a circle.
    """
    locked = conn.execute(
        select(sources)
        .where(sources.c.recording_pk == recording_pk)
        .order_by(sources.c.source_pk)
        .with_for_update()
    ).all()
    row = conn.execute(
        select(recordings).where(recordings.c.recording_pk == recording_pk).with_for_update()
    ).one_or_none()
    return None if row is None else RecordingRow(row, tuple(locked))


def refuse_samples(conn: Connection, recording_pk: int) -> None:
    """Complete every source: a commit that waits for a source's lock sees this, not the recording's state."""
    conn.execute(update(sources).where(sources.c.recording_pk == recording_pk).values(complete=True))


def mark_closed(conn: Connection, recording_pk: int, workout_id: str, now_ms: int) -> None:
    """The recording became a workout."""
    conn.execute(
        update(recordings)
        .where(recordings.c.recording_pk == recording_pk)
        .values(state=CLOSED, workout_id=workout_id, updated_ms=now_ms)
    )


def batches(conn: Connection, source_pks: Sequence[int]) -> dict[int, list[bytes]]:
    """The journalled batches of each source in the order of their sequence, without those set aside."""
    found: dict[int, list[bytes]] = {source_pk: [] for source_pk in source_pks}
    rows = conn.execute(
        select(journal.c.source_pk, journal.c.payload)
        .where(journal.c.source_pk.in_(source_pks), journal.c.rejected == 0)
        .order_by(journal.c.source_pk, journal.c.first_sequence)
    )
    for source_pk, payload in rows:
        found[source_pk].append(bytes(payload))
    return found


def latest_batches(conn: Connection, recording_pks: Sequence[int]) -> list[tuple[int, str, bytes]]:
    """The newest batch of every source that has one: key of the recording, source id and payload."""
    newest = (
        select(journal.c.source_pk, func.max(journal.c.first_sequence).label("first_sequence"))
        .join(sources, sources.c.source_pk == journal.c.source_pk)
        .where(sources.c.recording_pk.in_(recording_pks), journal.c.rejected == 0)
        .group_by(journal.c.source_pk)
        .subquery()
    )
    rows = conn.execute(
        select(sources.c.recording_pk, sources.c.source_id, journal.c.payload)
        .join(newest, newest.c.source_pk == sources.c.source_pk)
        .join(
            journal,
            (journal.c.source_pk == newest.c.source_pk)
            & (journal.c.first_sequence == newest.c.first_sequence),
        )
        .order_by(sources.c.source_pk)
    )
    return [(recording_pk, source_id, bytes(payload)) for recording_pk, source_id, payload in rows]


def delete_journal(conn: Connection, source_pks: Sequence[int]) -> None:
    """Forget the journalled batches of these sources."""
    conn.execute(delete(journal).where(journal.c.source_pk.in_(source_pks)))


def abandoned(conn: Connection, idle_since_ms: int, complete_since_ms: int, limit: int) -> list[int]:
    """Keys of recordings to be closed for their writers, the longest silent first.

    Those silent since `idle_since_ms`, and those that are whole since `complete_since_ms` but were never
    closed: the process died in between.
    """
    incomplete = exists().where(
        sources.c.recording_pk == recordings.c.recording_pk, sources.c.complete.is_(False)
    )
    silent = recordings.c.state.in_((OPEN, FINISHING)) & (recordings.c.updated_ms < idle_since_ms)
    whole = (recordings.c.state == FINISHING) & (recordings.c.updated_ms < complete_since_ms) & ~incomplete
    return list(
        conn.execute(
            select(recordings.c.recording_pk)
            .where(silent | whole)
            .order_by(recordings.c.updated_ms)
            .limit(limit)
        ).scalars()
    )


def delete_whole(conn: Connection, recording_pk: int) -> None:
    """Delete the recording; sources, journal, chunks and workout go with it (their keys cascade)."""
    conn.execute(delete(workouts).where(workouts.c.recording_pk == recording_pk))
    conn.execute(delete(recordings).where(recordings.c.recording_pk == recording_pk))


def _with_sources(conn: Connection, rows: Sequence[Row[Any]]) -> list[RecordingRow]:
    keys = [row.recording_pk for row in rows]
    by_recording: dict[int, list[Row[Any]]] = {key: [] for key in keys}
    for source in conn.execute(
        select(sources).where(sources.c.recording_pk.in_(keys)).order_by(sources.c.source_pk)
    ):
        by_recording[source.recording_pk].append(source)
    return [RecordingRow(row, tuple(by_recording[row.recording_pk])) for row in rows]


def _with_last_samples(conn: Connection, rows: Sequence[RecordingRow]) -> list[RecordingRow]:
    ends = _last_sample_times(conn, [row.recording.recording_pk for row in rows])
    return [replace(row, last_sample_ms=ends.get(row.recording.recording_pk)) for row in rows]


def _last_sample_times(conn: Connection, recording_pks: Sequence[int]) -> dict[int, int]:
    """Of what is journalled, the end of the newest batches; of what is closed, the end of the chunks."""
    ends: dict[int, int] = {}
    for recording_pk, _, payload in latest_batches(conn, recording_pks):
        try:
            batch = sample_pb2.SampleBatch.FromString(payload)
        except DecodeError:
            continue  # damage to one recording must not hide the list
        end_ms = batch.start_time_ms + sum(batch.time_deltas_ms)
        ends[recording_pk] = max(end_ms, ends.get(recording_pk, end_ms))
    closed = conn.execute(
        select(sources.c.recording_pk, func.max(chunks.c.end_ms))
        .join(chunks, chunks.c.source_pk == sources.c.source_pk)
        .where(sources.c.recording_pk.in_(recording_pks))
        .group_by(sources.c.recording_pk)
    )
    ends.update((recording_pk, end_ms) for recording_pk, end_ms in closed)
    return ends
