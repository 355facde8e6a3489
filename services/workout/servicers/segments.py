"""SegmentService: segments and the efforts on them."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import grpc
from sqlalchemy import Connection, Row

from pulsemesh.workout.v1 import segment_service_pb2 as wire
from pulsemesh.workout.v1 import segment_service_pb2_grpc as stubs
from services.chassis import page_tokens
from services.chassis.call import current_call
from services.chassis.database import Database
from services.workout.codec import concatenate, decode_chunk
from services.workout.errors import WorkoutNotFound
from services.workout.routes.positions import POSITIONS
from services.workout.segments import editing, store
from services.workout.segments.errors import SegmentNotFound
from services.workout.segments.making import ALTITUDE, MadeSegment, make_segment
from services.workout.segments.messages import effort_message, segment_message
from services.workout.store import workouts
from services.workout.store.workouts import StoredSource
from services.workout.streams import merge_sources

DEFAULT_PAGE = 50
MOST_EFFORTS = 1000

_Context = grpc.aio.ServicerContext[object, object]


class SegmentServicer(stubs.SegmentServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms

    async def CreateSegment(
        self, request: wire.CreateSegmentRequest, context: _Context
    ) -> wire.CreateSegmentResponse:
        """Make a segment; its course is computed in a worker thread."""
        user_id = current_call().principal.user_id
        digest = hashlib.sha256(request.SerializeToString(deterministic=True)).digest()
        async with self._database.read() as view:
            row = await view.run(editing.answered, user_id, request.request_id, digest)
            if row is None:
                workout = await view.run(workouts.find, user_id, request.workout_id)
                sources = await view.run(workouts.stream, user_id, request.workout_id, 0, None)
        if row is None:
            if workout is None or sources is None:
                raise WorkoutNotFound(request.workout_id)
            made = await asyncio.to_thread(_made, sources, workout.start_ms, request.stretch)
            sport = request.sport or workout.sport
            async with self._database.write() as transaction:
                row = await transaction.run(
                    editing.create,
                    user_id,
                    request,
                    made,
                    digest=digest,
                    sport=sport,
                    now_ms=self._clock_ms(),
                )
        return wire.CreateSegmentResponse(segment=await self._message(user_id, row))

    async def GetSegment(self, request: wire.GetSegmentRequest, context: _Context) -> wire.GetSegmentResponse:
        """One segment, with its course."""
        user_id = current_call().principal.user_id
        async with self._database.read() as view:
            row = await view.run(store.find, user_id, request.segment_id)
        if row is None:
            raise SegmentNotFound(request.segment_id)
        return wire.GetSegmentResponse(segment=await self._message(user_id, row))

    async def ListSegments(
        self, request: wire.ListSegmentsRequest, context: _Context
    ) -> wire.ListSegmentsResponse:
        """A page of the caller's segments."""
        user_id = current_call().principal.user_id
        scope = ("segments", user_id, str(request.sport))
        before = page_tokens.read(request.page_token, *scope)
        size = request.page_size or DEFAULT_PAGE
        async with self._database.read() as view:
            rows = await view.run(store.page, user_id, request.sport, before[0] if before else None, size + 1)
            shown = rows[:size]
            counts, best = await view.run(_own, user_id, shown)
        response = wire.ListSegmentsResponse(
            segments=[
                segment_message(
                    row, counts.get(row.segment_pk, 0), best.get(row.segment_pk), with_course=False
                )
                for row in shown
            ]
        )
        if len(rows) > size:
            response.next_page_token = page_tokens.write((shown[-1].segment_pk, 0), *scope)
        return response

    async def UpdateSegment(
        self, request: wire.UpdateSegmentRequest, context: _Context
    ) -> wire.UpdateSegmentResponse:
        """Change what the mask names."""
        user_id = current_call().principal.user_id
        async with self._database.write() as transaction:
            row = await transaction.run(editing.update, user_id, request, self._clock_ms())
        return wire.UpdateSegmentResponse(segment=await self._message(user_id, row))

    async def DeleteSegment(
        self, request: wire.DeleteSegmentRequest, context: _Context
    ) -> wire.DeleteSegmentResponse:
        """Delete a segment and its efforts."""
        user_id = current_call().principal.user_id
        async with self._database.write() as transaction:
            deleted = await transaction.run(editing.delete, user_id, request.segment_id)
        return wire.DeleteSegmentResponse(deleted=deleted)

    async def ListSegmentEfforts(
        self, request: wire.ListSegmentEffortsRequest, context: _Context
    ) -> wire.ListSegmentEffortsResponse:
        """A page of the caller's efforts on a segment. Its tokens count how many came before."""
        user_id = current_call().principal.user_id
        latest = request.order == wire.EFFORT_ORDER_LATEST
        scope = ("efforts", user_id, request.segment_id, str(latest))
        position = page_tokens.read(request.page_token, *scope)
        offset, size = position[0] if position else 0, request.page_size or DEFAULT_PAGE
        async with self._database.read() as view:
            segment = await view.run(store.find, user_id, request.segment_id)
            if segment is None:
                raise SegmentNotFound(request.segment_id)
            rows = await view.run(
                store.efforts_on, user_id, segment.segment_pk, latest=latest, offset=offset, limit=size + 1
            )
            counts = await view.run(store.count_efforts, user_id, [segment.segment_pk])
        response = wire.ListSegmentEffortsResponse(
            efforts=[effort_message(row) for row in rows[:size]], total=counts.get(segment.segment_pk, 0)
        )
        if len(rows) > size:
            response.next_page_token = page_tokens.write((offset + size, 0), *scope)
        return response

    async def ListWorkoutEfforts(
        self, request: wire.ListWorkoutEffortsRequest, context: _Context
    ) -> wire.ListWorkoutEffortsResponse:
        """The efforts of one workout."""
        user_id = current_call().principal.user_id
        async with self._database.read() as view:
            workout = await view.run(workouts.find, user_id, request.workout_id)
            if workout is None:
                raise WorkoutNotFound(request.workout_id)
            rows = await view.run(store.efforts_of_workout, user_id, workout.workout_pk, MOST_EFFORTS)
        return wire.ListWorkoutEffortsResponse(efforts=[effort_message(row) for row in rows])

    async def _message(self, user_id: str, row: Row[Any]) -> Any:
        async with self._database.read() as view:
            counts, best = await view.run(_own, user_id, [row])
        return segment_message(row, counts.get(row.segment_pk, 0), best.get(row.segment_pk), with_course=True)


def _own(
    conn: Connection, user_id: str, rows: Sequence[Row[Any]]
) -> tuple[dict[int, int], dict[int, Row[Any]]]:
    """How many efforts the caller has on each segment, and the best of them."""
    keys = [row.segment_pk for row in rows]
    if not keys:
        return {}, {}
    return store.count_efforts(conn, user_id, keys), store.best_efforts(conn, user_id, keys)


def _made(sources: Sequence[StoredSource], start_ms: int, stretch: wire.Stretch) -> MadeSegment:
    needed = POSITIONS | {ALTITUDE}
    decoded = [
        concatenate([decode_chunk(payload).only(needed) for payload in source.payloads]).sorted_by_time()
        for source in sources
    ]
    return make_segment(merge_sources(decoded), start_ms, stretch)
