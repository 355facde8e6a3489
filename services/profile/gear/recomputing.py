"""Counting everything of a person again, from what the workout service holds.

For who came before there was an inventory, and for events that were lost: the bus keeps them for a while
only. The states are read first, then compared and counted in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from pulsemesh.profile.v1 import gear_assignment_service_pb2 as wire
from pulsemesh.workout.v1 import workout_state_service_pb2, workout_state_service_pb2_grpc
from services.chassis.database import Database
from services.profile.gear import counting, wear
from services.profile.gear.amounts import Usage
from services.profile.gear.store import inventory, workouts

_PAGE = 500

Item = workout_state_service_pb2.ListWorkoutStatesResponse.Item


async def recompute(
    database: Database,
    states: workout_state_service_pb2_grpc.WorkoutStateServiceAsyncStub,
    user_id: str,
    clock_ms: Callable[[], int],
    *,
    dry_run: bool,
) -> wire.RecomputeGearResponse:
    """Put right what differs, or only say what does.

    Raises:
        grpc.aio.AioRpcError: the workout service could not be asked; nothing was changed.
    """
    asked_ms = clock_ms()
    items: list[Item] = []
    while True:
        request = workout_state_service_pb2.ListWorkoutStatesRequest(
            page_size=_PAGE, after_workout_id=items[-1].workout_id if items else ""
        )
        page = (await states.ListWorkoutStates(request)).items
        items.extend(page)
        if len(page) < _PAGE:
            break
    async with database.write() as transaction:
        return await transaction.run(apply, user_id, items, asked_ms, clock_ms(), dry_run=dry_run)


def apply(
    conn: Connection, user_id: str, items: Sequence[Item], asked_ms: int, now_ms: int, *, dry_run: bool
) -> wire.RecomputeGearResponse:
    """Store function: take over the states that were listed from `asked_ms` on, and count all anew."""
    inventory.lock_owner(conn, user_id)
    before = _usages(conn, user_id)
    trial = conn.begin_nested()
    changed = _take_over(conn, user_id, items, asked_ms, now_ms)
    recounted = counting.recount(conn, user_id, now_ms)
    after = _usages(conn, user_id)
    response = wire.RecomputeGearResponse(
        workouts=recounted.workouts, workouts_changed=changed + recounted.changed
    )
    for gear_id, used in after.items():
        if used != before[gear_id]:
            response.differences.add(gear_id=gear_id, before=before[gear_id].message(), after=used.message())
    if dry_run:
        trial.rollback()
    else:
        trial.commit()
    return response


def _take_over(conn: Connection, user_id: str, items: Sequence[Item], asked_ms: int, now_ms: int) -> int:
    """Keep the states that are news, and forget workouts that are not there; how many counts changed."""
    changed = 0
    for item in items:
        known = workouts.put_state(conn, user_id, item.workout_id, item.state, now_ms)
        if known is not None:
            changed += counting.count(conn, user_id, known, now_ms).changed
    # What became known after the question is not in the answer, and yet it is there.
    missing = workouts.seen_before(conn, user_id, asked_ms) - {item.workout_id for item in items}
    for workout_id in sorted(missing):
        changed += counting.workout_gone(conn, user_id, workout_id, now_ms)
    return changed


def _usages(conn: Connection, user_id: str) -> dict[str, Usage]:
    """From the ids of all gear of a person to its usage."""
    rows = inventory.page(conn, user_id, (), with_retired=True, after_pk=0, limit=10_000)
    by_key = {row.gear_pk: row for row in rows}
    used = wear.total(conn, by_key, by_key)
    return {row.gear_id: used.get(row.gear_pk, Usage()) for row in rows}
