"""Records as workouts come and go in any order equal those found by comparing everything with everything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, delete, insert, select

from services.workout.athletes.store import records
from services.workout.tables import efforts
from services.workout.tables import records as records_table

USER = "eu_somebody"


@pytest.fixture(scope="module")
def conn() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        for table in (efforts, records_table):
            table.create(connection)
        yield connection
    engine.dispose()


def effort(workout_pk: int, start_ms: int, kind: str, score: float) -> dict[str, Any]:
    whose = {"workout_pk": workout_pk, "user_id": USER, "sport": 2, "start_ms": start_ms}
    what = {"kind": kind, "channel": 8, "duration_s": 60.0, "distance_m": 0.0, "value": score}
    return {**whose, **what, "score": score, "effort_start_ms": 0, "effort_end_ms": 0}


def come(conn: Connection, rows: list[dict[str, Any]]) -> None:
    conn.execute(insert(efforts), rows)
    records.add(conn, USER, rows)


def go(conn: Connection, workout_pk: int) -> None:
    conn.execute(delete(efforts).where(efforts.c.workout_pk == workout_pk))
    records.remove(conn, USER, workout_pk)


def told(conn: Connection) -> set[tuple[int, str, float]]:
    rows = conn.execute(select(records_table.c.workout_pk, records_table.c.kind, records_table.c.score))
    return {(row[0], row[1], row[2]) for row in rows}


def by_hand(conn: Connection) -> set[tuple[int, str, float]]:
    found: set[tuple[int, str, float]] = set()
    best: dict[str, float] = {}
    for row in conn.execute(select(efforts).order_by(efforts.c.start_ms, efforts.c.workout_pk)):
        if row.score > best.get(row.kind, float("-inf")):
            best[row.kind] = row.score
            found.add((row.workout_pk, row.kind, row.score))
    return found


# A workout comes (start, scores of two kinds), or one of those that came goes.
COMES = st.tuples(st.integers(0, 5), st.integers(0, 6), st.integers(0, 6))
STEPS = st.lists(st.one_of(COMES, COMES, st.integers(0, 30)), max_size=25)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_records_follow_any_coming_and_going(conn: Connection, steps: list[Any]) -> None:
    conn.execute(delete(efforts))
    conn.execute(delete(records_table))
    present: list[int] = []
    for number, step in enumerate(steps, start=1):
        if isinstance(step, tuple):
            start_ms, power, distance = step
            come(
                conn,
                [
                    effort(number, start_ms, "power/60", float(power)),
                    effort(number, start_ms, "distance/1000", -float(distance)),
                ],
            )
            present.append(number)
        elif present:
            go(conn, present.pop(step % len(present)))
        assert told(conn) == by_hand(conn)


def test_a_late_upload_takes_the_records_after_it(conn: Connection) -> None:
    conn.execute(delete(efforts))
    conn.execute(delete(records_table))
    come(conn, [effort(1, 10, "power/60", 300.0)])
    come(conn, [effort(2, 20, "power/60", 320.0)])
    come(conn, [effort(3, 5, "power/60", 310.0)])
    assert told(conn) == {(3, "power/60", 310.0), (2, "power/60", 320.0)}


def test_of_equal_efforts_the_first_is_the_record(conn: Connection) -> None:
    conn.execute(delete(efforts))
    conn.execute(delete(records_table))
    come(conn, [effort(2, 20, "power/60", 300.0)])
    come(conn, [effort(1, 10, "power/60", 300.0)])
    assert told(conn) == {(1, "power/60", 300.0)}
