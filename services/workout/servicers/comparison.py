"""ComparisonService: workouts beside each other, routes, standings."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
from sqlalchemy import Connection, Row

from pulsemesh.workout.v1 import comparison_service_pb2 as wire
from pulsemesh.workout.v1 import comparison_service_pb2_grpc as stubs
from services.chassis import page_tokens
from services.chassis.call import current_call
from services.chassis.database import Database
from services.chassis.errors import InvalidField
from services.workout.analysis.analyst import Analyst
from services.workout.analysis.asking import Asking
from services.workout.codec import concatenate, decode_chunk
from services.workout.comparing.access import readable_workouts
from services.workout.comparing.alignment import NotAlignable
from services.workout.comparing.comparison import USUAL_POINTS, Comparison, compare
from services.workout.comparing.efforts import Among, EffortsOfKind, read_efforts
from services.workout.comparing.messages import (
    ALIGNMENTS,
    comparison_message,
    matched_message,
    standing_message,
    trend_message,
)
from services.workout.comparing.standing import standing, standings
from services.workout.comparing.trend import trend
from services.workout.comparing.workout import ComparableWorkout
from services.workout.errors import WorkoutNotFound
from services.workout.routes import placing
from services.workout.routes import store as route_store
from services.workout.store import workouts
from services.workout.store.workouts import StoredSource

DEFAULT_PAGE = 100

_Context = grpc.aio.ServicerContext[object, object]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A workout as it is stored."""

    row: Row[Any]
    sources: Sequence[StoredSource]

    def decoded(self) -> ComparableWorkout:
        samples = [
            concatenate([decode_chunk(payload) for payload in source.payloads]).sorted_by_time()
            for source in self.sources
        ]
        return ComparableWorkout.of(self.row.sport, self.row.start_ms, self.row.end_ms, samples)


class ComparisonServicer(stubs.ComparisonServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, database: Database, analyst: Analyst, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._asking = Asking(database, analyst)
        self._clock_ms = clock_ms

    async def CompareWorkouts(
        self, request: wire.CompareWorkoutsRequest, context: _Context
    ) -> wire.CompareWorkoutsResponse:
        """Decode, align and compare in a worker thread."""
        user_id = current_call().principal.user_id
        async with self._database.read() as view:
            loaded = await view.run(_load, user_id, list(request.workout_ids))
        comparison = await asyncio.to_thread(_compare, loaded, request)
        return comparison_message(comparison, [each.row for each in loaded])

    async def ListMatchedWorkouts(
        self, request: wire.ListMatchedWorkoutsRequest, context: _Context
    ) -> wire.ListMatchedWorkoutsResponse:
        """A page of the workouts on the same route; the workout is placed at once where it still waits."""
        user_id = current_call().principal.user_id
        await self._settle(user_id, request.workout_id)
        scope = ("matched", user_id, request.workout_id)
        before = page_tokens.read(request.page_token, *scope)
        size = request.page_size or DEFAULT_PAGE
        async with self._database.read() as view:
            route = await view.run(route_store.route_of, user_id, request.workout_id)
            if route is None:
                raise WorkoutNotFound(request.workout_id)
            if route.route_pk is None:
                return wire.ListMatchedWorkoutsResponse()
            rows = await view.run(route_store.on_route, route.route_pk, before, size + 1)
            times = await view.run(route_store.times_on_route, route.route_pk)
        line = trend(
            np.array([each.start_ms for each in times], np.int64),
            np.array([each.elapsed_s for each in times], np.float64),
        )
        response = wire.ListMatchedWorkoutsResponse(
            route_id=route.route_id,
            route_distance_m=route.length_m,
            workouts=[matched_message(row) for row in rows[:size]],
            total=len(times),
            trend=None if line is None else trend_message(line),
        )
        if len(rows) > size:
            last = rows[size - 1]
            response.next_page_token = page_tokens.write((last.start_ms, last.workout_pk), *scope)
        return response

    async def GetStanding(
        self, request: wire.GetStandingRequest, context: _Context
    ) -> wire.GetStandingResponse:
        """Rank one effort among the athlete's own, or a group's."""
        user_id = current_call().principal.user_id
        await self._settle(user_id, request.workout_id)
        async with self._database.read() as view:
            row, found = await view.run(_efforts, user_id, request)
        mine = next((effort for effort in found.efforts if effort.workout_pk == row.workout_pk), None)
        if mine is None:
            raise InvalidField("effort", "the workout has no such effort")
        if request.group_workout_ids:
            shown = [standing("group", found.efforts, mine, lower_is_better=found.lower_is_better)]
        else:
            shown = standings(found.efforts, mine, lower_is_better=found.lower_is_better)
        return wire.GetStandingResponse(
            value=mine.value,
            unit=found.unit,
            lower_is_better=found.lower_is_better,
            standings=[standing_message(each) for each in shown],
        )

    async def _settle(self, user_id: str, workout_id: str) -> None:
        """Have the workout analysed and placed before its standing is told.

        Raises:
            WorkoutNotFound: the person has none of that id.
        """
        await self._asking.analysis(user_id, workout_id)
        async with self._database.read() as view:
            route = await view.run(route_store.route_of, user_id, workout_id)
        if route is not None and route.placed is False:
            await placing.place(self._database, route.workout_pk, self._clock_ms())


def _load(conn: Connection, user_id: str, workout_ids: Sequence[str]) -> list[_Loaded]:
    loaded = []
    for readable in readable_workouts(conn, user_id, workout_ids):
        row = workouts.find(conn, readable.user_id, readable.workout_id)
        sources = workouts.stream(conn, readable.user_id, readable.workout_id, 0, None)
        if row is None or sources is None:
            raise WorkoutNotFound(readable.workout_id)
        loaded.append(_Loaded(row, sources))
    return loaded


def _compare(loaded: Sequence[_Loaded], request: wire.CompareWorkoutsRequest) -> Comparison:
    try:
        return compare(
            [each.decoded() for each in loaded],
            ALIGNMENTS.get(request.alignment),
            [int(channel) for channel in request.channels],
            request.max_samples or USUAL_POINTS,
        )
    except NotAlignable as error:
        workout_id = loaded[error.index].row.workout_id
        raise InvalidField("alignment", f"workout {workout_id} has no {error.lacks}") from None


def _efforts(
    conn: Connection, user_id: str, request: wire.GetStandingRequest
) -> tuple[Row[Any], EffortsOfKind]:
    row = readable_workouts(conn, user_id, [request.workout_id])[0]
    group = None
    if request.group_workout_ids:
        group = [each.workout_pk for each in readable_workouts(conn, user_id, request.group_workout_ids)]
    among = Among(row.workout_pk, row.user_id, row.sport, group)
    return row, read_efforts(conn, user_id, among, request.effort)
