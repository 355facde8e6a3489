"""Fitness, and what was done in each period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from pulsemesh.type.v1 import sport_pb2
from pulsemesh.workout.v1 import athlete_pb2
from pulsemesh.workout.v1 import athlete_service_pb2 as wire
from services.chassis import page_tokens
from services.chassis.errors import InvalidField
from services.workout.athletes import days, totals
from services.workout.athletes.fitness import (
    ACUTE_DAYS,
    CHRONIC_DAYS,
    Constants,
    Fitness,
    fitness,
    load_of_days,
)
from services.workout.athletes.shares import LOAD_FIELDS, SUMMARY_FIELDS
from services.workout.athletes.store import loads, settings
from services.workout.athletes.store.loads import LoadColumns
from services.workout.athletes.store.settings import Settings

MAX_DAYS = 36_600
DEFAULT_PAGE = 1000

_COLUMNS = dict(zip(range(1, 8), LOAD_FIELDS, strict=True))
_PERIODS = {
    athlete_pb2.PERIOD_WEEK: totals.week,
    athlete_pb2.PERIOD_MONTH: totals.month,
    athlete_pb2.PERIOD_YEAR: totals.year,
}


@dataclass(frozen=True, slots=True)
class Read:
    """What the answers are made of."""

    settings: Settings
    columns: LoadColumns


def measure(request: wire.GetFitnessRequest) -> str:
    """The column of the load that is asked for."""
    return _COLUMNS[request.measure or int(athlete_pb2.LOAD_MEASURE_STRESS_SCORE)]


def read_loads(conn: Connection, user_id: str, request: wire.GetFitnessRequest) -> Read:
    """Store function: what `fitness_message` needs."""
    chosen = settings.find(conn, user_id)
    return Read(chosen, loads.columns(conn, user_id, [measure(request)], request.sports))


def fitness_message(request: wire.GetFitnessRequest, read: Read, now_ms: int) -> athlete_pb2.Fitness:
    """The answer to GetFitness; empty before the first workout.

    Raises:
        InvalidField: a day is none, or there are too many of them.
    """
    zone = read.settings.time_zone
    told_last = _day(request.last_day, "last_day")
    last = days.day_of_ms(now_ms, zone) if told_last is None else told_last
    first = _day(request.first_day, "first_day")
    if first is not None and first > last:
        raise InvalidField("first_day", "must not be after the last day")
    of_workouts = days.days_of_ms(read.columns.starts_ms, zone)
    if not len(of_workouts) or int(of_workouts.min()) > last:
        return athlete_pb2.Fitness()
    begin = int(of_workouts.min())
    if last - begin >= MAX_DAYS:
        raise InvalidField("last_day", f"must be within {MAX_DAYS} days of the first workout")
    values = read.columns.numbers[measure(request)]
    constants = Constants(
        request.chronic_days or CHRONIC_DAYS,
        request.acute_days or ACUTE_DAYS,
        request.start_chronic_load if request.HasField("start_chronic_load") else read.settings.start_chronic,
        request.start_acute_load if request.HasField("start_acute_load") else read.settings.start_acute,
    )
    whole = fitness(load_of_days(of_workouts, values, begin, last), constants)
    first = max(begin, first if first is not None else begin)
    return _message(first, whole.between(first - begin, last - begin), unmeasured=int(np.isnan(values).sum()))


def _message(first: int, numbers: Fitness, *, unmeasured: int) -> athlete_pb2.Fitness:
    return athlete_pb2.Fitness(
        first_day=days.text_of_day(first),
        load=numbers.load.tolist(),
        chronic=numbers.chronic.tolist(),
        acute=numbers.acute.tolist(),
        balance=numbers.balance.tolist(),
        ramp=numbers.ramp.tolist(),
        monotony=numbers.monotony.tolist(),
        strain=numbers.strain.tolist(),
        unmeasured=unmeasured,
    )


def read_sums(conn: Connection, user_id: str, request: wire.ListTotalsRequest) -> Read:
    """Store function: what `totals_response` needs."""
    names = [*SUMMARY_FIELDS, "stress_score"]
    return Read(settings.find(conn, user_id), loads.columns(conn, user_id, names, request.sports))


def totals_response(request: wire.ListTotalsRequest, read: Read, user_id: str) -> wire.ListTotalsResponse:
    """The answer to ListTotals.

    Raises:
        InvalidField, PageTokenInvalid
    """
    scope = ("totals", user_id, _without_page(request))
    after = page_tokens.read(request.page_token, *scope)
    first = _day(request.first_day, "first_day")
    last = _day(request.last_day, "last_day")
    found = [
        total
        for total in totals.totals(
            days.days_of_ms(read.columns.starts_ms, read.settings.time_zone),
            read.columns.sports,
            read.columns.numbers,
            _PERIODS[request.period],
            by_sport=request.by_sport,
        )
        if (first is None or total.first_day >= first)
        and (last is None or total.first_day <= last)
        and (after is None or (total.first_day, total.sport) > after)
    ]
    size = request.page_size or DEFAULT_PAGE
    response = wire.ListTotalsResponse(totals=[_total(total) for total in found[:size]])
    if len(found) > size:
        end = found[size - 1]
        response.next_page_token = page_tokens.write((end.first_day, end.sport), *scope)
    return response


def _without_page(request: wire.ListTotalsRequest) -> bytes:
    kept = wire.ListTotalsRequest()
    kept.CopyFrom(request)
    kept.page_size, kept.page_token = 0, ""
    return kept.SerializeToString(deterministic=True)


def _total(total: totals.Total) -> athlete_pb2.Totals:
    sums: Mapping[str, float] = total.sums
    return athlete_pb2.Totals(
        first_day=days.text_of_day(total.first_day),
        sport=sport_pb2.Sport.ValueType(total.sport),
        workouts=total.workouts,
        elapsed_s=sums["elapsed_s"],
        moving_s=sums["moving_s"],
        distance_m=sums["distance_m"],
        elevation_gain_m=sums["elevation_gain_m"],
        energy_kcal=sums["energy_kcal"],
        work_kj=sums["work_kj"],
        stress_score=sums["stress_score"],
    )


def _day(text: str, field: str) -> int | None:
    return days.day_of_text(text, field) if text else None
