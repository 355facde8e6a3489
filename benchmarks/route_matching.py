"""Ten years of workouts find their routes: how long each takes, and how many go wrong.

Workouts are made on invented roads of 3 to 60 km around one town, forwards, backwards, and out and back, each
as often as people repeat their ways (a few very often, most a few times), with 1 to 6 m of receiver's noise,
stops, and starts up to 40 m late. Each is placed as the platform does it: candidates by cells from SQLite,
geometry, one write. Then a segment is searched in all of them. Measured is processor time; correct is a pair
of workouts that is on one route if and only if it was made on one way.

    python -m benchmarks.route_matching [--workouts 4000] [--ways 240]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, insert, select

from ingest_edge.simulator.athlete import Loop
from services.chassis import migrations
from services.chassis.database import Database, open_database
from services.workout.module import module
from services.workout.routes import placing, store
from services.workout.routes.course import Course, course_of, decode_course, encode_course, encode_times
from services.workout.routes.positions import GpsTrack, cleaned
from services.workout.segments.passing import comes_near, find_passes
from services.workout.tables import recordings, route_cells, routes, tracks, workouts

USER_ID = "eu_benchmark"
START_MS = 1_450_000_000_000
DAY_MS = 86_400_000
CYCLING = 2
METRES_PER_DEGREE = 111_195.0


@dataclass(frozen=True)
class Way:
    """A road in one of its variants."""

    road: Loop
    variant: int

    def places(self, begins_m: float) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Metres along the road, 8 m apart: forwards, backwards, or half way and back."""
        if self.variant == 2:
            out = np.arange(begins_m, self.road.length_m / 2, 8.0)
            return np.concatenate((out, out[::-1]))
        forwards = np.arange(begins_m, self.road.length_m, 8.0)
        return forwards[::-1] if self.variant else forwards


def ways_of(count: int, random: np.random.Generator) -> list[Way]:
    lengths = random.uniform(3_000, 60_000, -(-count // 3))
    return [
        Way(road, variant)
        for number, length in enumerate(lengths)
        for road in [Loop(np.random.default_rng(number), float(length))]
        for variant in range(3)
    ][:count]


def ridden(way: Way, start_ms: int, random: np.random.Generator) -> GpsTrack:
    places = way.places(float(random.uniform(0, 40)))
    stop = int(random.integers(1, len(places)))
    places = np.insert(places, stop, np.full(int(random.integers(0, 120)), places[stop]))
    latitude, longitude = way.road.position_deg(places)
    noise_m = random.uniform(1, 6)
    latitude = latitude + random.normal(0, noise_m, len(places)) / METRES_PER_DEGREE
    longitude = longitude + random.normal(0, noise_m, len(places)) / METRES_PER_DEGREE / 0.69
    made = cleaned(start_ms + np.arange(len(places), dtype=np.int64) * 1000, latitude, longitude)
    assert made is not None
    return made


def add(conn: Connection, key: int, track: GpsTrack, course: Course, rows: Any) -> None:
    """A workout with its track, as the platform stores it, without samples."""
    start_ms = int(track.times_ms[0])
    conn.execute(
        insert(recordings).values(
            recording_pk=key, user_id=USER_ID, recording_id=f"{key:026}", state=3, sport=CYCLING,
            sub_sport=0, start_ms=start_ms, opened_ms=0, updated_ms=0, clock_offset_ms=0, details=b"",
        )
    )  # fmt: skip
    conn.execute(
        insert(workouts).values(
            workout_pk=key, workout_id=f"{key:026}", user_id=USER_ID, recording_pk=key, title="", notes="",
            sport=CYCLING, sub_sport=0, start_ms=start_ms, end_ms=start_ms, elapsed_s=0, document=b"",
            version=1, created_ms=0, updated_ms=0,
        )
    )  # fmt: skip
    box = course.box
    values = {
        "user_id": USER_ID,
        "sport": CYCLING,
        "start_ms": start_ms,
        "length_m": course.length_m,
        "south_deg": box.south_deg,
        "north_deg": box.north_deg,
        "west_deg": box.west_deg,
        "east_deg": box.east_deg,
        "course": encode_course(course),
        "course_times": encode_times(track.times_ms[rows], start_ms),
        "average_power_w": None,
        "average_heart_rate_bpm": None,
    }
    store.put_track(conn, key, values)


@dataclass
class Spent:
    """Processor seconds, one value a workout."""

    course: list[float]
    place: list[float]


async def place_all(
    database: Database, ways: list[Way], count: int, random: np.random.Generator
) -> tuple[Spent, list[int]]:
    """Make and place the workouts one by one; on which way each was made."""
    popularity = 1 / np.arange(1, len(ways) + 1) ** 0.8
    chosen = random.choice(len(ways), count, p=popularity / popularity.sum())
    spent = Spent([], [])
    for key, number in enumerate(chosen.tolist(), start=1):
        start_ms = START_MS + key * DAY_MS
        track = ridden(ways[number], start_ms, random)
        began = time.process_time()
        course, rows = course_of(track)
        spent.course.append(time.process_time() - began)
        async with database.write() as transaction:
            await transaction.run(add, key, track, course, rows)
        began = time.process_time()
        await placing.place(database, key, start_ms)
        spent.place.append(time.process_time() - began)
    return spent, chosen.tolist()


def _read(conn: Connection) -> tuple[dict[int, int], dict[str, int], list[tuple[int, bytes]]]:
    placed = {
        row.workout_pk: row.route_pk for row in conn.execute(select(tracks.c.workout_pk, tracks.c.route_pk))
    }
    sizes = {
        table.name: conn.execute(select(func.count()).select_from(table)).scalar_one()
        for table in (routes, route_cells, tracks)
    }
    courses = [
        (row.workout_pk, bytes(row.course))
        for row in conn.execute(select(tracks.c.workout_pk, tracks.c.course))
    ]
    return placed, sizes, courses


def wrong_pairs(placed: dict[int, int], chosen: list[int]) -> tuple[int, int, int]:
    """Pairs on one way; of those, pairs that were not put on one route; pairs that were and should not."""
    together = Counter(chosen)
    found = Counter(placed.values())
    both = Counter((way, placed[key]) for key, way in enumerate(chosen, start=1))

    def pairs(counts: Counter[Any]) -> int:
        return sum(size * (size - 1) // 2 for size in counts.values())

    return pairs(together), pairs(together) - pairs(both), pairs(found) - pairs(both)


def _milliseconds(name: str, seconds: list[float]) -> str:
    ordered = sorted(seconds)
    p95 = ordered[int(len(ordered) * 0.95)]
    middle = statistics.median(seconds)
    return f"{name:<34}{middle * 1000:>10.2f}{p95 * 1000:>10.2f}{max(seconds) * 1000:>10.2f}"


def search(ways: list[Way], courses: list[tuple[int, bytes]], random: np.random.Generator) -> str:
    """Look for a segment of the most ridden way in every stored course."""
    model = ridden(ways[0], START_MS, random)
    course, _ = course_of(model, 10.0)
    middle = slice(len(course) // 3, len(course) // 2)
    segment = Course(course.latitude_deg[middle], course.longitude_deg[middle])
    began = time.process_time()
    near = [key for key, payload in courses if comes_near(segment, decode_course(payload))]
    coarse_s = time.process_time() - began
    began = time.process_time()
    passes = find_passes(segment, model)
    fine_s = time.process_time() - began
    return (
        f"a segment of {segment.length_m / 1000:.1f} km: "
        f"{len(courses)} courses looked at in {coarse_s:.2f} s, "
        f"{len(near)} of them near; a near one costs {fine_s * 1000:.1f} ms ({len(passes)} effort)"
    )


async def run(count: int, way_count: int) -> None:
    random = np.random.default_rng(2026)
    ways = ways_of(way_count, random)
    with tempfile.TemporaryDirectory() as directory:
        database = open_database(f"sqlite:///{Path(directory)}", schema="workout")
        try:
            assert module.migrations is not None
            await migrations.upgrade(database, module.migrations)
            spent, chosen = await place_all(database, ways, count, random)
            async with database.read() as view:
                placed, sizes, courses = await view.run(_read)
        finally:
            await database.close()
    print(
        f"{count} workouts on {len(set(chosen))} ways; {sizes['routes']} routes, {sizes['route_cells']} cells"
    )
    print(f"\n{'processor time a workout, ms':<34}{'median':>10}{'p95':>10}{'max':>10}")
    print(_milliseconds("course of the track", spent.course))
    print(_milliseconds("placing, all", spent.place))
    tenth = max(count // 10, 1)
    print(_milliseconds("placing, the first tenth", spent.place[:tenth]))
    print(_milliseconds("placing, the last tenth", spent.place[-tenth:]))
    pairs, missed, false = wrong_pairs(placed, chosen)
    print(f"\n{pairs} pairs on one way: {missed} not matched, {false} matched that are not")
    print(search(ways, courses, random))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workouts", type=int, default=4000)
    parser.add_argument("--ways", type=int, default=240)
    options = parser.parse_args(arguments)
    asyncio.run(run(options.workouts, options.ways))


if __name__ == "__main__":
    main()
