"""SharedWorkoutService: RPC in, use case, RPC out."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable

import grpc

from pulsemesh.workout.v1 import export_service_pb2, workout_service_pb2
from pulsemesh.workout.v1 import shared_workout_service_pb2 as wire
from pulsemesh.workout.v1 import shared_workout_service_pb2_grpc as stubs
from services.chassis.call import current_call
from services.chassis.database import Database
from services.chassis.live import LiveChannel
from services.workout import reading
from services.workout.exporting.renditions import pieces
from services.workout.exporting.single import CHUNK_BYTES
from services.workout.shared import choosing
from services.workout.shared.exporting import MEDIA_TYPE, gpx_of
from services.workout.shared.listing import Listing
from services.workout.shared.looking import Looking
from services.workout.shared.sight import Names, Sights
from services.workout.shared.watching import SharedWatching
from services.workout.watching import Watching

DEFAULT_PAGE = 20

_Context = grpc.aio.ServicerContext[object, object]


class SharedWorkoutServicer(stubs.SharedWorkoutServiceServicer):
    """See the contract for what each method promises."""

    def __init__(
        self, database: Database, live: LiveChannel, sights: Sights, clock_ms: Callable[[], int]
    ) -> None:
        self._database = database
        self._names = Names(database)
        self._looking = Looking(database, sights, self._names)
        self._listing = Listing(self._looking)
        self._watching = SharedWatching(self._looking, Watching(database, live, clock_ms), clock_ms)

    async def GetSharedWorkout(
        self, request: wire.GetSharedWorkoutRequest, context: _Context
    ) -> wire.GetSharedWorkoutResponse:
        """One workout."""
        return wire.GetSharedWorkoutResponse(
            workout=await self._looking.workout(_viewer(), request.user_id, request.shared_id)
        )

    async def ListSharedWorkouts(
        self, request: wire.ListSharedWorkoutsRequest, context: _Context
    ) -> wire.ListSharedWorkoutsResponse:
        """A page of a person's workouts."""
        size = request.page_size or DEFAULT_PAGE
        workouts, token = await self._listing.page(_viewer(), request.user_id, request.page_token, size)
        return wire.ListSharedWorkoutsResponse(workouts=workouts, next_page_token=token)

    async def ReadSharedStreams(
        self, request: wire.ReadSharedStreamsRequest, context: _Context
    ) -> AsyncIterator[wire.ReadSharedStreamsResponse]:
        """The samples, segment by segment."""
        wanted = reading.selection(
            workout_service_pb2.ReadStreamsRequest(
                channels=request.channels,
                max_samples=request.max_samples,
                downsampling=request.downsampling,
            )
        )
        async for segment in self._looking.segments(_viewer(), request.user_id, request.shared_id, wanted):
            yield wire.ReadSharedStreamsResponse(segment=segment)

    async def GetSharedAnalysis(
        self, request: wire.GetSharedAnalysisRequest, context: _Context
    ) -> wire.GetSharedAnalysisResponse:
        """The analysis of what is seen."""
        return wire.GetSharedAnalysisResponse(
            analysis=await self._looking.analysis(_viewer(), request.user_id, request.shared_id)
        )

    async def ExportSharedWorkout(
        self, request: wire.ExportSharedWorkoutRequest, context: _Context
    ) -> AsyncIterator[wire.ExportSharedWorkoutResponse]:
        """A GPX file of what is seen."""
        whose = (_viewer(), request.user_id, request.shared_id)
        workout = await self._looking.workout(*whose)
        samples = await self._looking.samples(*whose)
        content = await asyncio.to_thread(gpx_of, workout, samples)
        yield wire.ExportSharedWorkoutResponse(
            header=export_service_pb2.ExportHeader(
                file_name=f"{request.shared_id}.gpx", media_type=MEDIA_TYPE, size_bytes=len(content)
            )
        )
        for piece in pieces(content, CHUNK_BYTES):
            yield wire.ExportSharedWorkoutResponse(chunk=piece)
        digest = hashlib.sha256(content).hexdigest()
        yield wire.ExportSharedWorkoutResponse(
            trailer=export_service_pb2.ExportTrailer(size_bytes=len(content), sha256=digest)
        )

    async def ListSharedRecordings(
        self, request: wire.ListSharedRecordingsRequest, context: _Context
    ) -> wire.ListSharedRecordingsResponse:
        """What can be watched now."""
        return wire.ListSharedRecordingsResponse(
            recordings=await self._watching.recordings(_viewer(), request.user_id)
        )

    async def WatchSharedRecording(
        self, request: wire.WatchSharedRecordingRequest, context: _Context
    ) -> AsyncIterator[wire.WatchSharedRecordingResponse]:
        """What is seen of a recording, until it is over."""
        async for message in self._watching.follow(
            _viewer(), request.user_id, request.shared_id, current_call().draining
        ):
            yield message

    async def GetWorkoutPrivacy(
        self, request: wire.GetWorkoutPrivacyRequest, context: _Context
    ) -> wire.GetWorkoutPrivacyResponse:
        """What the caller chose for one of their workouts."""
        async with self._database.read() as view:
            workout_pk, privacy = await view.run(choosing.get, _viewer(), request.workout_id)
        shared_id = (await self._names.workouts()).write(workout_pk)
        return wire.GetWorkoutPrivacyResponse(privacy=privacy, shared_id=shared_id)

    async def SetWorkoutPrivacy(
        self, request: wire.SetWorkoutPrivacyRequest, context: _Context
    ) -> wire.SetWorkoutPrivacyResponse:
        """Choose for one workout."""
        async with self._database.write() as transaction:
            workout_pk = await transaction.run(
                choosing.choose, _viewer(), request.workout_id, request.privacy
            )
        shared_id = (await self._names.workouts()).write(workout_pk)
        return wire.SetWorkoutPrivacyResponse(privacy=request.privacy, shared_id=shared_id)


def _viewer() -> str:
    return current_call().principal.user_id
