"""Finished workouts: history, editing, deletion, streams."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

from google.protobuf import field_mask_pb2

from pulsemesh import samples
from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.errors import PulsemeshError
from pulsemesh.parts.paging import pages
from pulsemesh.parts.times import Sport, SubSport, as_sport, as_sub_sport, as_timestamp, milliseconds
from pulsemesh.streams import Streams, join_segments
from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import workout_pb2, workout_service_pb2, workout_service_pb2_grpc

__all__ = ["Channel", "Workouts", "channel_number"]

Channel: TypeAlias = channel_pb2.Channel.ValueType | str

_READ_STREAMS = "/pulsemesh.workout.v1.WorkoutService/ReadStreams"
DOWNSAMPLING = {
    "": workout_pb2.DOWNSAMPLING_UNSPECIFIED,
    "min_max": workout_pb2.DOWNSAMPLING_MIN_MAX,
    "lttb": workout_pb2.DOWNSAMPLING_LTTB,
    "mean": workout_pb2.DOWNSAMPLING_MEAN,
}


class Workouts:
    """The workouts of the person who is signed in."""

    def __init__(self, channel: PolicyChannel) -> None:
        self._channel = channel
        self._stub = workout_service_pb2_grpc.WorkoutServiceStub(channel.for_stub())

    async def get(self, workout_id: str) -> workout_pb2.Workout:
        """Return one workout. Raises `NotFound`."""
        request = workout_service_pb2.GetWorkoutRequest(workout_id=workout_id)
        return (await self._stub.GetWorkout(request)).workout

    async def list(
        self,
        *,
        sports: Sequence[Sport] = (),
        started_after: datetime | None = None,
        started_before: datetime | None = None,
        minimum_distance_m: float | None = None,
        maximum_distance_m: float | None = None,
        minimum_elapsed_s: float | None = None,
        maximum_elapsed_s: float | None = None,
        title_contains: str = "",
        limit: int | None = None,
        page_size: int = 0,
    ) -> AsyncGenerator[workout_pb2.Workout, None]:
        """Give the workouts that match, the latest start first, fetching page after page as needed.

        Sports by number or by name; `limit` is how many at most, None for all. The workouts
        come without sessions, laps and lengths; `get` has them.
        """
        chosen = workout_service_pb2.WorkoutFilter(
            sports=[as_sport(sport) for sport in sports],
            started_after=as_timestamp(started_after),
            started_before=as_timestamp(started_before),
            minimum_distance_m=minimum_distance_m,
            maximum_distance_m=maximum_distance_m,
            minimum_elapsed_s=minimum_elapsed_s,
            maximum_elapsed_s=maximum_elapsed_s,
            title_contains=title_contains,
        )

        async def fetch(token: str) -> tuple[Sequence[workout_pb2.Workout], str]:
            request = workout_service_pb2.ListWorkoutsRequest(
                page_size=page_size, page_token=token, filter=chosen
            )
            page = await self._stub.ListWorkouts(request)
            return page.workouts, page.next_page_token

        async for workout in pages(fetch, limit):
            yield workout

    async def update(
        self,
        workout_id: str,
        *,
        title: str | None = None,
        notes: str | None = None,
        sport: Sport | None = None,
        sub_sport: SubSport | None = None,
        etag: str = "",
        request_id: str = "",
    ) -> workout_pb2.Workout:
        """Change what is given and return the workout as it is then.

        `etag` is that of the workout that was edited: `EtagMismatch` where it changed
        meanwhile; empty overwrites. Raises `ValueError` where nothing is to change.
        """
        workout = workout_pb2.Workout(workout_id=workout_id, title=title or "", notes=notes or "")
        if sport is not None:
            workout.sport = as_sport(sport)
        if sub_sport is not None:
            workout.sub_sport = as_sub_sport(sub_sport)
        given = {"title": title, "notes": notes, "sport": sport, "sub_sport": sub_sport}
        paths = [name for name, value in given.items() if value is not None]
        if not paths:
            raise ValueError("nothing to change: give a title, notes, a sport or a sub_sport")
        request = workout_service_pb2.UpdateWorkoutRequest(
            workout=workout,
            update_mask=field_mask_pb2.FieldMask(paths=paths),
            etag=etag,
            request_id=request_id,
        )
        return (await self._stub.UpdateWorkout(request)).workout

    async def delete(self, workout_id: str) -> bool:
        """Delete a workout with all that belongs to it, the original file included.

        False where there was nothing left to delete.
        """
        request = workout_service_pb2.DeleteWorkoutRequest(workout_id=workout_id)
        return (await self._stub.DeleteWorkout(request)).deleted

    async def streams(
        self,
        workout_id: str,
        *,
        channels: Iterable[Channel] = (),
        start: datetime | int = 0,
        end: datetime | int = 0,
        aligned: bool = False,
        max_samples: int = 0,
        downsampling: str = "",
    ) -> Streams:
        """Return the samples of a workout, whole, in the units of their channels.

        `channels` by number or name, none for all. `start` and `end` (exclusive) cut a stretch
        out. `aligned` puts all sources on one axis of one sample a second. `max_samples` makes
        long streams short by `downsampling`: `min_max`, `lttb` or `mean`.
        """
        request = workout_service_pb2.ReadStreamsRequest(
            workout_id=workout_id,
            channels=[channel_number(channel) for channel in channels],
            start_time_ms=milliseconds(start),
            end_time_ms=milliseconds(end),
            aligned=aligned,
            max_samples=max_samples,
            downsampling=DOWNSAMPLING[downsampling],
        )
        return join_segments(await self._segments(request))

    async def _segments(
        self, request: workout_service_pb2.ReadStreamsRequest
    ) -> Sequence[workout_pb2.StreamSegment]:
        """Return all segments; a stream that breaks half way is read again from the start."""
        attempts = self._channel.attempts(_READ_STREAMS)
        while True:
            segments: list[workout_pb2.StreamSegment] = []
            try:
                async for response in self._stub.ReadStreams(request, timeout=attempts.remaining_s()):
                    segments.append(response.segment)
            except PulsemeshError as error:
                if not segments:
                    raise  # the channel has tried all that is worth trying
                await attempts.recover(error, opening=False)
            else:
                return segments


def channel_number(channel: Channel) -> channel_pb2.Channel.ValueType:
    """Return a channel by number, or by name: `heart_rate`. Raises `ValueError` for an unknown name."""
    if not isinstance(channel, str):
        return channel
    spec = samples.CHANNEL_BY_NAME.get(channel)
    if spec is None:
        raise ValueError(f"{channel}: no such channel; there are {', '.join(samples.CHANNEL_BY_NAME)}")
    return channel_pb2.Channel.ValueType(spec.channel)
