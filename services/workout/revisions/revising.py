"""Correcting a workout in place, and giving back what was recorded.

As in closing, the work is done in a worker thread between a read and a write; the write goes through only if
the workout is still the version that was read, otherwise the whole is done again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Row

from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import revision_pb2, workout_pb2
from pulsemesh.workout.v1 import revision_service_pb2 as wire
from services.chassis import outbox
from services.chassis.database import Database
from services.chassis.errors import EtagMismatch, InvalidField, RequestIdReused, Unavailable
from services.workout import events
from services.workout.compaction import chunk_rows
from services.workout.errors import WorkoutNotFound
from services.workout.messages import etag, workout_message
from services.workout.revisions import aftermath, store
from services.workout.revisions.computing import Computed, compute, retitled
from services.workout.revisions.drafting import draft_of
from services.workout.revisions.errors import NothingLeft, WorkoutHidden
from services.workout.revisions.operations import apply_all
from services.workout.store import workouts

MAX_OPERATIONS = 50
_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Revised:
    """What a correction will write."""

    operations: Sequence[revision_pb2.Operation]
    outcomes: Sequence[revision_pb2.OperationOutcome]
    computed: Computed
    chunks: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class _Call:
    """A request with who sent it; `digest` tells it from another under the same request_id."""

    user_id: str
    request: wire.ReviseWorkoutRequest
    digest: bytes


async def revise(
    database: Database, user_id: str, request: wire.ReviseWorkoutRequest, now_ms: int
) -> wire.ReviseWorkoutResponse:
    """Do what the request says; see the contract.

    Raises:
        WorkoutNotFound, WorkoutHidden, EtagMismatch, RequestIdReused, InvalidField
        NothingLeft: not a sample would be left.
        StoreUnavailable: nothing was changed, or it is not known; repeat with the same request_id.
    """
    call = _Call(user_id, request, hashlib.sha256(request.SerializeToString(deterministic=True)).digest())
    for _ in range(_ATTEMPTS):
        async with database.read() as view:
            read = await view.run(_read, call)
        if isinstance(read, wire.ReviseWorkoutResponse):
            return read
        operations = wanted_operations(read, request)
        unchanged = _is_present(read, operations)
        if unchanged or not operations:
            if request.preview or unchanged:
                return await asyncio.to_thread(_preview_present, read, operations)
            revised = None
        else:
            revised = await asyncio.to_thread(prepare, read, operations)
            if request.preview:
                return _response(_previewed(read.row, revised), revised.outcomes, read.row)
        async with database.write() as transaction:
            response = await transaction.run(_write, call, read, revised, now_ms)
        if response is not None:
            return response
    raise Unavailable(0.5, "the workout keeps changing while it is being corrected")


async def revert(
    database: Database, user_id: str, request: wire.RevertRevisionRequest, now_ms: int
) -> wire.RevertRevisionResponse:
    """Give back what was recorded.

    Raises:
        WorkoutNotFound, WorkoutHidden, EtagMismatch
    """
    async with database.write() as transaction:
        return await transaction.run(_revert, user_id, request, now_ms)


def describe(conn: Connection, user_id: str, workout_id: str) -> wire.GetRevisionResponse:
    """Store function: how a workout differs from what was recorded.

    Raises:
        WorkoutNotFound
    """
    row = workouts.find(conn, user_id, workout_id)
    if row is None:
        raise WorkoutNotFound(workout_id)
    kept = store.find(conn, row.workout_pk)
    described = revision_pb2.RevisedWorkout()
    if kept is not None:
        described.ParseFromString(bytes(kept.description))
        described.revised_at.FromMilliseconds(kept.revised_ms)
    recorded = row if kept is None else kept
    described.workout_id = workout_id
    described.recorded.CopyFrom(_summary(recorded.document))
    described.revised.CopyFrom(_summary(row.document))
    described.recorded_start_time.FromMilliseconds(recorded.start_ms)
    described.recorded_end_time.FromMilliseconds(recorded.end_ms)
    return wire.GetRevisionResponse(revised=described, etag=etag(row.version))


def wanted_operations(
    stored: store.StoredWorkout, request: wire.ReviseWorkoutRequest
) -> list[revision_pb2.Operation]:
    """All operations that the workout will have.

    Raises:
        InvalidField: they are too many.
    """
    operations = [*(_operations(stored) if request.append else ()), *request.revision.operations]
    if len(operations) > MAX_OPERATIONS:
        raise InvalidField("revision.operations", f"a workout has at most {MAX_OPERATIONS}")
    return operations


def prepare(stored: store.StoredWorkout, operations: Sequence[revision_pb2.Operation]) -> Revised:
    """Correct what was recorded. Takes seconds for very long workouts: not for the event loop.

    Raises:
        InvalidField: an operation cannot be done.
        NothingLeft: not a sample would be left.
        ChunkCorrupted: a chunk cannot be read.
    """
    draft, outcomes = apply_all(draft_of(stored), operations)
    if draft.span() is None:
        raise NothingLeft(stored.row.workout_id)
    recorded = workout_pb2.Workout.FromString(bytes(_recorded(stored).document))
    computed = compute(
        draft,
        stored.recording.sport,
        stored.recording.sub_sport,
        stored.recording.start_ms,
        recorded.sources,
        chosen=(stored.row.sport, stored.row.sub_sport),
    )
    keys = {source.source_id: source.source_pk for source in stored.sources}
    rows = [
        row for source_id, samples in draft.sources.items() for row in chunk_rows(keys[source_id], samples)
    ]
    return Revised(operations, outcomes, computed, rows)


def _read(conn: Connection, call: _Call) -> store.StoredWorkout | wire.ReviseWorkoutResponse:
    stored = store.load(conn, call.user_id, call.request.workout_id, recorded=True)
    if stored is None:
        raise WorkoutNotFound(call.request.workout_id)
    answered = _answered(conn, call)
    if answered is None:
        _check(stored.row, call.request.etag)
    return answered or stored


def _check(row: Row[Any], known_etag: str) -> None:
    if row.hidden:
        raise WorkoutHidden(row.workout_id)
    if known_etag and known_etag != etag(row.version):
        raise EtagMismatch("workout", row.workout_id, etag(row.version))


def _answered(conn: Connection, call: _Call) -> wire.ReviseWorkoutResponse | None:
    request_id = call.request.request_id
    answer = workouts.find_answer(conn, call.user_id, request_id) if request_id else None
    if answer is None:
        return None
    if answer.request_sha256 != call.digest:
        raise RequestIdReused(request_id)
    return wire.ReviseWorkoutResponse.FromString(answer.response)


def _write(
    conn: Connection, call: _Call, read: store.StoredWorkout, revised: Revised | None, now_ms: int
) -> wire.ReviseWorkoutResponse | None:
    """Write what was prepared; None when the workout changed since. Without `revised` give back."""
    row = workouts.find_for_update(conn, call.user_id, call.request.workout_id)
    if row is None:
        raise WorkoutNotFound(call.request.workout_id)
    # Only under the lock: of two equal requests at once the second sees the first one's answer.
    answered = _answered(conn, call)
    if answered is not None:
        return answered
    _check(row, call.request.etag)
    if row.version != read.row.version:
        return None
    outcomes: Sequence[revision_pb2.OperationOutcome] = ()
    if revised is None:
        _give_back(conn, row, now_ms)
    else:
        outcomes = revised.outcomes
        _put(conn, row, read, revised, now_ms)
    response = _response(_published(conn, row, now_ms), outcomes, row)
    if call.request.request_id:
        answer = workouts.Answer(call.digest, response.SerializeToString())
        if not workouts.keep_answer(conn, call.user_id, call.request.request_id, answer, now_ms):
            raise RequestIdReused(call.request.request_id)
    return response


def _put(conn: Connection, row: Row[Any], read: store.StoredWorkout, revised: Revised, now_ms: int) -> None:
    described = revision_pb2.RevisedWorkout(
        revision=revision_pb2.Revision(operations=revised.operations), outcomes=revised.outcomes
    )
    # The row as it is under the lock: an analysis may have put its summary right meanwhile.
    store.put(conn, replace(read, row=row), described.SerializeToString(), revised.chunks, now_ms)
    title = retitled(row.title, row.sport, row.start_ms, revised.computed.start_ms)
    values = {**revised.computed.columns(), "title": title}
    workouts.change(conn, row.workout_pk, values, row.version + 1, now_ms)
    aftermath.samples_changed(conn, row.user_id, row.workout_pk, now_ms)


def _revert(
    conn: Connection, user_id: str, request: wire.RevertRevisionRequest, now_ms: int
) -> wire.RevertRevisionResponse:
    row = workouts.find_for_update(conn, user_id, request.workout_id)
    if row is None:
        raise WorkoutNotFound(request.workout_id)
    _check(row, request.etag)
    if not _give_back(conn, row, now_ms):
        return wire.RevertRevisionResponse(workout=workout_message(row))
    return wire.RevertRevisionResponse(workout=_published(conn, row, now_ms), reverted=True)


def _give_back(conn: Connection, row: Row[Any], now_ms: int) -> bool:
    """What was recorded, and the row as it was; False when it is so already. The workout is locked."""
    kept = store.find(conn, row.workout_pk)
    if kept is None:
        return False
    values = {name: getattr(kept, name) for name in store.KEPT}
    title = retitled(row.title, row.sport, row.start_ms, kept.start_ms)
    store.take_back(conn, row.workout_pk, row.recording_pk)
    workouts.change(conn, row.workout_pk, {**values, "title": title}, row.version + 1, now_ms)
    sessions = workout_pb2.Workout.FromString(bytes(kept.document)).sessions
    now = _summed_as(row.document)
    aftermath.samples_changed(
        conn,
        row.user_id,
        row.workout_pk,
        now_ms,
        sport_changed=len(sessions) == 1 and now is not None and sessions[0].part.sport != now,
    )
    return True


def _summed_as(document: bytes) -> sport_pb2.Sport.ValueType | None:
    sessions = workout_pb2.Workout.FromString(bytes(document)).sessions
    return sessions[0].part.sport if len(sessions) == 1 else None


def _published(conn: Connection, row: Row[Any], now_ms: int) -> workout_pb2.Workout:
    after = workouts.find(conn, row.user_id, row.workout_id)
    assert after is not None
    message = workout_message(after)
    kept = store.find(conn, after.workout_pk)
    operations = 0 if kept is None else len(_described(kept).revision.operations)
    outbox.append(conn, events.workout_revised(message, operations, now_ms))
    return message


def _response(
    workout: workout_pb2.Workout, outcomes: Sequence[revision_pb2.OperationOutcome], before: Row[Any]
) -> wire.ReviseWorkoutResponse:
    return wire.ReviseWorkoutResponse(workout=workout, outcomes=outcomes, before=_summary(before.document))


def _previewed(row: Row[Any], revised: Revised) -> workout_pb2.Workout:
    computed = revised.computed
    message = workout_message(row)
    for name in ("summary", "sessions", "laps", "lengths", "sources"):
        message.ClearField(name)
    message.MergeFrom(computed.document)
    message.start_time.FromMilliseconds(computed.start_ms)
    message.end_time.FromMilliseconds(computed.end_ms)
    message.title = retitled(row.title, row.sport, row.start_ms, computed.start_ms)
    message.revised = True
    return message


def _preview_present(
    stored: store.StoredWorkout, operations: Sequence[revision_pb2.Operation]
) -> wire.ReviseWorkoutResponse:
    """What there is already, or (without operations) what was recorded."""
    message = workout_message(stored.row)
    outcomes = [] if stored.revision is None else list(_described(stored.revision).outcomes)
    if not operations:
        recorded = _recorded(stored)
        for name in ("summary", "sessions", "laps", "lengths", "sources"):
            message.ClearField(name)
        message.MergeFromString(bytes(recorded.document))
        message.start_time.FromMilliseconds(recorded.start_ms)
        message.end_time.FromMilliseconds(recorded.end_ms)
        message.revised, outcomes = False, []
    return _response(message, outcomes, stored.row)


def _is_present(stored: store.StoredWorkout, operations: Sequence[revision_pb2.Operation]) -> bool:
    return list(operations) == _operations(stored)


def _operations(stored: store.StoredWorkout) -> list[revision_pb2.Operation]:
    if stored.revision is None:
        return []
    return list(_described(stored.revision).revision.operations)


def _described(kept: Row[Any]) -> revision_pb2.RevisedWorkout:
    return revision_pb2.RevisedWorkout.FromString(bytes(kept.description))


def _recorded(stored: store.StoredWorkout) -> Row[Any]:
    return stored.row if stored.revision is None else stored.revision


def _summary(document: bytes) -> workout_pb2.Summary:
    return workout_pb2.Workout.FromString(bytes(document)).summary
