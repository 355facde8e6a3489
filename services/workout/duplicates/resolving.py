"""Doing what the owner chose of a pair, and taking it back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row

from pulsemesh.error.v1.reason_pb2 import ErrorReason
from pulsemesh.workout.v1 import duplicate_service_pb2 as wire
from pulsemesh.workout.v1 import revision_service_pb2
from services.chassis.database import Database
from services.chassis.errors import FailedPrecondition, InvalidField, NotFound
from services.workout.duplicates import store
from services.workout.messages import listed_workout_message, workout_message
from services.workout.revisions import deriving, undoing
from services.workout.store import workouts

KEPT_BOTH = int(wire.DUPLICATE_STATE_KEPT_BOTH)
KEPT_ONE = int(wire.DUPLICATE_STATE_KEPT_ONE)
MERGED = int(wire.DUPLICATE_STATE_MERGED)


class DuplicateNotFound(NotFound):
    """The caller has no pair of that id."""

    def __init__(self, duplicate_id: str) -> None:
        super().__init__("duplicate", duplicate_id)


class DuplicateResolved(FailedPrecondition):
    """Another choice was made: reopen the pair first."""

    def __init__(self, duplicate_id: str) -> None:
        super().__init__(
            ErrorReason.ERROR_REASON_DERIVED,
            f"another choice was made of the duplicate {duplicate_id}: reopen it first",
            metadata={"duplicate_id": duplicate_id},
        )


async def resolve(
    database: Database, user_id: str, request: wire.ResolveDuplicateRequest, now_ms: int
) -> wire.ResolveDuplicateResponse:
    """Do what the request chooses; the same choice again changes nothing.

    Raises:
        DuplicateNotFound, DuplicateResolved, WorkoutHidden, InvalidField
    """
    if request.WhichOneof("choice") == "merge":
        return await _merge(database, user_id, request, now_ms)
    async with database.write() as transaction:
        return await transaction.run(_keep, user_id, request, now_ms)


def reopen(conn: Connection, user_id: str, duplicate_id: str, now_ms: int) -> wire.Duplicate:
    """Store function: take a choice back.

    Raises:
        DuplicateNotFound
        WorkoutDerived: others were made of what the choice made: undo those first.
    """
    row = store.find(conn, user_id, duplicate_id)
    if row is None:
        raise DuplicateNotFound(duplicate_id)
    if row.derivation_id:
        undoing.undo(conn, user_id, row.derivation_id, now_ms)
    store.resolve(conn, row.duplicate_pk, store.OPEN, None)
    return described(conn, user_id, duplicate_id)


def described(conn: Connection, user_id: str, duplicate_id: str) -> wire.Duplicate:
    """Store function: a pair as the contract tells it.

    Raises:
        DuplicateNotFound
    """
    row = store.find(conn, user_id, duplicate_id)
    if row is None:
        raise DuplicateNotFound(duplicate_id)
    return messages(conn, [row])[0]


def messages(conn: Connection, rows: list[Row[Any]]) -> list[wire.Duplicate]:
    """Store function: pairs as the contract tells them."""
    found = workouts.find_by_keys(conn, [key for row in rows for key in (row.first_pk, row.second_pk)])
    told = []
    for row in rows:
        message = wire.Duplicate.FromString(bytes(row.evidence))
        message.duplicate_id = row.duplicate_id
        message.first.CopyFrom(listed_workout_message(found[row.first_pk]))
        message.second.CopyFrom(listed_workout_message(found[row.second_pk]))
        message.score = row.score
        message.state = wire.DuplicateState.ValueType(row.state)
        message.derivation_id = row.derivation_id or ""
        message.found_at.FromMilliseconds(row.found_ms)
        told.append(message)
    return told


def _keep(
    conn: Connection, user_id: str, request: wire.ResolveDuplicateRequest, now_ms: int
) -> wire.ResolveDuplicateResponse:
    pair = described(conn, user_id, request.duplicate_id)
    ids = {pair.first.workout_id: pair.second.workout_id, pair.second.workout_id: pair.first.workout_id}
    kept_id = request.keep_one.workout_id
    if request.WhichOneof("choice") == "keep_one" and kept_id not in ids:
        raise InvalidField("keep_one.workout_id", "is not one of the two")
    row = store.find(conn, user_id, request.duplicate_id)
    assert row is not None
    if request.WhichOneof("choice") == "keep_both":
        if row.state not in (store.OPEN, KEPT_BOTH):
            raise DuplicateResolved(request.duplicate_id)
        store.resolve(conn, row.duplicate_pk, KEPT_BOTH, None)
    elif row.state == store.OPEN:
        derivation_pk = deriving.keep_one(conn, user_id, kept_id, ids[kept_id], now_ms)
        store.resolve(conn, row.duplicate_pk, KEPT_ONE, derivation_pk)
    elif row.state != KEPT_ONE or _hidden(pair) != ids[kept_id]:
        raise DuplicateResolved(request.duplicate_id)
    response = wire.ResolveDuplicateResponse(duplicate=described(conn, user_id, request.duplicate_id))
    kept = workouts.find(conn, user_id, kept_id) if kept_id else None
    if kept is not None:
        response.workout.CopyFrom(workout_message(kept))
    return response


def _hidden(pair: wire.Duplicate) -> str:
    return pair.first.workout_id if pair.first.hidden else pair.second.workout_id


async def _merge(
    database: Database, user_id: str, request: wire.ResolveDuplicateRequest, now_ms: int
) -> wire.ResolveDuplicateResponse:
    async with database.read() as view:
        pair = await view.run(described, user_id, request.duplicate_id)
    if pair.state == MERGED:
        async with database.read() as view:
            done = await view.run(deriving.derived, user_id, pair.derivation_id)
        return wire.ResolveDuplicateResponse(duplicate=pair, workout=done.workouts[0])
    if pair.state != store.OPEN:
        raise DuplicateResolved(request.duplicate_id)
    ids = [pair.first.workout_id, pair.second.workout_id]
    leading = request.merge.leading_workout_id or ids[0]
    if leading not in ids:
        raise InvalidField("merge.leading_workout_id", "is not one of the two")
    ids.sort(key=lambda each: each != leading)
    wanted = revision_service_pb2.MergeWorkoutsRequest(
        workout_ids=ids,
        leads=request.merge.leads,
        clock_offsets=request.merge.clock_offsets,
        align_clocks=request.merge.align_clocks,
    )

    def mark(conn: Connection, derivation_pk: int) -> None:
        row = store.find(conn, user_id, request.duplicate_id, lock=True)
        if row is not None:
            store.resolve(conn, row.duplicate_pk, MERGED, derivation_pk)

    merged = await deriving.merge(database, user_id, wanted, now_ms, after=mark)
    async with database.read() as view:
        pair = await view.run(described, user_id, request.duplicate_id)
    return wire.ResolveDuplicateResponse(duplicate=pair, workout=merged.workout)
