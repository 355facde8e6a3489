"""Splitting a workout, merging workouts: the steps in the database.

The work is done in a worker thread between a read and a write; the write goes through only if every workout
is still the version that was read, otherwise the whole is done again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from sqlalchemy import Connection

from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import revision_pb2, workout_pb2, workout_service_pb2
from pulsemesh.workout.v1 import revision_service_pb2 as wire
from services.chassis import outbox
from services.chassis.database import Database
from services.chassis.errors import EtagMismatch, RequestIdReused, Unavailable
from services.workout import events
from services.workout.errors import WorkoutNotFound
from services.workout.messages import etag, workout_message
from services.workout.revisions import aftermath, derivation_store, planning, store
from services.workout.revisions.derivation_store import Role
from services.workout.revisions.errors import DerivationNotFound, WorkoutHidden
from services.workout.store import workouts

_ATTEMPTS = 5

AfterWrite = Callable[[Connection, int], None]
"""More to write in the transaction of a derivation, given its key."""


@dataclass(frozen=True, slots=True)
class _Call:
    """A request with who sent it; `digest` tells it from another under the same request_id."""

    user_id: str
    request_id: str
    digest: bytes
    workout_ids: tuple[str, ...]
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Derived:
    """A derivation and the workouts that there are now."""

    derivation: revision_pb2.Derivation
    workouts: Sequence[workout_pb2.Workout]


async def split(
    database: Database, user_id: str, request: wire.SplitWorkoutRequest, now_ms: int
) -> wire.SplitWorkoutResponse:
    """Make several workouts of one.

    Raises:
        WorkoutNotFound, WorkoutHidden, EtagMismatch, RequestIdReused, InvalidField
        StoreUnavailable: nothing was changed, or it is not known; repeat with the same request_id.
    """
    call = _Call(user_id, request.request_id, _digest(request), (request.workout_id,), request.etag)
    derived = await _derive(
        database, call, lambda inputs: planning.plan_split(inputs[0], request.times_ms, now_ms), now_ms
    )
    return wire.SplitWorkoutResponse(derivation=derived.derivation, workouts=derived.workouts)


async def merge(
    database: Database,
    user_id: str,
    request: wire.MergeWorkoutsRequest,
    now_ms: int,
    after: AfterWrite | None = None,
) -> wire.MergeWorkoutsResponse:
    """Make one workout of several.

    Raises:
        WorkoutNotFound, WorkoutHidden, RequestIdReused, InvalidField
        StoreUnavailable: nothing was changed, or it is not known; repeat with the same request_id.
    """
    planning.check_merge(request)
    call = _Call(user_id, request.request_id, _digest(request), tuple(request.workout_ids))
    if request.preview:
        plan = await _previewed(database, call, request, now_ms)
        return wire.MergeWorkoutsResponse(derivation=plan.derivation, workout=plan.made[0].message)
    derived = await _derive(
        database, call, lambda inputs: planning.plan_merge(inputs, request, now_ms), now_ms, after
    )
    return wire.MergeWorkoutsResponse(derivation=derived.derivation, workout=derived.workouts[0])


def keep_one(conn: Connection, user_id: str, kept_id: str, hidden_id: str, now_ms: int) -> int:
    """Store function: hide one of two; returns the key of the derivation.

    Raises:
        WorkoutNotFound, WorkoutHidden
    """
    rows = _locked(conn, user_id, (kept_id, hidden_id))
    kept, hidden = rows[kept_id], rows[hidden_id]
    for row in (kept, hidden):
        if row.hidden:
            raise WorkoutHidden(row.workout_id)
    derivation_id = new_ulid(now_ms)
    _hide(conn, user_id, [hidden], derivation_id, now_ms)
    values = _values(
        user_id, revision_pb2.Derivation(kind=revision_pb2.DERIVATION_KIND_KEEP_ONE), derivation_id, now_ms
    )
    return derivation_store.add(conn, values, [(hidden.workout_pk, Role.INPUT), (kept.workout_pk, Role.KEPT)])


def derivation_message(stored: derivation_store.StoredDerivation) -> revision_pb2.Derivation:
    """A derivation as the contract tells it."""
    message = revision_pb2.Derivation.FromString(bytes(stored.row.description))
    message.derivation_id = stored.row.derivation_id
    message.input_workout_ids.extend(member.workout_id for member in stored.of(Role.INPUT))
    message.output_workout_ids.extend(member.workout_id for member in stored.of(Role.MADE, Role.KEPT))
    message.created_at.FromMilliseconds(stored.row.created_ms)
    return message


def derived(conn: Connection, user_id: str, derivation_id: str) -> Derived:
    """Store function: a derivation with its outputs.

    Raises:
        DerivationNotFound
    """
    stored = derivation_store.find(conn, user_id, derivation_id)
    if stored is None:
        raise DerivationNotFound(derivation_id)
    rows = [workouts.find(conn, user_id, each.workout_id) for each in stored.of(Role.MADE, Role.KEPT)]
    return Derived(derivation_message(stored), [workout_message(row) for row in rows if row is not None])


async def _derive(
    database: Database,
    call: _Call,
    make_plan: Callable[[list[planning.StoredInput]], planning.Plan],
    now_ms: int,
    after: AfterWrite | None = None,
) -> Derived:
    for _ in range(_ATTEMPTS):
        async with database.read() as view:
            inputs = await view.run(_read, call)
        if isinstance(inputs, Derived):
            return inputs
        plan = await asyncio.to_thread(make_plan, inputs)
        async with database.write() as transaction:
            done = await transaction.run(_write, call, inputs, plan, (now_ms, after))
        if done is not None:
            return done
    raise Unavailable(0.5, "the workouts keep changing while others are made of them")


async def _previewed(
    database: Database, call: _Call, request: wire.MergeWorkoutsRequest, now_ms: int
) -> planning.Plan:
    async with database.read() as view:
        inputs = await view.run(_read_inputs, call)
    plan = await asyncio.to_thread(planning.plan_merge, inputs, request, now_ms)
    plan.derivation.input_workout_ids.extend(call.workout_ids)
    for made in plan.made:
        made.message.workout_id = made.message.recording_id = ""
    return plan


def _read(conn: Connection, call: _Call) -> list[planning.StoredInput] | Derived:
    return _answered(conn, call) or _read_inputs(conn, call)


def _read_inputs(conn: Connection, call: _Call) -> list[planning.StoredInput]:
    found = []
    for workout_id in call.workout_ids:
        stored = store.load(conn, call.user_id, workout_id, recorded=False)
        if stored is None:
            raise WorkoutNotFound(workout_id)
        if stored.row.hidden:
            raise WorkoutHidden(workout_id)
        _check_etag(stored.row, call.etag)
        found.append(planning.StoredInput(stored, _place_in_split(conn, stored.row.workout_pk)))
    return found


def _place_in_split(conn: Connection, workout_pk: int) -> tuple[int, int] | None:
    """The key of the split that made the workout, and which of its parts it is."""
    for stored in derivation_store.of_workouts(conn, [workout_pk]):
        for member in stored.of(Role.MADE):
            split_up = stored.row.kind == revision_pb2.DERIVATION_KIND_SPLIT
            if member.workout_pk == workout_pk and split_up:
                return stored.row.derivation_pk, member.ordinal
    return None


def _check_etag(row: Any, known_etag: str) -> None:
    if known_etag and known_etag != etag(row.version):
        raise EtagMismatch("workout", row.workout_id, etag(row.version))


def _answered(conn: Connection, call: _Call) -> Derived | None:
    answer = workouts.find_answer(conn, call.user_id, call.request_id) if call.request_id else None
    if answer is None:
        return None
    if answer.request_sha256 != call.digest:
        raise RequestIdReused(call.request_id)
    kept = workout_service_pb2.UpdateWorkoutResponse.FromString(answer.response)
    return derived(conn, call.user_id, kept.workout.workout_id)


def _keep_answer(conn: Connection, call: _Call, derivation_id: str, now_ms: int) -> None:
    """Only the id is kept: what was made is read again, and is forgotten when it is deleted."""
    if not call.request_id:
        return
    kept = workout_service_pb2.UpdateWorkoutResponse(workout=workout_pb2.Workout(workout_id=derivation_id))
    answer = workouts.Answer(call.digest, kept.SerializeToString())
    if not workouts.keep_answer(conn, call.user_id, call.request_id, answer, now_ms):
        raise RequestIdReused(call.request_id)


def _write(
    conn: Connection,
    call: _Call,
    inputs: list[planning.StoredInput],
    plan: planning.Plan,
    context: tuple[int, AfterWrite | None],
) -> Derived | None:
    """Write what was prepared; None when a workout changed since."""
    now_ms, after = context
    rows = _locked(conn, call.user_id, call.workout_ids)
    # Only under the lock: of two equal requests at once the second sees the first one's answer.
    answered = _answered(conn, call)
    if answered is not None:
        return answered
    for each in inputs:
        row = rows[each.stored.row.workout_id]
        if row.hidden:
            raise WorkoutHidden(row.workout_id)
        _check_etag(row, call.etag)
        if row.version != each.stored.row.version:
            return None
    derivation_id = new_ulid(now_ms)
    ordered = [rows[workout_id] for workout_id in call.workout_ids]
    _hide(conn, call.user_id, ordered, derivation_id, now_ms)
    made = [
        derivation_store.add_workout(
            conn, dict(each.recording), each.sources, each.chunks, dict(each.workout)
        )
        for each in plan.made
    ]
    key = derivation_store.add(
        conn,
        _values(call.user_id, plan.derivation, derivation_id, now_ms),
        [*((row.workout_pk, Role.INPUT) for row in ordered), *((each, Role.MADE) for each in made)],
    )
    for workout_pk, new in zip(made, plan.made, strict=True):
        outbox.append(conn, events.workout_recorded(new.message, now_ms))
        aftermath.workout_added(conn, call.user_id, workout_pk, now_ms)
    if after is not None:
        after(conn, key)
    _keep_answer(conn, call, derivation_id, now_ms)
    return derived(conn, call.user_id, derivation_id)


def _locked(conn: Connection, user_id: str, workout_ids: Sequence[str]) -> dict[str, Any]:
    """The rows by id, locked in the order of their keys.

    Raises:
        WorkoutNotFound
    """
    found = {workout_id: workouts.find(conn, user_id, workout_id) for workout_id in workout_ids}
    keys = [row.workout_pk for row in found.values() if row is not None]
    rows = {row.workout_id: row for row in derivation_store.lock_workouts(conn, user_id, keys)}
    for workout_id in workout_ids:
        if workout_id not in rows:
            raise WorkoutNotFound(workout_id)
    return rows


def _hide(conn: Connection, user_id: str, rows: Sequence[Any], derivation_id: str, now_ms: int) -> None:
    store.hide(conn, [row.workout_pk for row in rows], hidden=True, now_ms=now_ms)
    for row in rows:
        aftermath.workout_gone(conn, user_id, row.workout_pk, now_ms)
        hidden = workouts.find(conn, user_id, row.workout_id)
        assert hidden is not None
        outbox.append(conn, events.workout_hidden(workout_message(hidden), derivation_id, now_ms))


def _values(
    user_id: str, description: revision_pb2.Derivation, derivation_id: str, now_ms: int
) -> dict[str, Any]:
    return {
        "derivation_id": derivation_id,
        "user_id": user_id,
        "kind": int(description.kind),
        "description": description.SerializeToString(),
        "created_ms": now_ms,
    }


def _digest(request: Message) -> bytes:
    return hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
