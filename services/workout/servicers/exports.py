"""ExportService: workouts as files, to be taken elsewhere."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

import grpc

from pulsemesh.workout.v1 import export_service_pb2 as wire
from pulsemesh.workout.v1 import export_service_pb2_grpc as stubs
from services.chassis.call import current_call
from services.chassis.database import Database
from services.workout.exporting import export_archive, export_workout

_Context = grpc.aio.ServicerContext[object, object]


class ExportServicer(stubs.ExportServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms

    async def ExportWorkout(
        self, request: wire.ExportWorkoutRequest, context: _Context
    ) -> AsyncIterator[wire.ExportWorkoutResponse]:
        """One workout in one format."""
        user_id = current_call().principal.user_id
        exported = export_workout(self._database, user_id, request.workout_id, request.format)
        async with aclosing(exported) as parts:
            async for part in parts:
                yield part

    async def ExportArchive(
        self, request: wire.ExportArchiveRequest, context: _Context
    ) -> AsyncIterator[wire.ExportArchiveResponse]:
        """Everything of the caller."""
        user_id = current_call().principal.user_id
        exported = export_archive(self._database, user_id, request, self._clock_ms())
        async with aclosing(exported) as parts:
            async for part in parts:
                yield part
