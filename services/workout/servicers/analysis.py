"""AnalysisService: what was computed of one workout."""

# ruff: noqa: N802 - the methods have the contract's names
from __future__ import annotations

import grpc

from pulsemesh.workout.v1 import analysis_service_pb2 as wire
from pulsemesh.workout.v1 import analysis_service_pb2_grpc as stubs
from services.chassis.call import current_call
from services.chassis.database import Database
from services.workout.analysis.analyst import Analyst
from services.workout.analysis.asking import Asking

_Context = grpc.aio.ServicerContext[object, object]


class AnalysisServicer(stubs.AnalysisServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, database: Database, analyst: Analyst) -> None:
        self._asking = Asking(database, analyst)

    async def GetAnalysis(
        self, request: wire.GetAnalysisRequest, context: _Context
    ) -> wire.GetAnalysisResponse:
        """The analysis of the workout as it is now."""
        user_id = current_call().principal.user_id
        return wire.GetAnalysisResponse(analysis=await self._asking.analysis(user_id, request.workout_id))

    async def GetCurve(self, request: wire.GetCurveRequest, context: _Context) -> wire.GetCurveResponse:
        """A curve at the durations asked for."""
        curve = await self._asking.curve(
            current_call().principal.user_id,
            request.workout_id,
            request.channel,
            list(request.durations_s),
        )
        return wire.GetCurveResponse(curve=curve)
