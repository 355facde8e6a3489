"""What is read of several tables at once: store functions."""

from __future__ import annotations

from sqlalchemy import Connection

from pulsemesh.profile.v1 import gear_assignment_service_pb2, gear_service_pb2
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import events_pb2
from services.chassis import page_tokens
from services.profile.gear.amounts import Amounts, Usage
from services.profile.gear.inventory import owned
from services.profile.gear.messages import gear_messages
from services.profile.gear.store import wear as wear_store
from services.profile.gear.store import workouts
from services.profile.gear.wear import STEPS

_DEFAULT_PAGE = 50


def alerts(conn: Connection, user_id: str, now_ms: int) -> list[gear_service_pb2.WearAlert]:
    """The targets that are reached, or nearly, the most worn first."""
    found = []
    for message in gear_messages(conn, wear_store.in_use(conn, user_id), now_ms):
        targets = list(message.targets)
        del message.targets[:]
        found += [
            gear_service_pb2.WearAlert(gear=message, target=target)
            for target in targets
            if target.percent >= STEPS[0]
        ]
    return sorted(found, key=lambda alert: -alert.target.percent)


def workouts_of_gear(
    conn: Connection, user_id: str, request: gear_assignment_service_pb2.ListGearWorkoutsRequest
) -> gear_assignment_service_pb2.ListGearWorkoutsResponse:
    """A page of the workouts that count for gear, the latest first.

    Raises:
        GearNotFound, PageTokenInvalid
    """
    scope = ("gear workouts", user_id, request.gear_id)
    before = page_tokens.read(request.page_token, *scope)
    size = request.page_size or _DEFAULT_PAGE
    gear = owned(conn, user_id, request.gear_id)
    rows = workouts.page_of_gear(conn, user_id, gear.gear_pk, before, size + 1)
    response = gear_assignment_service_pb2.ListGearWorkoutsResponse()
    for row in rows[:size]:
        state = events_pb2.WorkoutState.FromString(bytes(row.state))
        workout = response.workouts.add(
            workout_id=row.workout_id,
            sport=sport_pb2.Sport.ValueType(state.total.sport),
            usage=Usage(Amounts.from_row(row), 1).message(),
        )
        workout.start_time.FromMilliseconds(row.start_ms)
    if len(rows) > size:
        last = rows[size - 1]
        response.next_page_token = page_tokens.write((last.start_ms, last.workout_pk), *scope)
    return response
