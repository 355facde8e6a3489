"""Server time to read a whole six-hour stream of ten channels back, beside doing without the chunks' codec.

Measured is the processor time of what the server does: fetch the chunks from SQLite, decode them, build the
response messages and serialise them. The baseline keeps the same samples as rows of (time, ten values) and
builds the same messages.

    python -m benchmarks.read_streams [--rounds 9]
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
from sqlalchemy import Connection, insert, text

from benchmarks.storage import columns_of
from ingest_edge.simulator.activities import three_hour_ride
from pulsemesh.workout.v1 import workout_service_pb2
from services.chassis import migrations
from services.chassis.database import Database, open_database
from services.workout import reading
from services.workout.codec import SampleColumn, SampleColumns, concatenate
from services.workout.compaction import chunk_rows
from services.workout.module import module
from services.workout.store import workouts
from services.workout.tables import chunks, recordings, sources
from services.workout.tables import workouts as workouts_table

GOAL_MS = 20.0
USER_ID, WORKOUT_ID = "eu_benchmark", "0" * 26
START_MS = 1_750_000_000_000
SIX_HOURS_S = 21_600


def six_hours() -> SampleColumns:
    """The simulator's three-hour ride twice, ten channels, a sample a second."""
    (table,) = [each for each in three_hour_ride(7, START_MS).tables if each.series == "record"]
    half = columns_of(table).take(slice(0, SIX_HOURS_S // 2))
    whole = concatenate([half, half.shifted(SIX_HOURS_S // 2 * 1000)])
    filled = {channel: SampleColumn(whole.columns[channel].values) for channel in sorted(whole.columns)[:10]}
    return SampleColumns(START_MS + np.arange(len(whole), dtype=np.int64) * 1000, filled)


def fill(conn: Connection, samples: SampleColumns) -> None:
    blank: dict[str, Any] = {"user_id": USER_ID, "sport": 2, "sub_sport": 0, "start_ms": START_MS}
    recording = {"recording_id": "1" * 26, "state": 3, "opened_ms": 0, "updated_ms": 0, "clock_offset_ms": 0}
    conn.execute(insert(recordings).values(**blank, **recording, recording_pk=1, details=b""))
    source = {"source_id": "watch", "description": b"", "writer_id": "w", "epoch": 1, "next_sequence": 0}
    conn.execute(
        insert(sources).values(source_pk=1, recording_pk=1, rejected_samples=0, complete=True, **source)
    )
    conn.execute(
        insert(workouts_table).values(
            **blank,
            workout_id=WORKOUT_ID,
            recording_pk=1,
            title="",
            notes="",
            end_ms=START_MS,
            elapsed_s=0,
            document=b"",
            version=1,
            created_ms=0,
            updated_ms=0,
        )
    )
    conn.execute(insert(chunks), chunk_rows(1, samples))
    columns = [f"c{channel}" for channel in samples.columns]
    conn.execute(text(f"CREATE TABLE plain (time_ms INTEGER PRIMARY KEY, {', '.join(columns)})"))
    rows = zip(
        samples.times_ms.tolist(), *(each.values.tolist() for each in samples.columns.values()), strict=True
    )
    names = ["time_ms", *columns]
    conn.execute(
        text(f"INSERT INTO plain VALUES ({', '.join(f':{name}' for name in names)})"),
        [dict(zip(names, row, strict=True)) for row in rows],
    )


async def read_chunks(database: Database) -> int:
    """As ReadStreams does; returns the bytes that would be sent."""
    async with database.read() as view:
        stored = await view.run(workouts.stream, USER_ID, WORKOUT_ID, 0, None)
    assert stored is not None
    wanted = reading.selection(workout_service_pb2.ReadStreamsRequest(workout_id=WORKOUT_ID))
    segments = reading.segments(stored, wanted)
    sent = 0
    while (segment := await asyncio.to_thread(next, segments, None)) is not None:
        sent += len(workout_service_pb2.ReadStreamsResponse(segment=segment).SerializeToString())
    return sent


async def read_rows(database: Database, channels: list[int]) -> int:
    """The same from rows."""

    def fetch(conn: Connection) -> Any:
        return conn.execute(text("SELECT * FROM plain ORDER BY time_ms")).all()

    async with database.read() as view:
        rows = np.array(await view.run(fetch), np.int64)
    columns = {
        channel: SampleColumn(rows[:, 1 + index].astype(np.int32)) for index, channel in enumerate(channels)
    }
    sent = 0
    for segment in reading.cut_into_segments(SampleColumns(rows[:, 0], columns), "watch"):
        sent += len(workout_service_pb2.ReadStreamsResponse(segment=segment).SerializeToString())
    return sent


async def measure(rounds: int) -> None:
    samples = six_hours()
    with tempfile.TemporaryDirectory() as directory:
        database = open_database(f"sqlite:///{Path(directory)}", schema="workout")
        assert module.migrations is not None
        await migrations.upgrade(database, module.migrations)
        async with database.write() as transaction:
            await transaction.run(fill, samples)
        by_chunks, by_rows = [], []
        for _ in range(rounds):
            began = time.process_time()
            sent = await read_chunks(database)
            middle = time.process_time()
            await read_rows(database, list(samples.columns))
            by_chunks.append((middle - began) * 1000)
            by_rows.append((time.process_time() - middle) * 1000)
        await database.close()
    ours, baseline = statistics.median(by_chunks), statistics.median(by_rows)
    print(f"{len(samples)} samples, {len(samples.columns)} channels, {sent / 1e6:.2f} MB sent")
    print(f"chunks: median {ours:.1f} ms, best {min(by_chunks):.1f} ms (goal {GOAL_MS:g} ms)")
    print(f"rows:   median {baseline:.1f} ms, {baseline / ours:.1f} times as long")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    asyncio.run(measure(parser.parse_args(argv).rounds))


if __name__ == "__main__":
    main()
