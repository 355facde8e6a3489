"""The SQL of ingest: opening a recording, committing batches, completing sources.

Every function takes a connection inside a write transaction and never commits. The
source's row is the lock of its sequence: opening raises its epoch, and a commit of an
older epoch is refused, so that of two writers of one source the older is fenced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from pulsemesh.event.v1 import envelope_pb2
from pulsemesh.workout.v1 import ingest_service_pb2 as wire
from pulsemesh.workout.v1 import recording_pb2
from services.chassis import outbox
from services.chassis.database import insert_for
from services.workout.tables import journal, recordings, sources

# The recording's row is touched at most this often while samples arrive: it only says
# that somebody is still writing.
_TOUCH_EVERY_MS = 60_000

_ACCEPTING = (recording_pb2.RECORDING_STATE_OPEN, recording_pb2.RECORDING_STATE_FINISHING)


@dataclass(frozen=True, slots=True)
class OpenedSource:
    """One source of a session: this session writes it as long as `epoch` stands."""

    source_pk: int
    epoch: int
    next_sequence: int
    complete: bool
    channels: frozenset[int]


@dataclass(frozen=True, slots=True)
class OpenedRecording:
    """What a session needs to know of its recording."""

    recording_pk: int
    state: recording_pb2.RecordingState.ValueType
    start_ms: int
    resumed: bool
    workout_id: str
    updated_ms: int
    sources: tuple[OpenedSource, ...]


@dataclass(frozen=True, slots=True)
class Commit:
    """Samples to store, or the place of refused samples to mark (`rejected` is not 0)."""

    source_pk: int
    epoch: int
    first_sequence: int
    count: int
    rejected: int
    payload: bytes


class CommitOutcome(Enum):
    """What became of a `Commit`."""

    STORED = auto()
    """Durable now, or since an earlier attempt."""
    FENCED = auto()
    """Another session writes the source now."""
    OUT_OF_SEQUENCE = auto()
    """An earlier batch of the source is missing."""
    CLOSED = auto()
    """The recording takes no more samples."""
    GONE = auto()
    """The recording was discarded or deleted."""


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


# ------------------------------------------------------------------------------ open


@dataclass(frozen=True, slots=True)
class Opening:
    """A user's wish to begin a recording or to take it up again, at a moment of the server's clock."""

    user_id: str
    request: wire.OpenRecording
    now_ms: int
    started: envelope_pb2.Envelope
    """What is published if the recording is new."""


_find_recording = select(recordings).where(
    recordings.c.user_id == bindparam("of_user"), recordings.c.recording_id == bindparam("of_recording")
)

# Sources are locked before their recording, and in the order of their keys: everywhere in
# this service, so that two transactions never wait for each other in a circle.
_lock_sources = (
    select(sources)
    .where(sources.c.recording_pk == bindparam("of_recording"))
    .order_by(sources.c.source_pk)
    .with_for_update()
)

_lock_recording = (
    select(recordings).where(recordings.c.recording_pk == bindparam("of_recording")).with_for_update()
)

_raise_epochs = (
    update(sources)
    .where(sources.c.source_pk.in_(bindparam("taken", expanding=True)))
    .values(epoch=sources.c.epoch + 1)
)


def open_recordings(conn: Connection, openings: Sequence[Opening]) -> list[OpenedRecording]:
    """Open many recordings in one transaction, and publish the start of those that are new."""
    # In one order everywhere, so that two processes never wait for each other.
    order = sorted(
        range(len(openings)), key=lambda one: (openings[one].user_id, openings[one].request.recording_id)
    )
    opened = {index: open_recording(conn, openings[index]) for index in order}
    outbox.append_all(conn, [openings[index].started for index in order if not opened[index].resumed])
    return [opened[index] for index in range(len(openings))]


def open_recording(conn: Connection, opening: Opening) -> OpenedRecording:
    """Begin the recording, or take it up again, and become the writer of the named sources."""
    request = opening.request
    created_pk = _insert_recording(conn, opening)
    if created_pk is not None:
        return OpenedRecording(
            recording_pk=created_pk,
            state=recording_pb2.RECORDING_STATE_OPEN,
            start_ms=request.start_time_ms,
            resumed=False,
            workout_id="",
            updated_ms=opening.now_ms,
            sources=_add_sources(conn, created_pk, request.sources, request),
        )
    row = conn.execute(
        _find_recording, {"of_user": opening.user_id, "of_recording": request.recording_id}
    ).one()
    taken: tuple[OpenedSource, ...] = ()
    if row.state in _ACCEPTING:
        taken = _take_sources(conn, row.recording_pk, request)
    return OpenedRecording(
        recording_pk=row.recording_pk,
        state=row.state,
        start_ms=row.start_ms,
        resumed=True,
        workout_id=row.workout_id or "",
        updated_ms=row.updated_ms,
        sources=taken,
    )


def _insert_recording(conn: Connection, opening: Opening) -> int | None:
    """Return the key of the new recording, None where it existed."""
    request, now_ms = opening.request, opening.now_ms
    statement = insert_for(conn, recordings).on_conflict_do_nothing().returning(recordings.c.recording_pk)
    created: int | None = conn.execute(
        statement,
        {
            "user_id": opening.user_id,
            "recording_id": request.recording_id,
            "state": recording_pb2.RECORDING_STATE_OPEN,
            "sport": request.sport,
            "sub_sport": request.sub_sport,
            "start_ms": request.start_time_ms,
            "opened_ms": now_ms,
            "updated_ms": now_ms,
            "clock_offset_ms": now_ms - request.client_time_ms if request.client_time_ms else 0,
            "details": b"",
        },
    ).scalar_one_or_none()
    return created


def _take_sources(
    conn: Connection, recording_pk: int, request: wire.OpenRecording
) -> tuple[OpenedSource, ...]:
    """Raise the epoch of every source that this writer held or now names, and add the new ones."""
    named = {source.source_id: source for source in request.sources}
    rows = _locked_sources(conn, recording_pk)
    if not named.keys() <= rows.keys():
        # Whoever adds sources holds the recording, so that no two add the same one.
        conn.execute(_lock_recording, {"of_recording": recording_pk})
        rows = _locked_sources(conn, recording_pk)
    fenced = [
        row.source_pk
        for source_id, row in rows.items()
        if source_id in named or row.writer_id == request.writer_id
    ]
    if fenced:
        conn.execute(_raise_epochs, {"taken": fenced})
    for source_id in named.keys() & rows.keys():
        _describe(conn, rows[source_id], named[source_id], request.writer_id)
    taken = {
        source_id: _opened(rows[source_id], named[source_id]) for source_id in named.keys() & rows.keys()
    }
    fresh = [source for source_id, source in named.items() if source_id not in rows]
    added = _add_sources(conn, recording_pk, fresh, request)
    taken.update({source.source_id: one for source, one in zip(fresh, added, strict=True)})
    return tuple(taken[source.source_id] for source in request.sources)


def _locked_sources(conn: Connection, recording_pk: int) -> dict[str, Row[Any]]:
    return {row.source_id: row for row in conn.execute(_lock_sources, {"of_recording": recording_pk})}


def _add_sources(
    conn: Connection, recording_pk: int, fresh: Sequence[recording_pb2.Source], request: wire.OpenRecording
) -> tuple[OpenedSource, ...]:
    if not fresh:
        return ()
    statement = insert(sources).returning(sources.c.source_pk, sort_by_parameter_order=True)
    keys = conn.execute(statement, [_new_source(recording_pk, one, request) for one in fresh]).scalars()
    return tuple(
        OpenedSource(source_pk, 1, 0, False, frozenset(source.channels))
        for source_pk, source in zip(keys, fresh, strict=True)
    )


def _new_source(
    recording_pk: int, source: recording_pb2.Source, request: wire.OpenRecording
) -> dict[str, object]:
    return {
        "recording_pk": recording_pk,
        "source_id": source.source_id,
        "description": source.SerializeToString(),
        "writer_id": request.writer_id,
        "epoch": 1,
        "next_sequence": 0,
        "rejected_samples": 0,
        "complete": False,
    }


def _describe(conn: Connection, row: Row[Any], named: recording_pb2.Source, writer_id: str) -> None:
    """Keep what was announced before and add what is announced now: stored samples stay explained."""
    merged = recording_pb2.Source.FromString(row.description)
    channels = sorted({*merged.channels, *named.channels})
    merged.device.MergeFrom(named.device)
    merged.ClearField("channels")
    merged.channels.extend(channels)
    description = merged.SerializeToString()
    if (description, writer_id) != (row.description, row.writer_id):
        conn.execute(
            update(sources)
            .where(sources.c.source_pk == row.source_pk)
            .values(description=description, writer_id=writer_id)
        )


def _opened(row: Row[Any], named: recording_pb2.Source) -> OpenedSource:
    described = recording_pb2.Source.FromString(row.description)
    return OpenedSource(
        source_pk=row.source_pk,
        epoch=row.epoch + 1,  # the row was read before its epoch was raised
        next_sequence=row.next_sequence,
        complete=row.complete,
        channels=frozenset({*described.channels, *named.channels}),
    )


# ---------------------------------------------------------------------------- commit


@dataclass(slots=True)
class _Cursor:
    epoch: int
    next_sequence: int
    complete: bool
    state: int
    recording_pk: int
    updated_ms: int
    rejected: int = 0
    moved: bool = False


_read_cursors = (
    select(
        sources.c.source_pk,
        sources.c.epoch,
        sources.c.next_sequence,
        sources.c.complete,
        sources.c.recording_pk,
        recordings.c.state,
        recordings.c.updated_ms,
    )
    .join(recordings, recordings.c.recording_pk == sources.c.recording_pk)
    .where(sources.c.source_pk.in_(bindparam("wanted", expanding=True)))
    # In one order everywhere, so that two processes never wait for each other.
    .order_by(sources.c.source_pk)
    .with_for_update(of=sources)
)

_move_cursor = (
    update(sources)
    .where(sources.c.source_pk == bindparam("moved_pk"))
    .values(
        next_sequence=bindparam("moved_to"),
        rejected_samples=sources.c.rejected_samples + bindparam("rejected_more"),
    )
)


def commit_batches(
    conn: Connection, commits: Sequence[Commit], clock_ms: Callable[[], int]
) -> list[CommitOutcome]:
    """Store the batches in their order; one outcome each.

    A commit whose samples are held already is STORED: an attempt whose outcome was unknown
    may be repeated.
    """
    cursors = _lock_cursors(conn, commits)
    rows = []
    outcomes = []
    for commit in commits:
        outcome, row = _place(cursors.get(commit.source_pk), commit)
        outcomes.append(outcome)
        if row is not None:
            rows.append(row)
    if rows:
        conn.execute(insert_for(conn, journal), rows)
        _move_cursors(conn, cursors)
        _touch(conn, cursors.values(), clock_ms())
    return outcomes


def _lock_cursors(conn: Connection, commits: Iterable[Commit]) -> dict[int, _Cursor]:
    wanted = sorted({commit.source_pk for commit in commits})
    return {
        row.source_pk: _Cursor(
            row.epoch, row.next_sequence, row.complete, row.state, row.recording_pk, row.updated_ms
        )
        for row in conn.execute(_read_cursors, {"wanted": wanted})
    }


def _place(cursor: _Cursor | None, commit: Commit) -> tuple[CommitOutcome, dict[str, object] | None]:
    if cursor is None or cursor.state == recording_pb2.RECORDING_STATE_DISCARDED:
        return CommitOutcome.GONE, None
    if cursor.epoch != commit.epoch:
        return CommitOutcome.FENCED, None
    end = commit.first_sequence + commit.count
    if end <= cursor.next_sequence:
        return CommitOutcome.STORED, None
    if cursor.complete or cursor.state not in _ACCEPTING:
        return CommitOutcome.CLOSED, None
    if commit.first_sequence != cursor.next_sequence:
        return CommitOutcome.OUT_OF_SEQUENCE, None
    cursor.next_sequence = end
    cursor.moved = True
    if commit.rejected:
        cursor.rejected += commit.count
    return CommitOutcome.STORED, {
        "source_pk": commit.source_pk,
        "first_sequence": commit.first_sequence,
        "samples": commit.count,
        "rejected": commit.rejected,
        "payload": commit.payload,
    }


def _move_cursors(conn: Connection, cursors: dict[int, _Cursor]) -> None:
    moved = [
        {"moved_pk": source_pk, "moved_to": cursor.next_sequence, "rejected_more": cursor.rejected}
        for source_pk, cursor in cursors.items()
        if cursor.moved
    ]
    conn.execute(_move_cursor, moved)


def _touch(conn: Connection, cursors: Iterable[_Cursor], now_ms: int) -> None:
    due = {
        cursor.recording_pk
        for cursor in cursors
        if cursor.moved and now_ms - cursor.updated_ms >= _TOUCH_EVERY_MS
    }
    if due:
        conn.execute(
            update(recordings).where(recordings.c.recording_pk.in_(sorted(due))).values(updated_ms=now_ms)
        )


# ---------------------------------------------------------------------------- finish


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
    rows = {row.source_pk: row for row in conn.execute(_lock_sources, {"of_recording": recording_pk})}
    recording = conn.execute(_lock_recording, {"of_recording": recording_pk}).one_or_none()
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
