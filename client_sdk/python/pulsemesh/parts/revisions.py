"""Changing what was recorded, reversibly."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.parts.paging import pages
from pulsemesh.parts.times import milliseconds
from pulsemesh.revisions import Channel, Operation, as_channel
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import (
    revision_pb2,
    revision_service_pb2,
    revision_service_pb2_grpc,
    workout_pb2,
)

__all__ = ["Revisions"]


class Revisions:
    """Corrections of workouts, and workouts made of workouts. What was recorded is always kept."""

    def __init__(self, channel: PolicyChannel) -> None:
        self._stub = revision_service_pb2_grpc.RevisionServiceStub(channel.for_stub())

    async def get(self, workout_id: str) -> revision_pb2.RevisedWorkout:
        """Return how a workout differs from what was recorded. Raises `NotFound`."""
        request = revision_service_pb2.GetRevisionRequest(workout_id=workout_id)
        return (await self._stub.GetRevision(request)).revised

    async def revise(
        self,
        workout_id: str,
        *operations: Operation,
        append: bool = True,
        preview: bool = False,
        etag: str = "",
        request_id: str = "",
    ) -> revision_service_pb2.ReviseWorkoutResponse:
        """Correct a workout by operations from `pulsemesh.revisions`; return it with what each did.

        They come after those that it has, or, without `append`, in their place. `preview` only
        says what would be. `etag` is that of the workout that was looked at: `EtagMismatch` where
        it changed meanwhile.
        """
        request = revision_service_pb2.ReviseWorkoutRequest(
            workout_id=workout_id,
            revision=revision_pb2.Revision(operations=operations),
            append=append,
            preview=preview,
            etag=etag,
            request_id=request_id or new_ulid(),
        )
        return await self._stub.ReviseWorkout(request)

    async def revert(self, workout_id: str, *, etag: str = "") -> workout_pb2.Workout:
        """Give back what was recorded, exactly, and return the workout."""
        request = revision_service_pb2.RevertRevisionRequest(workout_id=workout_id, etag=etag)
        return (await self._stub.RevertRevision(request)).workout

    async def split(
        self, workout_id: str, times: Iterable[datetime | int], *, etag: str = "", request_id: str = ""
    ) -> revision_service_pb2.SplitWorkoutResponse:
        """Make several workouts of one, which is hidden; each of `times` begins another part."""
        request = revision_service_pb2.SplitWorkoutRequest(
            workout_id=workout_id,
            times_ms=[milliseconds(moment) for moment in times],
            etag=etag,
            request_id=request_id or new_ulid(),
        )
        return await self._stub.SplitWorkout(request)

    async def merge(
        self,
        workout_ids: Sequence[str],
        *,
        leads: Mapping[Channel, str] | None = None,
        clock_offsets: Mapping[str, timedelta] | None = None,
        align_clocks: bool = False,
        preview: bool = False,
        request_id: str = "",
    ) -> revision_service_pb2.MergeWorkoutsResponse:
        """Make one workout of several, which are hidden; the first gives title and notes.

        `leads` says which workout tells a channel where several do. `clock_offsets` are added to
        the times of a workout; `align_clocks` looks for those that are not given.
        """
        request = revision_service_pb2.MergeWorkoutsRequest(
            workout_ids=workout_ids,
            leads=channel_leads(leads or {}),
            clock_offsets=clock_offset_messages(clock_offsets or {}),
            align_clocks=align_clocks,
            preview=preview,
            request_id=request_id or new_ulid(),
        )
        return await self._stub.MergeWorkouts(request)

    async def undo(self, derivation_id: str) -> Sequence[workout_pb2.Workout]:
        """Show the inputs of a derivation again and delete what was made of them; return the inputs."""
        request = revision_service_pb2.UndoDerivationRequest(derivation_id=derivation_id)
        return (await self._stub.UndoDerivation(request)).workouts

    async def delete_derivation(self, derivation_id: str) -> int:
        """Delete a derivation with inputs, outputs and what came of those; return how many workouts."""
        request = revision_service_pb2.DeleteDerivationRequest(derivation_id=derivation_id)
        return (await self._stub.DeleteDerivation(request)).deleted_workouts

    async def derivations(
        self, workout_id: str = "", *, limit: int | None = None
    ) -> AsyncGenerator[revision_pb2.Derivation, None]:
        """Give the derivations that a workout belongs to, or all, the newest first."""

        async def fetch(token: str) -> tuple[Sequence[revision_pb2.Derivation], str]:
            request = revision_service_pb2.ListDerivationsRequest(workout_id=workout_id, page_token=token)
            page = await self._stub.ListDerivations(request)
            return page.derivations, page.next_page_token

        async for derivation in pages(fetch, limit):
            yield derivation


def channel_leads(leads: Mapping[Channel, str]) -> list[revision_pb2.ChannelLead]:
    """Return which workout tells a channel as the contract has it."""
    return [
        revision_pb2.ChannelLead(channel=as_channel(channel), workout_id=workout_id)
        for channel, workout_id in leads.items()
    ]


def clock_offset_messages(offsets: Mapping[str, timedelta]) -> list[revision_pb2.ClockOffset]:
    """Return offsets of clocks as the contract has them."""
    return [
        revision_pb2.ClockOffset(workout_id=workout_id, offset_ms=round(offset / timedelta(milliseconds=1)))
        for workout_id, offset in offsets.items()
    ]
