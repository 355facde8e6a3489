"""Segments, and the efforts on them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

from google.protobuf import field_mask_pb2

from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.parts.paging import pages
from pulsemesh.parts.times import Sport, as_sport, milliseconds
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import segment_pb2, segment_service_pb2_grpc
from pulsemesh.workout.v1 import segment_service_pb2 as wire

__all__ = ["Segments"]


class Segments:
    """The segments of the person who is signed in."""

    def __init__(self, channel: PolicyChannel) -> None:
        self._stub = segment_service_pb2_grpc.SegmentServiceStub(channel.for_stub())

    async def create(
        self,
        workout_id: str,
        name: str,
        *,
        metres: tuple[float, float] | None = None,
        seconds: tuple[float, float] | None = None,
        times: tuple[datetime | int, datetime | int] | None = None,
        sport: Sport | None = None,
        request_id: str = "",
    ) -> segment_pb2.Segment:
        """Make a segment from a stretch of a workout, and have old workouts searched for it.

        The stretch by exactly one of: `metres` along the workout, `seconds` after its
        beginning, `times`. A call that is sent again makes no second segment.
        """
        if sum(each is not None for each in (metres, seconds, times)) != 1:
            raise ValueError("give the stretch by metres, by seconds or by times")
        stretch = wire.Stretch()
        if metres is not None:
            stretch.distances.start_m, stretch.distances.end_m = metres
        elif seconds is not None:
            stretch.elapsed.start_s, stretch.elapsed.end_s = seconds
        elif times is not None:
            stretch.times.start_time_ms = milliseconds(times[0])
            stretch.times.end_time_ms = milliseconds(times[1])
        request = wire.CreateSegmentRequest(
            workout_id=workout_id, stretch=stretch, name=name, request_id=request_id or new_ulid()
        )
        if sport is not None:
            request.sport = as_sport(sport)
        return (await self._stub.CreateSegment(request)).segment

    async def get(self, segment_id: str) -> segment_pb2.Segment:
        """Return one segment with its course. Raises `NotFound`."""
        return (await self._stub.GetSegment(wire.GetSegmentRequest(segment_id=segment_id))).segment

    async def list(
        self, *, sport: Sport | None = None, limit: int | None = None, page_size: int = 0
    ) -> AsyncGenerator[segment_pb2.Segment, None]:
        """Give the segments without their courses, the latest made first."""

        async def fetch(token: str) -> tuple[Sequence[segment_pb2.Segment], str]:
            request = wire.ListSegmentsRequest(page_size=page_size, page_token=token)
            if sport is not None:
                request.sport = as_sport(sport)
            page = await self._stub.ListSegments(request)
            return page.segments, page.next_page_token

        async for segment in pages(fetch, limit):
            yield segment

    async def update(
        self, segment_id: str, *, name: str | None = None, sport: Sport | None = None, etag: str = ""
    ) -> segment_pb2.Segment:
        """Change what is given; another sport has all workouts searched again.

        Raises `ValueError` where nothing is to change.
        """
        change = wire.SegmentChange(name=name or "")
        if sport is not None:
            change.sport = as_sport(sport)
        paths = [path for path, value in (("name", name), ("sport", sport)) if value is not None]
        if not paths:
            raise ValueError("nothing to change: give a name or a sport")
        request = wire.UpdateSegmentRequest(
            segment_id=segment_id,
            change=change,
            update_mask=field_mask_pb2.FieldMask(paths=paths),
            etag=etag,
        )
        return (await self._stub.UpdateSegment(request)).segment

    async def delete(self, segment_id: str) -> bool:
        """Delete a segment with its efforts; False where there was nothing left to delete."""
        return (await self._stub.DeleteSegment(wire.DeleteSegmentRequest(segment_id=segment_id))).deleted

    async def efforts(
        self, segment_id: str, *, latest: bool = False, limit: int | None = None, page_size: int = 0
    ) -> AsyncGenerator[segment_pb2.SegmentEffort, None]:
        """Give one's efforts on a segment, the fastest first, or the latest."""
        order = wire.EFFORT_ORDER_LATEST if latest else wire.EFFORT_ORDER_FASTEST

        async def fetch(token: str) -> tuple[Sequence[segment_pb2.SegmentEffort], str]:
            request = wire.ListSegmentEffortsRequest(
                segment_id=segment_id, order=order, page_size=page_size, page_token=token
            )
            page = await self._stub.ListSegmentEfforts(request)
            return page.efforts, page.next_page_token

        async for effort in pages(fetch, limit):
            yield effort

    async def of_workout(self, workout_id: str) -> Sequence[segment_pb2.SegmentEffort]:
        """Return the efforts of one workout on all segments, in the order of time."""
        request = wire.ListWorkoutEffortsRequest(workout_id=workout_id)
        return (await self._stub.ListWorkoutEfforts(request)).efforts
