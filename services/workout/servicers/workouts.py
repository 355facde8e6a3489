"""WorkoutService: history, editing, deletion, streams."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import grpc

from pulsemesh.policy.v1.policy_pb2 import Purpose
from pulsemesh.workout.v1 import workout_service_pb2 as wire
from pulsemesh.workout.v1 import workout_service_pb2_grpc as stubs
from services.chassis import page_tokens
from services.chassis.call import current_call
from services.chassis.consent import ConsentGate
from services.chassis.database import Database
from services.chassis.errors import InvalidField
from services.workout import editing, reading, zooming
from services.workout.consents import channels as consents
from services.workout.consents.channels import guarded_by
from services.workout.consents.hiding import hide_in_workout
from services.workout.errors import WorkoutNotFound
from services.workout.messages import listed_workout_message, workout_message
from services.workout.store import workouts

DEFAULT_PAGE = 25

_Context = grpc.aio.ServicerContext[object, object]


class WorkoutServicer(stubs.WorkoutServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, database: Database, clock_ms: Callable[[], int], consent: ConsentGate) -> None:
        self._database = database
        self._clock_ms = clock_ms
        self._consent = consent

    async def GetWorkout(self, request: wire.GetWorkoutRequest, context: _Context) -> wire.GetWorkoutResponse:
        """One workout, whole."""
        async with self._database.read() as view:
            row = await view.run(workouts.find, current_call().principal.user_id, request.workout_id)
        if row is None:
            raise WorkoutNotFound(request.workout_id)
        return wire.GetWorkoutResponse(workout=hide_in_workout(workout_message(row), await self._refused()))

    async def ListWorkouts(
        self, request: wire.ListWorkoutsRequest, context: _Context
    ) -> wire.ListWorkoutsResponse:
        """A page of the caller's workouts."""
        if "\0" in request.filter.title_contains:
            raise InvalidField("filter.title_contains", "must not hold a NUL character")
        user_id = current_call().principal.user_id
        scope = ("workouts", user_id, request.filter.SerializeToString(deterministic=True))
        before = page_tokens.read(request.page_token, *scope)
        size = request.page_size or DEFAULT_PAGE
        async with self._database.read() as view:
            rows = await view.run(workouts.page, user_id, request.filter, before, size + 1)
        refused = await self._refused()
        response = wire.ListWorkoutsResponse(
            workouts=[hide_in_workout(listed_workout_message(row), refused) for row in rows[:size]]
        )
        if len(rows) > size:
            last = rows[size - 1]
            response.next_page_token = page_tokens.write((last.start_ms, last.workout_pk), *scope)
        return response

    async def UpdateWorkout(
        self, request: wire.UpdateWorkoutRequest, context: _Context
    ) -> wire.UpdateWorkoutResponse:
        """Change what the mask names."""
        user_id = current_call().principal.user_id
        refused = await self._refused()
        async with self._database.write() as transaction:
            response = await transaction.run(editing.update, user_id, request, self._clock_ms())
        hide_in_workout(response.workout, refused)
        return response

    async def DeleteWorkout(
        self, request: wire.DeleteWorkoutRequest, context: _Context
    ) -> wire.DeleteWorkoutResponse:
        """Delete a workout and everything that belongs to it."""
        user_id = current_call().principal.user_id
        async with self._database.write() as transaction:
            deleted = await transaction.run(editing.delete, user_id, request.workout_id, self._clock_ms())
        return wire.DeleteWorkoutResponse(deleted=deleted)

    async def ReadStreams(
        self, request: wire.ReadStreamsRequest, context: _Context
    ) -> AsyncIterator[wire.ReadStreamsResponse]:
        """The samples, segment by segment; decoding happens in a worker thread."""
        user_id = current_call().principal.user_id
        await consents.require(self._consent, user_id, request.channels)
        wanted = reading.selection(request, without=guarded_by(await self._refused()))
        short = await zooming.segments(self._database, user_id, request.workout_id, wanted)
        if short is not None:
            for segment in short:
                yield wire.ReadStreamsResponse(segment=segment)
            return
        async with self._database.read() as view:
            sources = await view.run(
                workouts.stream, user_id, request.workout_id, wanted.start_ms, wanted.end_ms
            )
        if sources is None:
            raise WorkoutNotFound(request.workout_id)
        segments = reading.segments(sources, wanted)
        while (following := await asyncio.to_thread(next, segments, None)) is not None:
            yield wire.ReadStreamsResponse(segment=following)

    async def _refused(self) -> frozenset[Purpose.ValueType]:
        """What the caller does not allow to be shown."""
        return await self._consent.refused(current_call().principal.user_id, consents.PURPOSES)
