"""Workouts beside each other: comparisons, routes, standings."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence

from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.parts.paging import pages
from pulsemesh.parts.workouts import Channel, channel_number
from pulsemesh.workout.v1 import comparison_service_pb2 as wire
from pulsemesh.workout.v1 import comparison_service_pb2_grpc

__all__ = ["Comparison"]

_ALIGNMENTS = {
    "": wire.ALIGNMENT_UNSPECIFIED,
    "time": wire.ALIGNMENT_TIME,
    "distance": wire.ALIGNMENT_DISTANCE,
    "route": wire.ALIGNMENT_ROUTE,
}


class Comparison:
    """Comparisons of the workouts of the person who is signed in."""

    def __init__(self, channel: PolicyChannel) -> None:
        self._stub = comparison_service_pb2_grpc.ComparisonServiceStub(channel.for_stub())

    async def compare(
        self,
        workout_ids: Sequence[str],
        *,
        align: str = "",
        channels: Iterable[Channel] = (),
        max_samples: int = 0,
    ) -> wire.CompareWorkoutsResponse:
        """Return two to ten workouts on one axis, and what changed against the first.

        `align` is `time`, `distance` or `route`; empty lets the platform choose. Channels by
        number or name; none for the usual ones.
        """
        if align not in _ALIGNMENTS:
            raise ValueError(f"{align}: workouts are aligned by time, distance or route")
        request = wire.CompareWorkoutsRequest(
            workout_ids=workout_ids,
            alignment=_ALIGNMENTS[align],
            channels=[channel_number(channel) for channel in channels],
            max_samples=max_samples,
        )
        return await self._stub.CompareWorkouts(request)

    async def matched(self, workout_id: str, *, page_size: int = 0) -> wire.ListMatchedWorkoutsResponse:
        """Return the route of a workout, its trend, and the latest workouts on it (one page)."""
        request = wire.ListMatchedWorkoutsRequest(workout_id=workout_id, page_size=page_size)
        return await self._stub.ListMatchedWorkouts(request)

    async def on_route(
        self, workout_id: str, *, limit: int | None = None, page_size: int = 0
    ) -> AsyncGenerator[wire.MatchedWorkout, None]:
        """Give the workouts on the same route, the latest first, fetching page after page as needed."""

        async def fetch(token: str) -> tuple[Sequence[wire.MatchedWorkout], str]:
            request = wire.ListMatchedWorkoutsRequest(
                workout_id=workout_id, page_size=page_size, page_token=token
            )
            page = await self._stub.ListMatchedWorkouts(request)
            return page.workouts, page.next_page_token

        async for workout in pages(fetch, limit):
            yield workout

    async def route_standing(self, workout_id: str, *, group: Iterable[str] = ()) -> wire.GetStandingResponse:
        """Return where the workout's time on its whole route stands."""
        return await self._standing(workout_id, wire.Effort(route=wire.Effort.Route()), group)

    async def segment_standing(
        self, workout_id: str, segment_id: str, *, ordinal: int = 0, group: Iterable[str] = ()
    ) -> wire.GetStandingResponse:
        """Return where the workout's fastest effort on a segment (or that of `ordinal`) stands."""
        effort = wire.Effort.OnSegment(segment_id=segment_id, ordinal=ordinal)
        return await self._standing(workout_id, wire.Effort(segment=effort), group)

    async def mean_maximal_standing(
        self, workout_id: str, channel: Channel, duration_s: int, *, group: Iterable[str] = ()
    ) -> wire.GetStandingResponse:
        """Return where the workout's best mean of a channel over a duration stands."""
        effort = wire.Effort.MeanMaximal(channel=channel_number(channel), duration_s=duration_s)
        return await self._standing(workout_id, wire.Effort(mean_maximal=effort), group)

    async def distance_standing(
        self, workout_id: str, distance_m: float, *, group: Iterable[str] = ()
    ) -> wire.GetStandingResponse:
        """Return where the workout's best time for a distance stands."""
        effort = wire.Effort.BestDistance(distance_m=distance_m)
        return await self._standing(workout_id, wire.Effort(best_distance=effort), group)

    async def _standing(
        self, workout_id: str, effort: wire.Effort, group: Iterable[str]
    ) -> wire.GetStandingResponse:
        request = wire.GetStandingRequest(workout_id=workout_id, effort=effort, group_workout_ids=list(group))
        return await self._stub.GetStanding(request)
