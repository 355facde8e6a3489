"""Workouts that may be one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import timedelta

from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.parts.paging import pages
from pulsemesh.parts.revisions import channel_leads, clock_offset_messages
from pulsemesh.revisions import Channel
from pulsemesh.workout.v1 import duplicate_service_pb2, duplicate_service_pb2_grpc, workout_pb2

__all__ = ["Duplicates"]


class Duplicates:
    """Pairs of workouts that tell of one effort; nothing is hidden without a choice."""

    def __init__(self, channel: PolicyChannel) -> None:
        self._stub = duplicate_service_pb2_grpc.DuplicateServiceStub(channel.for_stub())

    async def list(
        self, *, states: Sequence[str] = (), limit: int | None = None
    ) -> AsyncGenerator[duplicate_service_pb2.Duplicate, None]:
        """Give the pairs, the newest find first.

        `states` are `open` (which none given means), `kept_both`, `kept_one`, `merged`.
        """
        chosen = [
            duplicate_service_pb2.DuplicateState.Value(f"DUPLICATE_STATE_{state.upper()}") for state in states
        ]

        async def fetch(token: str) -> tuple[Sequence[duplicate_service_pb2.Duplicate], str]:
            request = duplicate_service_pb2.ListDuplicatesRequest(states=chosen, page_token=token)
            page = await self._stub.ListDuplicates(request)
            return page.duplicates, page.next_page_token

        async for duplicate in pages(fetch, limit):
            yield duplicate

    async def keep_both(self, duplicate_id: str) -> duplicate_service_pb2.Duplicate:
        """Keep both, and do not ask again."""
        request = duplicate_service_pb2.ResolveDuplicateRequest(
            duplicate_id=duplicate_id, keep_both=duplicate_service_pb2.KeepBoth()
        )
        return (await self._stub.ResolveDuplicate(request)).duplicate

    async def keep_one(self, duplicate_id: str, workout_id: str) -> duplicate_service_pb2.Duplicate:
        """Keep `workout_id`; the other is hidden."""
        request = duplicate_service_pb2.ResolveDuplicateRequest(
            duplicate_id=duplicate_id, keep_one=duplicate_service_pb2.KeepOne(workout_id=workout_id)
        )
        return (await self._stub.ResolveDuplicate(request)).duplicate

    async def merge(
        self,
        duplicate_id: str,
        *,
        leading_workout_id: str = "",
        leads: Mapping[Channel, str] | None = None,
        clock_offsets: Mapping[str, timedelta] | None = None,
        align_clocks: bool = True,
    ) -> workout_pb2.Workout:
        """Make one of both, as `client.revisions.merge` does, and return it."""
        request = duplicate_service_pb2.ResolveDuplicateRequest(
            duplicate_id=duplicate_id,
            merge=duplicate_service_pb2.MergeBoth(
                leading_workout_id=leading_workout_id,
                leads=channel_leads(leads or {}),
                clock_offsets=clock_offset_messages(clock_offsets or {}),
                align_clocks=align_clocks,
            ),
        )
        return (await self._stub.ResolveDuplicate(request)).workout

    async def reopen(self, duplicate_id: str) -> duplicate_service_pb2.Duplicate:
        """Take a choice back: both workouts are as they were, and the pair is open again."""
        request = duplicate_service_pb2.ReopenDuplicateRequest(duplicate_id=duplicate_id)
        return (await self._stub.ReopenDuplicate(request)).duplicate
