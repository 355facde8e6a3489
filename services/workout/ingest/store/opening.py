"""Opening a recording: its row, its sources, and who writes them from now on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from pulsemesh.event.v1 import envelope_pb2
from pulsemesh.workout.v1 import ingest_service_pb2 as wire
from pulsemesh.workout.v1 import recording_pb2
from services.chassis import outbox
from services.chassis.database import insert_for
from services.workout.ingest.store.locks import ACCEPTING, LOCK_RECORDING, LOCK_SOURCES
from services.workout.tables import recordings, sources


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
    if row.state in ACCEPTING:
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
        conn.execute(LOCK_RECORDING, {"of_recording": recording_pk})
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
    return {row.source_id: row for row in conn.execute(LOCK_SOURCES, {"of_recording": recording_pk})}


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
