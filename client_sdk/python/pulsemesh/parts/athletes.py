"""The numbers of the athlete who is signed in: thresholds, fitness, totals, records, power."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import date
from typing import TypeAlias

from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.errors import PulsemeshError
from pulsemesh.parts.paging import pages
from pulsemesh.parts.times import Sport, as_sport
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import (
    analysis_pb2,
    athlete_pb2,
    athlete_service_pb2,
    athlete_service_pb2_grpc,
)

__all__ = ["Athletes", "Day"]

Day: TypeAlias = date | str
"""A day, or its text: `2026-11-23`."""

_WATCH = "/pulsemesh.workout.v1.AthleteService/WatchRecomputation"


class Athletes:
    """The athlete who is signed in.

    Changes are sent again after a failure: the platform knows them by `request_id`, made here unless given.
    """

    def __init__(self, channel: PolicyChannel) -> None:
        self._channel = channel
        self._stub = athlete_service_pb2_grpc.AthleteServiceStub(channel.for_stub())

    async def settings(self) -> athlete_pb2.AthleteSettings:
        """Return the time zone, and the loads from before the first workout."""
        request = athlete_service_pb2.GetAthleteSettingsRequest()
        return (await self._stub.GetAthleteSettings(request)).settings

    async def update_settings(
        self, settings: athlete_pb2.AthleteSettings, *, request_id: str = ""
    ) -> athlete_pb2.Recomputation:
        """Replace the settings; a new time zone may have workouts analysed again."""
        request = athlete_service_pb2.UpdateAthleteSettingsRequest(
            settings=settings, request_id=request_id or new_ulid()
        )
        return (await self._stub.UpdateAthleteSettings(request)).recomputation

    async def set_thresholds(
        self,
        thresholds: analysis_pb2.Thresholds,
        *,
        effective_from: Day | None = None,
        since_ever: bool = False,
        sport: Sport | None = None,
        request_id: str = "",
    ) -> athlete_pb2.Recomputation:
        """Say what holds from a day on (None: today, or since ever for what was not known).

        Returns how many workouts are analysed again; `watch` follows them.
        """
        request = athlete_service_pb2.SetThresholdsRequest(
            thresholds=thresholds,
            effective_from=_text(effective_from),
            since_ever=since_ever,
            sport=_sport(sport),
            request_id=request_id or new_ulid(),
        )
        return (await self._stub.SetThresholds(request)).recomputation

    async def delete_thresholds(
        self,
        effective_from: Day | None,
        *,
        sport: Sport | None = None,
        fields: Iterable[str] = (),
        request_id: str = "",
    ) -> athlete_pb2.Recomputation:
        """Take back what was said of a day (None: since ever): these fields, or all."""
        request = athlete_service_pb2.DeleteThresholdsRequest(
            effective_from=_text(effective_from),
            sport=_sport(sport),
            fields=fields,
            request_id=request_id or new_ulid(),
        )
        return (await self._stub.DeleteThresholds(request)).recomputation

    async def thresholds(
        self, day: Day | None = None, *, sport: Sport | None = None
    ) -> analysis_pb2.Thresholds:
        """Return what holds on a day (None: today) for a sport."""
        request = athlete_service_pb2.GetThresholdsRequest(
            day=_text(day),
            sport=_sport(sport),
        )
        return (await self._stub.GetThresholds(request)).thresholds

    async def threshold_history(
        self, *, limit: int | None = None
    ) -> AsyncGenerator[athlete_pb2.ThresholdEntry, None]:
        """Give the history of thresholds, the latest day first."""

        async def fetch(token: str) -> tuple[Sequence[athlete_pb2.ThresholdEntry], str]:
            page = await self._stub.ListThresholds(
                athlete_service_pb2.ListThresholdsRequest(page_token=token)
            )
            return page.entries, page.next_page_token

        async for entry in pages(fetch, limit):
            yield entry

    async def suggestions(self, days: int = 0) -> Sequence[athlete_pb2.ThresholdSuggestion]:
        """Return thresholds that the last `days` (0: 90) speak for; nothing is applied."""
        request = athlete_service_pb2.ListThresholdSuggestionsRequest(days=days)
        return (await self._stub.ListThresholdSuggestions(request)).suggestions

    async def recompute(self, *, request_id: str = "") -> athlete_pb2.Recomputation:
        """Have all workouts analysed again."""
        request = athlete_service_pb2.StartRecomputationRequest(request_id=request_id or new_ulid())
        return (await self._stub.StartRecomputation(request)).recomputation

    async def recomputation(self, recomputation_id: str) -> athlete_pb2.Recomputation:
        """Return how far a recomputation is. Raises `NotFound`."""
        request = athlete_service_pb2.GetRecomputationRequest(recomputation_id=recomputation_id)
        return (await self._stub.GetRecomputation(request)).recomputation

    async def watch(self, recomputation_id: str) -> AsyncGenerator[athlete_pb2.Recomputation, None]:
        """Give how far a recomputation is whenever that changes, until it is finished.

        A break of the connection is mended.
        """
        request = athlete_service_pb2.WatchRecomputationRequest(recomputation_id=recomputation_id)
        attempts = self._channel.attempts(_WATCH)
        while True:
            begun = False
            try:
                async for update in self._stub.WatchRecomputation(request):
                    begun = True
                    attempts.progressed()
                    yield update.recomputation
            except PulsemeshError as error:
                if not begun:
                    raise  # the channel has tried all that is worth trying
                await attempts.recover(error, opening=True)
            else:
                return

    async def fitness(
        self,
        first_day: Day | None = None,
        last_day: Day | None = None,
        *,
        measure: str = "stress_score",
        sports: Iterable[Sport] = (),
        chronic_days: float = 0,
        acute_days: float = 0,
        start_chronic_load: float | None = None,
        start_acute_load: float | None = None,
    ) -> athlete_pb2.Fitness:
        """Return load, fitness, fatigue and form day by day; from the first workout to today by default.

        `measure` is the name of a load: `stress_score`, `power_stress_score`, `trimp_banister`, …
        """
        request = athlete_service_pb2.GetFitnessRequest(
            first_day=_text(first_day),
            last_day=_text(last_day),
            measure=athlete_pb2.LoadMeasure.Value(f"LOAD_MEASURE_{measure.upper()}"),
            sports=[as_sport(sport) for sport in sports],
            chronic_days=chronic_days,
            acute_days=acute_days,
            start_chronic_load=start_chronic_load,
            start_acute_load=start_acute_load,
        )
        return (await self._stub.GetFitness(request)).fitness

    async def totals(
        self,
        period: str = "week",
        *,
        first_day: Day | None = None,
        last_day: Day | None = None,
        sports: Iterable[Sport] = (),
        by_sport: bool = False,
        limit: int | None = None,
    ) -> AsyncGenerator[athlete_pb2.Totals, None]:
        """Give what was done in each `week`, `month` or `year`, the first first."""
        wanted = athlete_service_pb2.ListTotalsRequest(
            period=athlete_pb2.Period.Value(f"PERIOD_{period.upper()}"),
            first_day=_text(first_day),
            last_day=_text(last_day),
            sports=[as_sport(sport) for sport in sports],
            by_sport=by_sport,
        )

        async def fetch(token: str) -> tuple[Sequence[athlete_pb2.Totals], str]:
            wanted.page_token = token
            page = await self._stub.ListTotals(wanted)
            return page.totals, page.next_page_token

        async for total in pages(fetch, limit):
            yield total

    async def records(
        self,
        *,
        sports: Iterable[Sport] = (),
        kinds: Iterable[str] = (),
        history: bool = False,
        limit: int | None = None,
    ) -> AsyncGenerator[athlete_pb2.PersonalRecord, None]:
        """Give personal records by sport and kind (`distance/5000`, `power/300`).

        With `history` also those that were beaten since, the latest of each kind first.
        """
        wanted = athlete_service_pb2.ListRecordsRequest(
            sports=[as_sport(sport) for sport in sports], kinds=kinds, history=history
        )

        async def fetch(token: str) -> tuple[Sequence[athlete_pb2.PersonalRecord], str]:
            wanted.page_token = token
            page = await self._stub.ListRecords(wanted)
            return page.records, page.next_page_token

        async for record in pages(fetch, limit):
            yield record

    async def power_duration(
        self, first_day: Day | None = None, last_day: Day | None = None, *, sports: Iterable[Sport] = ()
    ) -> athlete_service_pb2.GetPowerDurationResponse:
        """Return the best power over every duration (of the last 90 days), with critical power and W'."""
        return await self._stub.GetPowerDuration(
            athlete_service_pb2.GetPowerDurationRequest(
                first_day=_text(first_day),
                last_day=_text(last_day),
                sports=[as_sport(sport) for sport in sports],
            )
        )

    async def vo2max(self, day: Day | None = None) -> Sequence[athlete_pb2.Vo2MaxEstimate]:
        """Return estimates of the maximal oxygen uptake, the one to use first."""
        request = athlete_service_pb2.GetVo2MaxRequest(day=_text(day))
        return (await self._stub.GetVo2Max(request)).estimates


def _text(day: Day | None) -> str:
    return "" if day is None else str(day)


def _sport(sport: Sport | None) -> sport_pb2.Sport.ValueType:
    return sport_pb2.SPORT_UNSPECIFIED if sport is None else as_sport(sport)
