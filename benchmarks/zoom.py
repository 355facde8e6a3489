"""Server time to draw a part of a 24-hour workout of ten channels in 1,000 points, beside reading it whole.

Measured is the processor time of what the server does for one ReadStreams call: fetch from SQLite, decode,
shorten, build and serialise the messages. "Whole" is the way without an overview: all chunks of the window
are decoded and shortened. Both are asked for the same windows, in turns, in one process; the extremes of
every channel must be the same.

    python -m benchmarks.zoom [--rounds 9]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, insert, select, update

from benchmarks.read_streams import START_MS, USER_ID, WORKOUT_ID, fill, six_hours
from pulsemesh.workout.v1 import recording_pb2, workout_pb2, workout_service_pb2
from services.chassis import migrations
from services.chassis.database import Database, open_database
from services.workout import reading, zooming
from services.workout.codec import SampleColumns, concatenate
from services.workout.compaction import chunk_rows
from services.workout.module import module
from services.workout.store import workouts
from services.workout.tables import chunks, overviews, sources

POINTS = 1_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
GOAL_MS = 10.0
HOURS = (24, 12, 8, 4, 1)


def a_day() -> SampleColumns:
    """Six hours of the simulator's ride, four times."""
    quarter = six_hours()
    return concatenate([quarter.shifted(part * 6 * HOUR_MS) for part in range(4)])


def put(conn: Connection, samples: SampleColumns, apart: bool) -> None:
    """The workout; `apart`: half of its channels in a second source, 300 ms later."""
    fill(conn, samples.take(slice(0, 10)))
    conn.execute(chunks.delete())
    half = frozenset(list(samples.columns)[:5])
    parts = [samples]
    if apart:
        parts = [samples.only(half), samples.only(frozenset(samples.columns) - half).shifted(300)]
    for key, part in enumerate(parts, 1):
        described = recording_pb2.Source(channels=sorted(part.columns)).SerializeToString()  # type: ignore[arg-type]
        if key == 1:
            conn.execute(update(sources).values(description=described))
        else:
            row = {"source_id": "strap", "description": described, "writer_id": "w", "epoch": 1}
            conn.execute(
                insert(sources).values(
                    source_pk=key, recording_pk=1, next_sequence=0, rejected_samples=0, complete=True, **row
                )
            )
        conn.execute(insert(chunks), chunk_rows(key, part))


def sizes(conn: Connection) -> tuple[int, int]:
    """Bytes of the chunks, and of the overviews."""
    return (
        conn.execute(select(func.sum(func.length(chunks.c.payload)))).scalar_one(),
        conn.execute(select(func.sum(func.length(overviews.c.payload)))).scalar_one() or 0,
    )


def request_of(start_ms: int, length_ms: int) -> workout_service_pb2.ReadStreamsRequest:
    return workout_service_pb2.ReadStreamsRequest(
        workout_id=WORKOUT_ID, start_time_ms=start_ms, end_time_ms=start_ms + length_ms, max_samples=POINTS
    )


async def zoomed(database: Database, request: workout_service_pb2.ReadStreamsRequest) -> list[Any]:
    """As ReadStreams does now: a short window of one source is read whole, too."""
    short = await zooming.segments(database, USER_ID, WORKOUT_ID, reading.selection(request))
    return await whole(database, request) if short is None else short


async def whole(database: Database, request: workout_service_pb2.ReadStreamsRequest) -> list[Any]:
    """As ReadStreams does without an overview."""
    wanted = reading.selection(request)
    async with database.read() as view:
        stored = await view.run(workouts.stream, USER_ID, WORKOUT_ID, wanted.start_ms, wanted.end_ms)
    assert stored is not None
    segments = reading.segments(stored, wanted)
    found = []
    while (segment := await asyncio.to_thread(next, segments, None)) is not None:
        found.append(segment)
    return found


def extremes(segments: list[workout_pb2.StreamSegment]) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for segment in segments:
        for column in segment.columns:
            values = np.cumsum(np.array(column.deltas, np.int64))
            low, high = int(values.min()), int(values.max())
            before = found.get(column.channel, (low, high))
            found[column.channel] = (min(low, before[0]), max(high, before[1]))
    return found


async def timed(call: Any, database: Database, request: Any) -> tuple[float, list[Any]]:
    began = time.process_time()
    segments = await call(database, request)
    for segment in segments:
        workout_service_pb2.ReadStreamsResponse(segment=segment).SerializeToString()
    return (time.process_time() - began) * 1000, segments


async def measure(rounds: int, apart: bool) -> None:
    samples = a_day()
    random = np.random.default_rng(3)
    with tempfile.TemporaryDirectory() as directory:
        database = open_database(f"sqlite:///{Path(directory)}", schema="workout")
        assert module.migrations is not None
        await migrations.upgrade(database, module.migrations)
        async with database.write() as transaction:
            await transaction.run(put, samples, apart)
        first_ms, _ = await timed(zoomed, database, request_of(START_MS, DAY_MS))
        print(f"{len(samples)} samples, 10 channels, {'two sources' if apart else 'one source'}")
        print(f"the first call, which computes the overview: {first_ms:.0f} ms")
        async with database.read() as view:
            samples_bytes, overview_bytes = await view.run(sizes)
        print(f"kept: {samples_bytes / 1e3:.0f} kB of samples, {overview_bytes / 1e3:.0f} kB of overview")
        for hours in HOURS:
            by_overview, by_whole = [], []
            for _ in range(rounds):
                start_ms = START_MS + int(random.integers(0, DAY_MS - hours * HOUR_MS + 1))
                request = request_of(start_ms, hours * HOUR_MS)
                ours_ms, ours = await timed(zoomed, database, request)
                theirs_ms, theirs = await timed(whole, database, request)
                assert apart or extremes(ours) == extremes(theirs), "an extreme is missing"
                by_overview.append(ours_ms)
                by_whole.append(theirs_ms)
            ours_ms, theirs_ms = statistics.median(by_overview), statistics.median(by_whole)
            print(
                f"{hours:2} h: overview {ours_ms:5.1f} ms (worst {max(by_overview):.1f}, goal {GOAL_MS:g}), "
                f"whole {theirs_ms:6.1f} ms, {theirs_ms / ours_ms:.1f} times as long"
            )
        await database.close()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args(argv)
    for apart in (False, True):
        asyncio.run(measure(arguments.rounds, apart))


if __name__ == "__main__":
    main()
