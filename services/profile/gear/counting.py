"""Counting workouts for gear, each exactly once. Store functions.

What counts of a workout follows from its newest state, from what its owner chose and from the rules (see
`assigning.py`), and replaces what was counted of it before. Totals are sums of that and are kept nowhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy import Connection

from pulsemesh.workout.v1 import events_pb2
from services.profile.gear import alerting
from services.profile.gear.assigning import Item, Rules, Share, assign
from services.profile.gear.store import inventory, rules, workouts
from services.profile.gear.store.workouts import KnownWorkout

_AT_ONCE = 500


@dataclass
class Recount:
    """What a counting changed: how many workouts it looked at, which changed, and whose sums did."""

    workouts: int = 0
    changed: int = 0
    gear_pks: set[int] = field(default_factory=set)


def workout_seen(
    conn: Connection, user_id: str, workout_id: str, state: events_pb2.WorkoutState, now_ms: int
) -> None:
    """Count a workout as this state of it says, unless a newer one is known."""
    inventory.lock_owner(conn, user_id)
    known = workouts.put_state(conn, user_id, workout_id, state, now_ms)
    if known is not None:
        count(conn, user_id, known, now_ms)


def workout_gone(conn: Connection, user_id: str, workout_id: str, now_ms: int) -> int:
    """Count a workout no more, whatever else is told of it later; 1 where it did count, else 0."""
    inventory.lock_owner(conn, user_id)
    known = workouts.put_gone(conn, user_id, workout_id, now_ms)
    rules.forget_choice(conn, user_id, workout_id)
    return 0 if known is None else count(conn, user_id, known, now_ms).changed


def count(conn: Connection, user_id: str, known: KnownWorkout, now_ms: int) -> Recount:
    """Count one workout anew; the owner is locked."""
    chosen = {}
    if known.facts is not None:
        said = rules.chosen(conn, user_id, known.facts.workout_id)
        if said is not None:
            chosen[known.facts.workout_id] = said
    done = _count_all(conn, user_id, [known], chosen)
    alerting.usage_changed(conn, user_id, done.gear_pks, now_ms)
    return done


def recount(conn: Connection, user_id: str, now_ms: int, from_ms: int = 0) -> Recount:
    """Count anew the workouts that begin at `from_ms` or later; the owner is locked."""
    chosen = rules.all_chosen(conn, user_id)
    done = _count_all(conn, user_id, workouts.each(conn, user_id, from_ms), chosen)
    alerting.usage_changed(conn, user_id, done.gear_pks, now_ms)
    return done


def _count_all(
    conn: Connection,
    user_id: str,
    known: Iterable[KnownWorkout],
    chosen: Mapping[str, Collection[int]],
) -> Recount:
    items, ruled = inventory.items(conn, user_id), rules.load(conn, user_id)
    done = Recount()
    for some in _batches(known):
        counted = workouts.shares(conn, [each.workout_pk for each in some])
        for each in some:
            wanted = _wanted(each, chosen, ruled, items)
            done.workouts += 1
            before = counted[each.workout_pk]
            if wanted != before:
                workouts.put_shares(conn, user_id, each.workout_pk, wanted)
                done.changed += 1
                done.gear_pks |= before.keys() | wanted.keys()
    return done


def _wanted(
    known: KnownWorkout, chosen: Mapping[str, Collection[int]], ruled: Rules, items: Mapping[int, Item]
) -> dict[int, Share]:
    if known.facts is None:
        return {}
    said = chosen.get(known.facts.workout_id)
    return assign(known.facts, None if said is None else frozenset(said), ruled, items)


def _batches(known: Iterable[KnownWorkout]) -> Iterator[list[KnownWorkout]]:
    waiting = iter(known)
    while some := list(islice(waiting, _AT_ONCE)):
        yield some
