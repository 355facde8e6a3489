"""Bytes a sample in the store, beside the device's own file and beside Parquet, on the same samples.

A sample is one moment with all its channels (a ride has about ten). Chunks are what closing a recording
writes: one a source and hour. Parquet is one file a source by pyarrow, zstd level 9, with delta encoding,
which suits it best. The device's own bytes are those of the whole file. "main" is the series with most
channels alone; heart beats have a series of their own, and many samples of one channel. The rides are the
real ones beside the repository where they are present, and always the simulator's three-hour ride.

    python -m benchmarks.storage [FILE.fit …]
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from ingest_edge.files import decoder
from ingest_edge.files.activity import Activity, SampleTable
from ingest_edge.files.fit_encoder import write_activity
from ingest_edge.files.fitparse_decoder import FitparseDecoder
from ingest_edge.simulator.activities import three_hour_ride
from pulsemesh.samples import CHANNEL_BY_NAME
from services.workout.codec import SampleColumn, SampleColumns, decode_chunk, encode_chunk

REAL_FILES = Path(__file__).parents[2] / "shared" / "fit"
FEWEST_SAMPLES = 1000
GOAL_BYTES = 5.0
USUAL_CHANNELS = 7
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Ride:
    name: str
    file_bytes: int
    tables: tuple[SampleColumns, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    samples: int
    channels: int
    chunk_bytes: int
    parquet_bytes: int
    main_per_sample: float
    encode_s: float
    decode_s: float


def columns_of(table: SampleTable) -> SampleColumns:
    """A decoded table as the platform holds it."""
    return SampleColumns(
        table.time_ms,
        {
            CHANNEL_BY_NAME[name].channel: SampleColumn(values, table.validity[name])
            for name, values in table.columns.items()
        },
    ).without_absent()


def simulated_ride() -> Ride:
    activity = three_hour_ride(seed=7, start_ms=1_750_000_000_000)
    return _ride("simulated three-hour ride", len(write_activity(activity)), activity)


def real_rides(paths: list[Path]) -> Iterator[Ride]:
    """The files that hold enough samples to be a ride."""
    for path in paths:
        try:
            activity = FitparseDecoder().decode(path)
        except decoder.UnreadableFile:
            continue
        ride = _ride(path.name, path.stat().st_size, activity)
        if sum(map(len, ride.tables)) >= FEWEST_SAMPLES:
            yield ride


def _ride(name: str, file_bytes: int, activity: Activity) -> Ride:
    tables = (columns_of(table) for table in activity.tables if len(table))
    return Ride(name, file_bytes, tuple(table for table in tables if table.columns))


def hours(samples: SampleColumns) -> list[SampleColumns]:
    """As closing cuts them."""
    edges = np.arange(samples.times_ms[0], samples.times_ms[-1] + 1, HOUR_MS)
    cut = [samples.between(int(edge), int(edge) + HOUR_MS) for edge in edges]
    return [part.without_absent() for part in cut if len(part)]


def measure(ride: Ride) -> Measured:
    parts = [part for table in ride.tables for part in hours(table.sorted_by_time())]
    began = time.perf_counter()
    chunks = [encode_chunk(part) for part in parts]
    encoded = time.perf_counter()
    decoded = [decode_chunk(chunk) for chunk in chunks]
    ended = time.perf_counter()
    for part, again in zip(parts, decoded, strict=True):
        if not np.array_equal(part.times_ms, again.times_ms):
            raise RuntimeError(f"{ride.name}: the chunks do not give back what went in")
    return Measured(
        samples=sum(map(len, ride.tables)),
        channels=max(len(table.columns) for table in ride.tables),
        chunk_bytes=sum(map(len, chunks)),
        parquet_bytes=sum(parquet_bytes(table) for table in ride.tables),
        main_per_sample=_main_per_sample(ride),
        encode_s=encoded - began,
        decode_s=ended - encoded,
    )


def _main_per_sample(ride: Ride) -> float:
    """Bytes a sample of the series with most channels alone: beats and markers are cheap and many."""
    main = max(ride.tables, key=lambda table: len(table.columns))
    return sum(len(encode_chunk(part)) for part in hours(main.sorted_by_time())) / len(main)


def parquet_bytes(samples: SampleColumns) -> int:
    table = pa.table(
        {"time_ms": samples.times_ms}
        | {
            str(channel): pa.array(column.values, mask=~column.mask())
            for channel, column in samples.columns.items()
        }
    )
    sink = io.BytesIO()
    encodings = dict.fromkeys(table.column_names, "DELTA_BINARY_PACKED")
    parquet.write_table(
        table,
        sink,
        compression="zstd",
        compression_level=9,
        use_dictionary=False,
        column_encoding=encodings,
        write_statistics=False,
    )
    return sink.tell()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    chosen = parser.parse_args(argv).files or sorted(REAL_FILES.glob("*/*.fit"))
    heading = ("ride", "samples", "channels", "main", "chunk", "file", "parquet", "encode ns", "decode ns")
    print("{:48} {:>8} {:>8} {:>7} {:>7} {:>7} {:>8} {:>10} {:>10}".format(*heading))
    totals = np.zeros(3)
    real_samples = 0
    mains: list[float] = []
    for ride in [simulated_ride(), *real_rides(chosen)]:
        found = measure(ride)
        sizes = np.array([found.chunk_bytes, ride.file_bytes, found.parquet_bytes])
        if ride.name.endswith(".fit"):
            totals += sizes
            real_samples += found.samples
            mains += [found.main_per_sample] if found.channels >= USUAL_CHANNELS else []
        per_sample = sizes / found.samples
        times = f"{found.encode_s / found.samples * 1e9:10.0f} {found.decode_s / found.samples * 1e9:10.0f}"
        print(
            f"{ride.name[:48]:48} {found.samples:8} {found.channels:8} {found.main_per_sample:7.2f} "
            f"{per_sample[0]:7.2f} {per_sample[1]:7.1f} {per_sample[2]:8.2f} {times}"
        )
    if real_samples:
        chunk, file, parquet_ = totals / real_samples
        print(
            f"real files together: {chunk:.2f} B a sample, all series; the device's own need "
            f"{file / chunk:.1f} times as much, Parquet {parquet_ / chunk:.2f} times"
        )
    if mains:
        print(
            f"main series of {USUAL_CHANNELS} and more channels: median {statistics.median(mains):.2f} B a "
            f"sample, {sum(each <= GOAL_BYTES for each in mains)} of {len(mains)} within {GOAL_BYTES:g}"
        )


if __name__ == "__main__":
    main()
