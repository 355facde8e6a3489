"""SQL of recordings and their sources. Each function runs inside a transaction of the spool's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from ingest_edge.spool.errors import UnknownRecording
from ingest_edge.spool.records import (
    WAITING_STATES,
    NewRecording,
    RecordingKind,
    SpooledRecording,
    SpooledSource,
    SpoolState,
    WaitingRecording,
)
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import recording_pb2

_COLUMNS = (
    "recording_pk, recording_id, kind, writer_id, sport, sub_sport, start_ms, title, state, offered, "
    "workout_id, failure, created_ms, updated_ms"
)
_KEPT_CLOSED = 1000


def insert(connection: sqlite3.Connection, new: NewRecording, now_ms: int) -> int:
    """Begin a recording and return its key."""
    cursor = connection.execute(
        "INSERT INTO recordings (recording_id, kind, writer_id, sport, sub_sport, start_ms, title, state, "
        "created_ms, updated_ms) VALUES (?,?,?,?,?,?,?,?,?,?)",
        (
            new.recording_id,
            new.kind,
            new.writer_id,
            int(new.sport),
            int(new.sub_sport),
            new.start_time_ms,
            new.title,
            SpoolState.RECORDING,
            now_ms,
            now_ms,
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def delete(connection: sqlite3.Connection, recording_id: str) -> None:
    """Forget a recording and everything of it."""
    connection.execute("DELETE FROM recordings WHERE recording_id = ?", (recording_id,))


def key(connection: sqlite3.Connection, recording_id: str) -> int:
    """The recording's key. Raises `UnknownRecording`."""
    row = connection.execute(
        "SELECT recording_pk FROM recordings WHERE recording_id = ?", (recording_id,)
    ).fetchone()
    if row is None:
        raise UnknownRecording(f"the spool holds no recording {recording_id}")
    return int(row[0])


def find(connection: sqlite3.Connection, recording_id: str) -> SpooledRecording | None:
    """The recording with its sources, or None."""
    found = _select(connection, "recording_id = ?", (recording_id,))
    return found[0] if found else None


def in_states(connection: sqlite3.Connection, states: Sequence[SpoolState]) -> list[SpooledRecording]:
    """Recordings in these states, the oldest first."""
    marks = ",".join("?" * len(states))
    return _select(connection, f"state IN ({marks})", tuple(states))


def count_closed(connection: sqlite3.Connection) -> int:
    """Recordings that the platform has completely (the newest thousand are remembered)."""
    row = connection.execute("SELECT count(*) FROM recordings WHERE state = ?", (SpoolState.CLOSED,))
    return int(row.fetchone()[0])


def set_state(
    connection: sqlite3.Connection,
    recording_id: str,
    state: SpoolState,
    now_ms: int,
    *,
    workout_id: str = "",
    failure: str = "",
) -> None:
    """Move a recording on. Raises `UnknownRecording`."""
    connection.execute(
        "UPDATE recordings SET state = ?, workout_id = ?, failure = ?, updated_ms = ? WHERE recording_pk = ?",
        (state, workout_id, failure, now_ms, key(connection, recording_id)),
    )


def set_finished(
    connection: sqlite3.Connection, recording_id: str, details: recording_pb2.RecordingDetails, now_ms: int
) -> None:
    """No sample will be added any more. What the platform refused meanwhile has failed now."""
    connection.execute(
        "UPDATE recordings SET state = iif(failure = '', ?, ?), details = ?, updated_ms = ? "
        "WHERE recording_pk = ? AND state = ?",
        (
            SpoolState.FINISHED,
            SpoolState.FAILED,
            details.SerializeToString(),
            now_ms,
            key(connection, recording_id),
            SpoolState.RECORDING,
        ),
    )


def set_failed(connection: sqlite3.Connection, recording_id: str, failure: str, now_ms: int) -> None:
    """Note why the platform will not take a recording; one that runs goes on, and has failed at its end."""
    connection.execute(
        "UPDATE recordings SET state = iif(state = ?, state, ?), failure = ?, updated_ms = ? "
        "WHERE recording_pk = ?",
        (SpoolState.RECORDING, SpoolState.FAILED, failure, now_ms, key(connection, recording_id)),
    )


def refused(connection: sqlite3.Connection) -> list[SpooledRecording]:
    """Recordings that the platform will not take, those that run included."""
    return _select(connection, "failure <> ''", ())


def waiting(connection: sqlite3.Connection) -> list[WaitingRecording]:
    """What the platform lacks and may be offered, the oldest first: light, for many."""
    marks = ",".join("?" * len(WAITING_STATES))
    rows = connection.execute(
        "SELECT recording_id, state, (SELECT coalesce(sum(next_sequence), 0) FROM sources "
        "WHERE sources.recording_pk = recordings.recording_pk) FROM recordings "
        f"WHERE state IN ({marks}) AND failure = '' ORDER BY recording_pk",
        WAITING_STATES,
    )
    return [WaitingRecording(row[0], SpoolState(row[1]), row[2]) for row in rows]


def mark_offered(connection: sqlite3.Connection, recording_id: str) -> None:
    """Remember that the platform was sent samples of it."""
    connection.execute("UPDATE recordings SET offered = 1 WHERE recording_id = ?", (recording_id,))


def details(
    connection: sqlite3.Connection, recording_id: str
) -> tuple[SpoolState, recording_pb2.RecordingDetails | None]:
    """The state, and how the recording ended if it did."""
    state, blob = connection.execute(
        "SELECT state, details FROM recordings WHERE recording_pk = ?", (key(connection, recording_id),)
    ).fetchone()
    return SpoolState(state), None if blob is None else recording_pb2.RecordingDetails.FromString(blob)


def insert_sources(
    connection: sqlite3.Connection, recording_id: str, descriptions: Iterable[recording_pb2.Source]
) -> None:
    """Add the sources that are new; what is known of a known one is renewed, its channels excepted."""
    recording_pk = key(connection, recording_id)
    position = connection.execute(
        "SELECT count(*) FROM sources WHERE recording_pk = ?", (recording_pk,)
    ).fetchone()[0]
    for description in descriptions:
        known = connection.execute(
            "SELECT source_pk, description FROM sources WHERE recording_pk = ? AND source_id = ?",
            (recording_pk, description.source_id),
        ).fetchone()
        if known is None:
            connection.execute(
                "INSERT INTO sources (recording_pk, position, source_id, description) VALUES (?,?,?,?)",
                (recording_pk, position, description.source_id, description.SerializeToString()),
            )
            position += 1
        else:
            _renew_device(connection, known[0], known[1], description.device)


def _renew_device(
    connection: sqlite3.Connection, source_pk: int, blob: bytes, device: recording_pb2.Device
) -> None:
    description = recording_pb2.Source.FromString(blob)
    description.device.MergeFrom(device)
    connection.execute(
        "UPDATE sources SET description = ? WHERE source_pk = ?", (description.SerializeToString(), source_pk)
    )


def add_lost(connection: sqlite3.Connection, recording_id: str, source_id: str, samples: int) -> None:
    """Count samples that could not be stored."""
    connection.execute(
        "UPDATE sources SET lost = lost + ? WHERE recording_pk = ? AND source_id = ?",
        (samples, key(connection, recording_id), source_id),
    )


def forget_old_closed(connection: sqlite3.Connection) -> None:
    """Keep only the newest closed recordings: enough to look back, bounded for ever.

    One with samples set aside stays: they are for a person to look at.
    """
    connection.execute(
        "DELETE FROM recordings WHERE state = ? AND recording_pk NOT IN "
        "(SELECT recording_pk FROM recordings WHERE state = ? ORDER BY updated_ms DESC LIMIT ?) "
        "AND recording_pk NOT IN (SELECT recording_pk FROM sources JOIN set_aside USING (source_pk))",
        (SpoolState.CLOSED, SpoolState.CLOSED, _KEPT_CLOSED),
    )


def _select(
    connection: sqlite3.Connection, condition: str, parameters: tuple[object, ...]
) -> list[SpooledRecording]:
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM recordings WHERE {condition} ORDER BY recording_pk", parameters
    ).fetchall()
    return [_recording(row, _sources(connection, row[0])) for row in rows]


def _recording(row: tuple[object, ...], sources: tuple[SpooledSource, ...]) -> SpooledRecording:
    _, recording_id, kind, writer_id, sport, sub_sport, start_ms, title, state, offered, *rest = row
    workout_id, failure, created_ms, updated_ms = rest
    return SpooledRecording(
        recording_id=str(recording_id),
        kind=RecordingKind(str(kind)),
        writer_id=str(writer_id),
        sport=sport_pb2.Sport.ValueType(_int(sport)),
        sub_sport=sport_pb2.SubSport.ValueType(_int(sub_sport)),
        start_time_ms=_int(start_ms),
        title=str(title),
        state=SpoolState(str(state)),
        offered=bool(offered),
        workout_id=str(workout_id),
        failure=str(failure),
        created_ms=_int(created_ms),
        updated_ms=_int(updated_ms),
        sources=sources,
    )


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


def _sources(connection: sqlite3.Connection, recording_pk: int) -> tuple[SpooledSource, ...]:
    rows = connection.execute(
        "SELECT position, description, next_sequence, acknowledged, rejected, lost FROM sources "
        "WHERE recording_pk = ? ORDER BY position",
        (recording_pk,),
    )
    return tuple(
        SpooledSource(position, recording_pb2.Source.FromString(blob), *counters)
        for position, blob, *counters in rows
    )
