"""AthleteService: the numbers of an athlete."""

# ruff: noqa: N802, D102 - the methods have the contract's names, which says what each promises
from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import grpc
from sqlalchemy import Connection

from pulsemesh.workout.v1 import athlete_service_pb2 as wire
from pulsemesh.workout.v1 import athlete_service_pb2_grpc as stubs
from services.chassis.call import current_call
from services.chassis.database import Database
from services.workout.analysis import recomputations
from services.workout.analysis.watching import RecomputationNotFound, follow
from services.workout.athletes import changing
from services.workout.athletes.reading import capacity, fitness, power, records, told
from services.workout.athletes.store import settings, thresholds

_Context = grpc.aio.ServicerContext[object, object]

P = ParamSpec("P")
T = TypeVar("T")


class AthleteServicer(stubs.AthleteServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms

    async def GetAthleteSettings(
        self, request: wire.GetAthleteSettingsRequest, context: _Context
    ) -> wire.GetAthleteSettingsResponse:
        chosen = await self._read(settings.find, _caller())
        return wire.GetAthleteSettingsResponse(settings=told.settings_message(chosen))

    async def UpdateAthleteSettings(
        self, request: wire.UpdateAthleteSettingsRequest, context: _Context
    ) -> wire.UpdateAthleteSettingsResponse:
        async with self._database.write() as transaction:
            begun = await transaction.run(changing.update_settings, _caller(), request, self._clock_ms())
            chosen = await transaction.run(settings.find, _caller())
        return wire.UpdateAthleteSettingsResponse(settings=told.settings_message(chosen), recomputation=begun)

    async def SetThresholds(
        self, request: wire.SetThresholdsRequest, context: _Context
    ) -> wire.SetThresholdsResponse:
        begun = await self._write(changing.set_thresholds, _caller(), request, self._clock_ms())
        return wire.SetThresholdsResponse(recomputation=begun)

    async def DeleteThresholds(
        self, request: wire.DeleteThresholdsRequest, context: _Context
    ) -> wire.DeleteThresholdsResponse:
        begun = await self._write(changing.delete_thresholds, _caller(), request, self._clock_ms())
        return wire.DeleteThresholdsResponse(recomputation=begun)

    async def ListThresholds(
        self, request: wire.ListThresholdsRequest, context: _Context
    ) -> wire.ListThresholdsResponse:
        known = await self._read(thresholds.told, _caller())
        return told.history_response(request, known, _caller())

    async def GetThresholds(
        self, request: wire.GetThresholdsRequest, context: _Context
    ) -> wire.GetThresholdsResponse:
        held = await self._read(told.thresholds_on, _caller(), request, self._clock_ms())
        return wire.GetThresholdsResponse(thresholds=held)

    async def ListThresholdSuggestions(
        self, request: wire.ListThresholdSuggestionsRequest, context: _Context
    ) -> wire.ListThresholdSuggestionsResponse:
        recent = await self._read(capacity.read_recent, _caller(), "", request.days, self._clock_ms())
        found = await asyncio.to_thread(capacity.threshold_suggestions, recent)
        return wire.ListThresholdSuggestionsResponse(suggestions=found)

    async def StartRecomputation(
        self, request: wire.StartRecomputationRequest, context: _Context
    ) -> wire.StartRecomputationResponse:
        begun = await self._write(changing.recompute_all, _caller(), request, self._clock_ms())
        return wire.StartRecomputationResponse(recomputation=begun)

    async def GetRecomputation(
        self, request: wire.GetRecomputationRequest, context: _Context
    ) -> wire.GetRecomputationResponse:
        found = await self._read(recomputations.progress, _caller(), request.recomputation_id)
        if found is None:
            raise RecomputationNotFound(request.recomputation_id)
        return wire.GetRecomputationResponse(recomputation=found)

    async def WatchRecomputation(
        self, request: wire.WatchRecomputationRequest, context: _Context
    ) -> AsyncIterator[wire.WatchRecomputationResponse]:
        call = current_call()
        user_id = call.principal.user_id
        async for standing in follow(self._database, user_id, request.recomputation_id, call.draining):
            yield wire.WatchRecomputationResponse(recomputation=standing)

    async def GetFitness(self, request: wire.GetFitnessRequest, context: _Context) -> wire.GetFitnessResponse:
        read = await self._read(fitness.read_loads, _caller(), request)
        message = await asyncio.to_thread(fitness.fitness_message, request, read, self._clock_ms())
        return wire.GetFitnessResponse(fitness=message)

    async def ListTotals(self, request: wire.ListTotalsRequest, context: _Context) -> wire.ListTotalsResponse:
        read = await self._read(fitness.read_sums, _caller(), request)
        return await asyncio.to_thread(fitness.totals_response, request, read, _caller())

    async def ListRecords(
        self, request: wire.ListRecordsRequest, context: _Context
    ) -> wire.ListRecordsResponse:
        rows = await self._read(records.read_records, _caller(), request)
        return await asyncio.to_thread(records.records_response, request, rows, _caller())

    async def GetPowerDuration(
        self, request: wire.GetPowerDurationRequest, context: _Context
    ) -> wire.GetPowerDurationResponse:
        window = await self._read(power.read_power, _caller(), request, self._clock_ms())
        return await asyncio.to_thread(power.power_response, window)

    async def GetVo2Max(self, request: wire.GetVo2MaxRequest, context: _Context) -> wire.GetVo2MaxResponse:
        recent = await self._read(capacity.read_recent, _caller(), request.day, 0, self._clock_ms())
        found = await asyncio.to_thread(capacity.vo2max_estimates, recent)
        return wire.GetVo2MaxResponse(estimates=found)

    async def _read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        async with self._database.read() as view:
            return await view.run(fn, *args, **kwargs)

    async def _write(self, fn: Callable[..., T], *args: Any) -> T:
        async with self._database.write() as transaction:
            return await transaction.run(fn, *args)


def _caller() -> str:
    return current_call().principal.user_id
