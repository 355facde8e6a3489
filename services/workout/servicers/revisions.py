"""RevisionService: corrections, and workouts made of workouts."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

from collections.abc import Callable

import grpc

from pulsemesh.workout.v1 import revision_service_pb2 as wire
from pulsemesh.workout.v1 import revision_service_pb2_grpc as stubs
from services.chassis import page_tokens
from services.chassis.call import current_call
from services.chassis.database import Database
from services.workout.revisions import derivation_store, deriving, revising, undoing

DEFAULT_PAGE = 25

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

    async def SplitWorkout(
        self, request: wire.SplitWorkoutRequest, context: _Context
    ) -> wire.SplitWorkoutResponse:
        """Make several workouts of one."""
        user_id = current_call().principal.user_id
        return await deriving.split(self._database, user_id, request, self._clock_ms())

    async def MergeWorkouts(
        self, request: wire.MergeWorkoutsRequest, context: _Context
    ) -> wire.MergeWorkoutsResponse:
        """Make one workout of several, or say what that would be."""
        user_id = current_call().principal.user_id
        return await deriving.merge(self._database, user_id, request, self._clock_ms())

    async def UndoDerivation(
        self, request: wire.UndoDerivationRequest, context: _Context
    ) -> wire.UndoDerivationResponse:
        """Show the inputs again and delete what was made of them."""
        user_id = current_call().principal.user_id
        async with self._database.write() as transaction:
            shown = await transaction.run(undoing.undo, user_id, request.derivation_id, self._clock_ms())
        return wire.UndoDerivationResponse(workouts=shown)

    async def DeleteDerivation(
        self, request: wire.DeleteDerivationRequest, context: _Context
    ) -> wire.DeleteDerivationResponse:
        """Delete a derivation with all that belongs to it."""
        user_id = current_call().principal.user_id
        async with self._database.write() as transaction:
            deleted = await transaction.run(
                undoing.delete_derivation, user_id, request.derivation_id, self._clock_ms()
            )
        return wire.DeleteDerivationResponse(deleted_workouts=deleted)

    async def ListDerivations(
        self, request: wire.ListDerivationsRequest, context: _Context
    ) -> wire.ListDerivationsResponse:
        """A page of the caller's derivations."""
        user_id = current_call().principal.user_id
        scope = ("derivations", user_id, request.workout_id)
        before = page_tokens.read(request.page_token, *scope)
        size = request.page_size or DEFAULT_PAGE
        async with self._database.read() as view:
            found = await view.run(
                derivation_store.page, user_id, request.workout_id, before[0] if before else None, size + 1
            )
        response = wire.ListDerivationsResponse(
            derivations=[deriving.derivation_message(each) for each in found[:size]]
        )
        if len(found) > size:
            response.next_page_token = page_tokens.write((found[size - 1].row.derivation_pk, 0), *scope)
        return response
