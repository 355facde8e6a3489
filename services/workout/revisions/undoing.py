"""Undoing a derivation, and deleting it with all that belongs to it: store functions, a transaction each."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from pulsemesh.workout.v1 import workout_pb2
from services.chassis import outbox
from services.workout import events
from services.workout.editing import delete_whole
from services.workout.messages import workout_message
from services.workout.revisions import aftermath, derivation_store, store
from services.workout.revisions.derivation_store import Role, StoredDerivation
from services.workout.revisions.errors import WorkoutDerived
from services.workout.store import workouts


def undo(conn: Connection, user_id: str, derivation_id: str, now_ms: int) -> list[workout_pb2.Workout]:
    """Show the inputs again and delete what was made of them; the inputs, none where there is nothing.

    Raises:
        WorkoutDerived: others were made of what this made: undo those first.
    """
    found = derivation_store.find(conn, user_id, derivation_id)
    if found is None:
        return []
    derivation_store.lock_workouts(conn, user_id, [member.workout_pk for member in found.members])
    stored = derivation_store.find(conn, user_id, derivation_id, lock=True)
    if stored is None:
        return []
    made = stored.of(Role.MADE)
    for other in derivation_store.of_workouts(conn, [member.workout_pk for member in stored.of(Role.MADE)]):
        for member in other.of(Role.INPUT, Role.KEPT):
            if other.row.derivation_id != derivation_id and member.workout_pk in _keys(made):
                raise WorkoutDerived(member.workout_id, other.row.derivation_id)
    derivation_store.remove(conn, [stored.row.derivation_pk])
    for member in made:
        row = workouts.find(conn, user_id, member.workout_id)
        if row is not None:
            delete_whole(conn, row, now_ms)
    inputs = stored.of(Role.INPUT)
    store.hide(conn, _keys(inputs), hidden=False, now_ms=now_ms)
    for member in inputs:
        aftermath.workout_shown(conn, user_id, member.workout_pk, now_ms)
    rows = [workouts.find(conn, user_id, member.workout_id) for member in inputs]
    shown = [workout_message(row) for row in rows if row is not None]
    for message in shown:
        outbox.append(conn, events.workout_restored(message, derivation_id, now_ms))
    return shown


def delete_derivation(conn: Connection, user_id: str, derivation_id: str, now_ms: int) -> int:
    """Delete a derivation with its inputs, what it made, and what was made of that; how many workouts.

    Of a choice among several the chosen one stays. An input that was the last part of an earlier derivation
    takes that with it: its own inputs would be hidden for ever.
    """
    found = derivation_store.find(conn, user_id, derivation_id)
    if found is None:
        return 0
    connected, doomed = _connected(conn, found)
    rows = derivation_store.lock_workouts(conn, user_id, sorted(doomed))
    derivation_store.remove(conn, [stored.row.derivation_pk for stored in connected])
    for row in rows:
        delete_whole(conn, row, now_ms)
    return len(rows)


def _connected(conn: Connection, first: StoredDerivation) -> tuple[list[StoredDerivation], set[int]]:
    """The derivations that go with `first`, and the keys of the workouts that go with them."""
    connected = {first.row.derivation_pk: first}
    doomed = set(_keys(first.of(Role.INPUT, Role.MADE)))
    while True:
        grown = False
        for stored in derivation_store.of_workouts(conn, sorted(doomed)):
            if stored.row.derivation_pk in connected:
                continue
            inputs = set(_keys(stored.of(Role.INPUT)))
            standing = set(_keys(stored.of(Role.MADE, Role.KEPT)))
            if inputs & doomed or standing <= doomed:
                connected[stored.row.derivation_pk] = stored
                doomed |= set(_keys(stored.of(Role.INPUT, Role.MADE)))
                grown = True
        if not grown:
            return list(connected.values()), doomed


def _keys(members: Sequence[derivation_store.Member]) -> list[int]:
    return [member.workout_pk for member in members]
