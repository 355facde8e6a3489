"""Whatever happens in whatever order: what is kept equals what a full recomputation makes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert, select, update

from pulsemesh.samples import encode_batch
from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import analysis_pb2, recording_pb2, workout_pb2, workout_service_pb2
from pulsemesh.workout.v1 import athlete_service_pb2 as wire
from services.chassis import migrations
from services.chassis.consent import DevelopmentConsentGate
from services.chassis.database import Database, open_database
from services.workout import closing, editing, tables
from services.workout.analysis import queue
from services.workout.analysis.analyst import Analyst
from services.workout.analysis.forgetting import forget_workout
from services.workout.athletes import changing
from services.workout.module import module

SHARES = (tables.loads, tables.curves, tables.efforts, tables.records)
DAY_MS = 86_400_000
FIRST_MS = 1_748_858_400_000
SPORTS = (sport_pb2.SPORT_CYCLING, sport_pb2.SPORT_RUNNING, sport_pb2.SPORT_ROWING)
ZONES = ("UTC", "Pacific/Kiritimati", "America/Los_Angeles")

ALLOWED = DevelopmentConsentGate(development=True)


@dataclass(frozen=True)
class Platform:
    loop: asyncio.AbstractEventLoop
    database: Database

    def writes(self, fn: Any, *args: Any) -> Any:
        async def write() -> Any:
            async with self.database.write() as transaction:
                return await transaction.run(fn, *args)

        return self.loop.run_until_complete(write())


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    loop = asyncio.new_event_loop()
    folder: Path = tmp_path_factory.mktemp("incremental")

    async def begin() -> Database:
        database = open_database(f"sqlite:///{folder}", schema="workout")
        assert module.migrations is not None
        await migrations.upgrade(database, module.migrations)
        return database

    database = loop.run_until_complete(begin())
    yield Platform(loop, database)
    loop.run_until_complete(database.close())
    loop.close()


class Athlete:
    """Someone who does all of it; a clock that goes on by itself, far enough for any pause."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.user_id = f"eu_{new_ulid()}"
        self.now_ms = FIRST_MS + 400 * DAY_MS
        self.analyst = Analyst(platform.database, self._clock, consent=ALLOWED)

    def _clock(self) -> int:
        self.now_ms += 1
        return self.now_ms

    def record(self, day: int, power_w: int, sport: int) -> None:
        self.platform.writes(self._record, day, power_w, sport)

    def _record(self, conn: Connection, day: int, power_w: int, sport: int) -> None:
        start_ms = FIRST_MS + day * DAY_MS
        recording_pk = _key(
            conn,
            insert(tables.recordings).values(
                user_id=self.user_id,
                recording_id=new_ulid(),
                state=recording_pb2.RECORDING_STATE_FINISHING,
                sport=sport,
                sub_sport=0,
                start_ms=start_ms,
                opened_ms=start_ms,
                updated_ms=start_ms,
                clock_offset_ms=0,
                details=b"",
            ),
        )
        count = 130 + 10 * (power_w % 5)
        source_pk = _key(
            conn,
            insert(tables.sources).values(
                recording_pk=recording_pk,
                source_id="meter",
                description=b"",
                writer_id="writer",
                epoch=1,
                next_sequence=count,
                rejected_samples=0,
                complete=True,
            ),
        )
        batch = encode_batch(
            0,
            0,
            [start_ms + second * 1000 for second in range(count)],
            {
                int(channel_pb2.CHANNEL_POWER): [power_w + second % 7 for second in range(count)],
                int(channel_pb2.CHANNEL_HEART_RATE): [120 + power_w % 40] * count,
                int(channel_pb2.CHANNEL_SPEED): [8000 + 20 * power_w] * count,
            },
        )
        payload = batch.SerializeToString()
        row = {"source_pk": source_pk, "first_sequence": 0, "samples": count, "rejected": 0}
        conn.execute(insert(tables.journal).values(**row, payload=payload))
        closing.close_recording(conn, recording_pk, self._clock())

    def workouts(self) -> list[Any]:
        async def read() -> Any:
            async with self.platform.database.read() as view:
                return await view.run(self._workouts)

        return list(self.platform.loop.run_until_complete(read()))

    def _workouts(self, conn: Connection) -> Any:
        query = select(tables.workouts).where(tables.workouts.c.user_id == self.user_id)
        return conn.execute(query.order_by(tables.workouts.c.workout_pk)).all()

    def change_sport(self, row: Any, sport: int) -> None:
        request = workout_service_pb2.UpdateWorkoutRequest()
        request.workout.workout_id = row.workout_id
        request.workout.sport = sport_pb2.Sport.ValueType(sport)
        request.update_mask.paths.append("sport")
        self.platform.writes(editing.update, self.user_id, request, self._clock())

    def turn(self, row: Any) -> None:
        """Hide what is shown, show what is hidden."""
        self.platform.writes(self._turn, row)

    def _turn(self, conn: Connection, row: Any) -> None:
        table = tables.workouts
        conn.execute(update(table).where(table.c.workout_pk == row.workout_pk).values(hidden=not row.hidden))
        if row.hidden:
            queue.enqueue(conn, self.user_id, row.workout_pk, queue.UNHIDDEN, self._clock())
        else:
            forget_workout(conn, self.user_id, row.workout_pk, self._clock())

    def remove(self, row: Any) -> None:
        if not row.hidden:
            self.platform.writes(editing.delete, self.user_id, row.workout_id, self._clock())

    def set_power(self, watts: int, day: int, sport: int) -> None:
        request = wire.SetThresholdsRequest(effective_from=_day(day), sport=sport)  # type: ignore[arg-type]
        request.thresholds.functional_threshold_power_w = watts
        self.platform.writes(changing.set_thresholds, self.user_id, request, self._clock())

    def delete_power(self, day: int, sport: int) -> None:
        request = wire.DeleteThresholdsRequest(effective_from=_day(day), sport=sport)  # type: ignore[arg-type]
        self.platform.writes(changing.delete_thresholds, self.user_id, request, self._clock())

    def move_to(self, zone: str) -> None:
        request = wire.UpdateAthleteSettingsRequest()
        request.settings.time_zone = zone
        self.platform.writes(changing.update_settings, self.user_id, request, self._clock())

    def analyse_one(self) -> None:
        jobs = self.platform.writes(queue.claim, self._clock(), 1)
        for job in jobs:
            self.platform.loop.run_until_complete(self.analyst.analyse(job))

    def analyse_all(self) -> None:
        self.platform.loop.run_until_complete(self.analyst.work())

    def begin_anew(self) -> None:
        """Throw away all that is derived, and queue everything."""
        self.platform.writes(self._begin_anew)

    def _begin_anew(self, conn: Connection) -> None:
        for table in (*SHARES, tables.analyses):
            conn.execute(delete(table).where(table.c.user_id == self.user_id))
        for row in self._workouts(conn):
            if not row.hidden:
                # The summary, too.
                queue.enqueue(conn, self.user_id, row.workout_pk, queue.SPORT_CHANGED, self._clock())

    def kept(self) -> dict[str, Any]:
        return dict(self.platform.writes(self._kept))

    def _kept(self, conn: Connection) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for table in SHARES:
            rows = conn.execute(select(table).where(table.c.user_id == self.user_id)).all()
            kept[table.name] = sorted(map(tuple, rows), key=repr)
        for row in conn.execute(select(tables.analyses).where(tables.analyses.c.user_id == self.user_id)):
            analysis = analysis_pb2.Analysis.FromString(row.document)
            analysis.ClearField("computed_at")
            kept[f"analysis {row.workout_pk}"] = analysis
        for row in self._workouts(conn):
            kept[f"summary {row.workout_pk}"] = workout_pb2.Workout.FromString(row.document)
        return kept


def _key(conn: Connection, statement: Any) -> int:
    """The key of the row that `statement` inserts."""
    key = conn.execute(statement).inserted_primary_key
    assert key is not None
    return int(key[0])


def _day(day: int) -> str:
    return f"2025-06-{2 + day:02}"


def records_by_hand(efforts: list[Any]) -> set[tuple[Any, ...]]:
    """Every effort against all before it."""
    rows = [
        dict(zip((column.name for column in tables.efforts.columns), row, strict=True)) for row in efforts
    ]
    found = set()
    for row in rows:
        place = (row["start_ms"], row["workout_pk"])
        if not any(
            other["score"] >= row["score"] and (other["start_ms"], other["workout_pk"]) < place
            for other in rows
            if (other["sport"], other["kind"]) == (row["sport"], row["kind"])
        ):
            found.add((row["workout_pk"], row["sport"], row["kind"], row["score"]))
    return found


DAYS, POWERS = st.integers(0, 12), st.sampled_from((150, 155, 160, 171, 182, 190))
SPORT = st.sampled_from((SPORTS[0], SPORTS[0], *SPORTS))
WHICH, ANY_SPORT = st.integers(0, 20), st.sampled_from((0, *SPORTS))
CHANGES = st.one_of(
    st.tuples(st.just("record"), DAYS, POWERS, SPORT),
    st.tuples(st.just("record"), DAYS, POWERS, SPORT),
    st.tuples(st.just("change_sport"), WHICH, SPORT),
    st.tuples(st.just("turn"), WHICH),
    st.tuples(st.just("remove"), WHICH),
    st.tuples(st.just("set_power"), POWERS, DAYS, ANY_SPORT),
    st.tuples(st.just("delete_power"), DAYS, ANY_SPORT),
    st.tuples(st.just("move_to"), st.sampled_from(ZONES)),
)
# How much of what waits is analysed after each change.
WORK = st.sampled_from(("", "analyse_one", "analyse_all", "analyse_all"))
OPERATIONS = st.lists(st.tuples(CHANGES, WORK), min_size=3, max_size=14)
_OF_A_WORKOUT = {"change_sport", "turn", "remove"}


def _run(platform: Platform, operations: list[Any]) -> None:
    athlete = Athlete(platform)
    athlete.record(3, 180, SPORTS[0])
    for (name, *arguments), work in operations:
        if name in _OF_A_WORKOUT:
            rows = athlete.workouts()
            if not rows:
                continue
            arguments[0] = rows[arguments[0] % len(rows)]
        getattr(athlete, name)(*arguments)
        if work:
            getattr(athlete, work)()
    athlete.analyse_all()
    kept = athlete.kept()
    athlete.begin_anew()
    athlete.analyse_all()
    assert kept == athlete.kept()
    place = {name: index for index, name in enumerate(column.name for column in tables.records.columns)}
    told = {
        tuple(row[place[name]] for name in ("workout_pk", "sport", "kind", "score"))
        for row in kept["records"]
    }
    assert told == records_by_hand(kept["efforts"])


_CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


EDITED_WHILE_HIDDEN = [
    (("change_sport", 0, 1), "analyse_all"),
    (("turn", 0), ""),
    (("change_sport", 0, 2), "analyse_all"),
    (("turn", 0), ""),
]


@settings(max_examples=12, deadline=None, suppress_health_check=_CHECKS)
@given(operations=OPERATIONS)
@example(operations=EDITED_WHILE_HIDDEN)
def test_what_is_kept_equals_a_full_recomputation(platform: Platform, operations: list[Any]) -> None:
    _run(platform, operations)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=250, deadline=None, suppress_health_check=_CHECKS)
@given(operations=OPERATIONS)
def test_what_is_kept_equals_a_full_recomputation_for_long(platform: Platform, operations: list[Any]) -> None:
    _run(platform, operations)
