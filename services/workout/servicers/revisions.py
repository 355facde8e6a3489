"""RevisionService: corrections, and workouts made of workouts."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

from collections.abc import Callable

import grpc

from pulsemesh.workout.v1 import revision_service_pb2 as wire
from pulsemesh.workout.v1 import revision_service_pb2_grpc as stubs
from services.chassis.call import current_call
from services.chassis.database import Database
from services.workout.revisions import revising

_Context = grpc.aio.ServicerContext[object, object]


class RevisionServicer(stubs.RevisionServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms

    async def GetRevision(
        self, request: wire.GetRevisionRequest, context: _Context
    ) -> wire.GetRevisionResponse:
        """How a workout differs from what was recorded."""
        async with self._database.read() as view:
            return await view.run(revising.describe, current_call().principal.user_id, request.workout_id)

    async def ReviseWorkout(
        self, request: wire.ReviseWorkoutRequest, context: _Context
    ) -> wire.ReviseWorkoutResponse:
        """Correct a workout in place, or say what that would do."""
        user_id = current_call().principal.user_id
        return await revising.revise(self._database, user_id, request, self._clock_ms())

    async def RevertRevision(
        self, request: wire.RevertRevisionRequest, context: _Context
    ) -> wire.RevertRevisionResponse:
        """Give back what was recorded."""
        user_id = current_call().principal.user_id
        return await revising.revert(self._database, user_id, request, self._clock_ms())
