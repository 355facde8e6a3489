"""WorkoutStateService: what events told of workouts, for services that ask again."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

import grpc

from pulsemesh.workout.v1 import workout_state_service_pb2 as wire
from pulsemesh.workout.v1 import workout_state_service_pb2_grpc as stubs
from services.chassis.call import current_call
from services.chassis.database import Database
from services.chassis.errors import AccessDenied
from services.workout.events import workout_state
from services.workout.messages import workout_message
from services.workout.store import workouts

DEFAULT_PAGE = 200

_Context = grpc.aio.ServicerContext[object, object]


class WorkoutStateServicer(stubs.WorkoutStateServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ListWorkoutStates(
        self, request: wire.ListWorkoutStatesRequest, context: _Context
    ) -> wire.ListWorkoutStatesResponse:
        """A page of states."""
        user_id = current_call().principal.user_id
        if not user_id:
            raise AccessDenied("say for whom the workouts are listed")
        size = request.page_size or DEFAULT_PAGE
        async with self._database.read() as view:
            rows = await view.run(workouts.page_by_id, user_id, request.after_workout_id, size)
        response = wire.ListWorkoutStatesResponse()
        for row in rows:
            state = workout_state(workout_message(row))
            response.items.add(workout_id=row.workout_id, state=state)
        return response
