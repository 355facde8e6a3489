"""Server time from ten years of stored workouts to a full fitness chart, beside doing it without our tables.

Ten years are 4,000 workouts of four sports. Measured is the processor time of what the server does for
GetFitness over all of them (load, CTL, ATL, TSB, ramp, monotony and strain of 3,650 days) and for ListTotals
(weeks, months and years, by sport): reading from SQLite, computing, building and serialising the messages.
The baseline reads every analysis document, parses it, and goes through the days in plain Python, as one does
without the table of loads; it makes the same numbers, which is checked.

    python -m benchmarks.fitness_history [--workouts 4000] [--rounds 9]
"""

from __future__ import annotations

import argparse
import asyncio
import math
import random
import statistics
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from pulsemesh.type.v1 import channel_pb2
from pulsemesh.workout.v1 import analysis_pb2, athlete_pb2
from pulsemesh.workout.v1 import athlete_service_pb2 as wire
from services.chassis import migrations
from services.chassis.database import Database, open_database
from services.workout import tables
from services.workout.athletes.reading import fitness
from services.workout.metrics import DURATIONS_S
from services.workout.module import module

GOAL_MS = 50.0
USER_ID = "eu_benchmark"
FIRST = date(2016, 1, 4)
YEARS_DAYS = 3_652
DAY_MS = 86_400_000
EPOCH = date(1970, 1, 1)
NOW_MS = ((FIRST - EPOCH).days + YEARS_DAYS) * DAY_MS - 1
PERIODS = (athlete_pb2.PERIOD_WEEK, athlete_pb2.PERIOD_MONTH, athlete_pb2.PERIOD_YEAR)


def document(chance: random.Random, stress: float) -> bytes:
    """An analysis of a usual size: three curves, zones, efforts."""
    analysis = analysis_pb2.Analysis()
    analysis.load.stress_score = stress
    analysis.load.trimp_edwards = stress * 1.3
    for channel in (channel_pb2.CHANNEL_POWER, channel_pb2.CHANNEL_HEART_RATE, channel_pb2.CHANNEL_SPEED):
        curve = analysis.curves.add(channel=channel)
        durations = [each for each in DURATIONS_S if each <= 5400]
        curve.durations_s.extend(durations)
        curve.values.extend(200 + 800 / math.sqrt(each) for each in durations)
        curve.starts_s.extend(chance.randrange(3600) for _ in durations)
    for duration in (60, 300, 1200):
        analysis.best_efforts.add(kind=f"power/{duration}", duration_s=duration, value=300.0)
    return analysis.SerializeToString()


def fill(conn: Connection, workouts: int) -> None:
    chance = random.Random(7)
    rows: dict[Any, list[dict[str, Any]]] = {
        table: [] for table in (tables.recordings, tables.workouts, tables.loads, tables.analyses)
    }
    for key in range(1, workouts + 1):
        day = (FIRST - EPOCH).days + key * YEARS_DAYS // (workouts + 1)
        start_ms = day * DAY_MS + chance.randrange(5, 20) * 3_600_000
        stress = chance.uniform(20, 180)
        whose = {"user_id": USER_ID, "sport": chance.choice((1, 2, 2, 3, 6)), "start_ms": start_ms}
        sums = {
            "elapsed_s": 60 * stress,
            "moving_s": 58 * stress,
            "distance_m": 400 * stress,
            "elevation_gain_m": 5 * stress,
            "energy_kcal": 9 * stress,
            "work_kj": 9 * stress,
        }
        rows[tables.recordings].append(
            whose
            | {"recording_pk": key, "recording_id": f"{key:026}", "state": 3, "sub_sport": 0, "opened_ms": 0}
            | {"updated_ms": 0, "clock_offset_ms": 0, "details": b""}
        )
        rows[tables.workouts].append(
            whose
            | {"workout_pk": key, "workout_id": f"{key:026}", "recording_pk": key, "title": "", "notes": ""}
            | {"sub_sport": 0, "end_ms": start_ms, "elapsed_s": sums["elapsed_s"], "version": 1}
            | {"document": b""}
            | {"created_ms": 0, "updated_ms": 0, "distance_m": sums["distance_m"]}
        )
        rows[tables.loads].append(
            whose | {"workout_pk": key, "stress_score": stress, "trimp_edwards": stress * 1.3} | sums
        )
        rows[tables.analyses].append(
            {"workout_pk": key, "user_id": USER_ID, "document": document(chance, stress)}
            | {"algorithm": 1, "computed_ms": 0}
        )
    for table, each in rows.items():
        conn.execute(insert(table), each)


async def chart(database: Database) -> bytes:
    """As GetFitness does."""
    request = wire.GetFitnessRequest()
    async with database.read() as view:
        read = await view.run(fitness.read_loads, USER_ID, request)
    message = await asyncio.to_thread(fitness.fitness_message, request, read, NOW_MS)
    return wire.GetFitnessResponse(fitness=message).SerializeToString()


async def sums(database: Database, period: athlete_pb2.Period.ValueType) -> bytes:
    """As ListTotals does."""
    request = wire.ListTotalsRequest(period=period, by_sport=True, page_size=2000)
    async with database.read() as view:
        read = await view.run(fitness.read_sums, USER_ID, request)
    answer = await asyncio.to_thread(fitness.totals_response, request, read, USER_ID)
    return answer.SerializeToString()


def _documents(conn: Connection) -> Any:
    return conn.execute(
        select(tables.workouts.c.start_ms, tables.analyses.c.document)
        .join(tables.analyses, tables.analyses.c.workout_pk == tables.workouts.c.workout_pk)
        .where(tables.workouts.c.user_id == USER_ID)
    ).all()


async def plain(database: Database) -> list[tuple[float, float]]:
    """Fitness and fatigue of each day by a loop over all analyses and all days."""
    async with database.read() as view:
        rows = await view.run(_documents)
    by_day: dict[date, float] = {}
    for start_ms, content in rows:
        day = EPOCH + timedelta(days=start_ms // DAY_MS)
        analysis = analysis_pb2.Analysis.FromString(content)
        by_day[day] = by_day.get(day, 0.0) + analysis.load.stress_score
    day, last = min(by_day), EPOCH + timedelta(days=NOW_MS // DAY_MS)
    chronic = acute = 0.0
    found = []
    loads: list[float] = []
    while day <= last:
        load = by_day.get(day, 0.0)
        loads.append(load)
        chronic += (load - chronic) * (1 - math.exp(-1 / 42))
        acute += (load - acute) * (1 - math.exp(-1 / 7))
        week = loads[-7:]
        if len(week) == 7 and statistics.pstdev(week) > 0:
            statistics.mean(week)
        found.append((chronic, acute))
        day += timedelta(days=1)
    return found


async def measure(workouts: int, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        database = open_database(f"sqlite:///{Path(directory)}", schema="workout")
        assert module.migrations is not None
        await migrations.upgrade(database, module.migrations)
        async with database.write() as transaction:
            await transaction.run(fill, workouts)
        spent: dict[str, list[float]] = {"chart": [], "weeks": [], "months": [], "years": [], "plain": []}
        for _ in range(rounds):
            marks = [time.process_time()]
            answer = await chart(database)
            marks.append(time.process_time())
            for period in PERIODS:
                await sums(database, period)
                marks.append(time.process_time())
            by_hand = await plain(database)
            marks.append(time.process_time())
            for name, begin, end in zip(spent, marks, marks[1:], strict=False):
                spent[name].append((end - begin) * 1000)
        await database.close()
    numbers = wire.GetFitnessResponse.FromString(answer).fitness
    assert len(numbers.chronic) == len(by_hand)
    worst = max(
        abs(ours - theirs)
        for ours, theirs in zip(
            [*numbers.chronic, *numbers.acute],
            [*(each[0] for each in by_hand), *(each[1] for each in by_hand)],
            strict=True,
        )
    )
    assert worst < 1e-6
    median = {name: statistics.median(each) for name, each in spent.items()}
    print(f"{workouts} workouts, {len(numbers.load)} days, {len(answer) / 1000:.0f} kB sent")
    for name in ("chart", "weeks", "months", "years"):
        print(f"{name:8} median {median[name]:5.1f} ms, best {min(spent[name]):5.1f} ms")
    whole = median["chart"] + median["weeks"]
    print(f"a chart with the totals of its weeks: {whole:.1f} ms (goal {GOAL_MS:g} ms)")
    print(
        f"all documents, plain loop: {median['plain']:.1f} ms for the chart alone, "
        f"{median['plain'] / median['chart']:.1f} times as long; the same numbers within {worst:.1e}"
    )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workouts", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=9)
    chosen = parser.parse_args(argv)
    asyncio.run(measure(chosen.workouts, chosen.rounds))


if __name__ == "__main__":
    main()
