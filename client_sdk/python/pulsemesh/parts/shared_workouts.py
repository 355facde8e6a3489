"""Workouts of other people, as they show them; and which of one's own are shown to whom."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence

from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.parts.paging import pages
from pulsemesh.parts.profile import as_rules
from pulsemesh.parts.workouts import DOWNSAMPLING, Channel, channel_number
from pulsemesh.profile.v1 import privacy_pb2
from pulsemesh.streams import Streams, join_segments
from pulsemesh.workout.v1 import analysis_pb2
from pulsemesh.workout.v1 import shared_workout_service_pb2 as wire
from pulsemesh.workout.v1.shared_workout_service_pb2_grpc import SharedWorkoutServiceStub

__all__ = ["SharedWorkouts"]


class SharedWorkouts:
    """What others show. Workouts are named by their owner's user id and a shared id."""

    def __init__(self, channel: PolicyChannel) -> None:
        self._stub = SharedWorkoutServiceStub(channel.for_stub())

    async def get(self, user_id: str, shared_id: str) -> wire.SharedWorkout:
        """Return one workout. Raises `NotFound` for what one may not see, as for what there is not."""
        request = wire.GetSharedWorkoutRequest(user_id=user_id, shared_id=shared_id)
        return (await self._stub.GetSharedWorkout(request)).workout

    async def list(
        self, user_id: str, *, limit: int | None = None, page_size: int = 0
    ) -> AsyncGenerator[wire.SharedWorkout, None]:
        """Give what a person shows, the latest day first; within a day in no order."""

        async def fetch(token: str) -> tuple[Sequence[wire.SharedWorkout], str]:
            request = wire.ListSharedWorkoutsRequest(user_id=user_id, page_size=page_size, page_token=token)
            page = await self._stub.ListSharedWorkouts(request)
            return page.workouts, page.next_page_token

        async for workout in pages(fetch, limit):
            yield workout

    async def analysis(self, user_id: str, shared_id: str) -> analysis_pb2.Analysis:
        """Return the analysis of what is shown of a workout. Raises `NotFound`."""
        request = wire.GetSharedAnalysisRequest(user_id=user_id, shared_id=shared_id)
        return (await self._stub.GetSharedAnalysis(request)).analysis

    async def streams(
        self,
        user_id: str,
        shared_id: str,
        *,
        channels: Iterable[Channel] = (),
        max_samples: int = 0,
        downsampling: str = "",
    ) -> Streams:
        """Return the samples that are shown, on one axis of one sample a second. Raises `NotFound`."""
        request = wire.ReadSharedStreamsRequest(
            user_id=user_id,
            shared_id=shared_id,
            channels=[channel_number(channel) for channel in channels],
            max_samples=max_samples,
            downsampling=DOWNSAMPLING[downsampling],
        )
        return join_segments([part.segment async for part in self._stub.ReadSharedStreams(request)])

    async def gpx(self, user_id: str, shared_id: str) -> bytes:
        """Return the track that is shown, as a GPX file. Raises `NotFound`, and `FailedPrecondition` where
        no position is shown.
        """
        request = wire.ExportSharedWorkoutRequest(user_id=user_id, shared_id=shared_id)
        return b"".join([part.chunk async for part in self._stub.ExportSharedWorkout(request)])

    async def recordings(self, user_id: str) -> Sequence[wire.SharedRecording]:
        """Return the recordings of a person that can be watched now."""
        request = wire.ListSharedRecordingsRequest(user_id=user_id)
        return (await self._stub.ListSharedRecordings(request)).recordings

    async def watch(
        self, user_id: str, shared_id: str
    ) -> AsyncGenerator[wire.WatchSharedRecordingResponse, None]:
        """Give what is shown of a recording, until it is over. Raises `NotFound`."""
        request = wire.WatchSharedRecordingRequest(user_id=user_id, shared_id=shared_id)
        async for update in self._stub.WatchSharedRecording(request):
            yield update

    async def privacy_of(self, workout_id: str) -> tuple[str, privacy_pb2.WorkoutPrivacy]:
        """Return the shared id of one's own workout, and what was chosen for it alone."""
        response = await self._stub.GetWorkoutPrivacy(wire.GetWorkoutPrivacyRequest(workout_id=workout_id))
        return response.shared_id, response.privacy

    async def set_privacy_of(self, workout_id: str, audiences: Mapping[str, str]) -> str:
        """Choose for one workout alone, from `pulsemesh.parts.profile.ASPECTS` to `AUDIENCES`; nothing goes
        back to the settings. Return the shared id.
        """
        privacy = privacy_pb2.WorkoutPrivacy(rules=as_rules(audiences))
        request = wire.SetWorkoutPrivacyRequest(workout_id=workout_id, privacy=privacy)
        return (await self._stub.SetWorkoutPrivacy(request)).shared_id
