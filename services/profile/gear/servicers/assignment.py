"""GearAssignmentService: what workouts were done with."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

from collections.abc import Callable

import grpc

from pulsemesh.profile.v1 import gear_assignment_service_pb2 as wire
from pulsemesh.profile.v1 import gear_assignment_service_pb2_grpc as stubs
from pulsemesh.workout.v1.workout_state_service_pb2_grpc import WorkoutStateServiceStub
from services.chassis.call import current_call
from services.chassis.database import Database
from services.chassis.errors import Unavailable
from services.profile.gear import choosing, listing, recomputing

_Context = grpc.aio.ServicerContext[object, object]


class GearAssignmentServicer(stubs.GearAssignmentServiceServicer):
    """See the contract for what each method promises."""

    def __init__(
        self, database: Database, workouts: Callable[[], grpc.aio.Channel], clock_ms: Callable[[], int]
    ) -> None:
        """`workouts` gives the channel to the workout service, when it is needed."""
        self._database = database
        self._workouts = workouts
        self._clock_ms = clock_ms

    async def SetWorkoutGear(
        self, request: wire.SetWorkoutGearRequest, context: _Context
    ) -> wire.SetWorkoutGearResponse:
        """Say what a workout was done with."""
        async with self._database.write() as transaction:
            gear = await transaction.run(choosing.set_workout_gear, _caller(), request, self._clock_ms())
        return wire.SetWorkoutGearResponse(gear=gear)

    async def GetWorkoutGear(
        self, request: wire.GetWorkoutGearRequest, context: _Context
    ) -> wire.GetWorkoutGearResponse:
        """What a workout was done with."""
        async with self._database.read() as view:
            gear, explicit = await view.run(choosing.workout_gear, _caller(), request.workout_id)
        return wire.GetWorkoutGearResponse(gear=gear, explicit=explicit)

    async def ListGearWorkouts(
        self, request: wire.ListGearWorkoutsRequest, context: _Context
    ) -> wire.ListGearWorkoutsResponse:
        """A page of workouts."""
        async with self._database.read() as view:
            return await view.run(listing.workouts_of_gear, _caller(), request)

    async def SetGearRule(
        self, request: wire.SetGearRuleRequest, context: _Context
    ) -> wire.SetGearRuleResponse:
        """Change a rule."""
        async with self._database.write() as transaction:
            done = await transaction.run(choosing.set_rule, _caller(), request, self._clock_ms())
        return wire.SetGearRuleResponse(workouts=done.changed)

    async def ListGearRules(
        self, request: wire.ListGearRulesRequest, context: _Context
    ) -> wire.ListGearRulesResponse:
        """The rules in force."""
        async with self._database.read() as view:
            rules = await view.run(choosing.rules_in_force, _caller(), self._clock_ms())
        return wire.ListGearRulesResponse(rules=rules)

    async def ListSeen(self, request: wire.ListSeenRequest, context: _Context) -> wire.ListSeenResponse:
        """Sensors and names."""
        async with self._database.read() as view:
            return await view.run(choosing.seen, _caller(), self._clock_ms())

    async def RecomputeGear(
        self, request: wire.RecomputeGearRequest, context: _Context
    ) -> wire.RecomputeGearResponse:
        """Count everything again."""
        try:
            return await recomputing.recompute(
                self._database,
                WorkoutStateServiceStub(self._workouts()),
                _caller(),
                self._clock_ms,
                dry_run=request.dry_run,
            )
        except grpc.aio.AioRpcError as error:
            if error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
                raise Unavailable(1.0, "the workout service cannot be asked now") from error
            raise


def _caller() -> str:
    return current_call().principal.user_id
