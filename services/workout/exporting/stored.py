"""A workout with all that the platform keeps of it, as exports read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from services.workout.codec import SampleColumns, concatenate, decode_chunk
from services.workout.revisions import store as revisions
from services.workout.store import files, recordings
from services.workout.store import workouts as workouts_store
from services.workout.tables import workouts


@dataclass(frozen=True, slots=True)
class StoredWorkout:
    """Rows, and chunks as they are stored: reading them is cheap, decoding them is not.

    Attributes:
        row: the workout with `recording_id` and `file_id`.
        recording: its recording and sources.
        chunks: the payloads by source id, in the order of time; sources without a sample are absent.
        file: the original, with its name and size; None where there is none.
        revision: how what `chunks` hold differs from the workout: None where it does not, or where they hold
            the workout as it is now.
    """

    row: Row[Any]
    recording: recordings.RecordingRow
    chunks: dict[str, tuple[bytes, ...]]
    file: Row[Any] | None
    revision: Row[Any] | None = None

    def samples(self) -> dict[str, SampleColumns]:
        """The samples of every source that has some, by source id. Not for the event loop.

        Raises:
            ChunkCorrupted: a chunk cannot be read.
        """
        return {
            source_id: concatenate([decode_chunk(payload) for payload in payloads])
            for source_id, payloads in self.chunks.items()
        }


def load(conn: Connection, user_id: str, workout_id: str) -> StoredWorkout | None:
    """A person's workout with its samples as they are now; None where there is none of that id."""
    row = workouts_store.find(conn, user_id, workout_id)
    if row is None:
        return None
    recording = recordings.find(conn, user_id, row.recording_id)
    sources = workouts_store.stream(conn, user_id, workout_id, 0, None)
    if recording is None or sources is None:
        return None
    file = files.find(conn, user_id, row.file_id) if row.file_id else None
    return StoredWorkout(row, recording, {source.source_id: source.payloads for source in sources}, file)


def as_recorded(conn: Connection, stored: StoredWorkout) -> StoredWorkout:
    """The same workout with its samples as they were recorded, and with how it differs from them."""
    row = stored.row
    if not row.revised:
        return stored
    recorded = revisions.load(conn, row.user_id, row.workout_id, recorded=True)
    if recorded is None or recorded.revision is None:
        return stored
    payloads = {source.source_id: tuple(recorded.payloads[source.source_pk]) for source in recorded.sources}
    chunks = {source_id: each for source_id, each in payloads.items() if each}
    return replace(stored, chunks=chunks, revision=recorded.revision)


def count(conn: Connection, user_id: str) -> int:
    """How many workouts a person has."""
    return conn.execute(
        select(func.count()).select_from(workouts).where(workouts.c.user_id == user_id)
    ).scalar_one()


def page_of_ids(conn: Connection, user_id: str, after_pk: int, limit: int) -> Sequence[Row[Any]]:
    """At most `limit` (workout_pk, workout_id) of a person beyond a key, in the order of their making.

    New workouts come at the end, so that nothing is told twice while they are read.
    """
    query: Select[Any] = select(workouts.c.workout_pk, workouts.c.workout_id)
    return conn.execute(
        query.where(workouts.c.user_id == user_id, workouts.c.workout_pk > after_pk)
        .order_by(workouts.c.workout_pk)
        .limit(limit)
    ).all()
