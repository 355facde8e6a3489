"""FIT files decoded, beside fitparse and the two decoders in Rust, on the same files in the same run.

What each is asked for, and gives:

- ours: `read_fit`, then the array of every column of every message (numbers in arrays as matrices), with
  nothing left for later. `records`: the same for the record messages alone.
- fitparse 1.2.0 as it comes: `FitFile(...).get_messages()`, all values of all messages as Python objects.
- fitfast 0.1.0: `records`, the scalars of the record messages as float64 arrays, without text and arrays;
  and `parse`, all messages as dictionaries.
- pyroparse 0.11.0: `read_fit(columns="all")`, the record messages as an Arrow table, with laps marked.

So the Rust decoders' quickest reads less than ours does. Times are of CPU, the best of several runs; a file
that a decoder refuses is marked and left out of that decoder's ratios. The files are the real ones beside the
repository where they are present, else simulated ones.

    python -m benchmarks.fit_decode [FILE.fit …]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import fitfast
import fitparse
import pyroparse

from ingest_edge.files.fit import read_fit
from ingest_edge.files.fit_encoder import write_activity
from ingest_edge.files.fit_profile import MessageNumber
from ingest_edge.simulator.activities import three_hour_ride

REAL_FILES = Path(__file__).parents[2] / "shared" / "fit"
FEWEST_RECORDS = 1000
RUNS = 7
BUDGET_S = 1.5
GOAL_FITPARSE = 300
GOAL_RUST = 3
T0_MS = 1_750_000_000_000


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds by decoder; None where it refuses the file."""

    name: str
    size: int
    records: int
    ours: float
    our_records: float
    fitparse: float | None
    fitfast_records: float | None
    fitfast_all: float | None
    pyroparse: float | None

    @property
    def rust(self) -> float | None:
        """The quickest of the Rust decoders that reads the file, whatever it reads of it."""
        return min(
            (time for time in (self.fitfast_records, self.pyroparse) if time is not None), default=None
        )


def decode_all(content: bytes, wanted: set[int] | None = None) -> int:
    """Decode with nothing left to be made; returns how many columns there are."""
    count = 0
    for table in read_fit(content, wanted=wanted).messages.values():
        for columns in (table.columns, table.developer):
            for column in columns.values():
                if column.is_array:
                    column.matrix()
                else:
                    _ = column.values
                count += 1
    return count


def decode_with_fitparse(content: bytes) -> None:
    for message in fitparse.FitFile(io.BytesIO(content)).get_messages():
        message.get_values()


def best_of(work: Callable[[], object], runs: int = RUNS) -> float | None:
    """The shortest of several runs, fewer where one is long; None where it fails."""
    best, spent = float("inf"), 0.0
    for _ in range(runs):
        started = time.process_time()
        try:
            work()
        except Exception:
            return None
        took = time.process_time() - started
        best, spent = min(best, took), spent + took
        if spent > BUDGET_S:
            break
    return best


def measure(name: str, path: Path) -> Measured:
    content = path.read_bytes()
    records = read_fit(content, wanted={MessageNumber.RECORD}).messages.get(MessageNumber.RECORD)
    ours = best_of(lambda: decode_all(content))
    our_records = best_of(lambda: decode_all(content, {MessageNumber.RECORD}))
    if ours is None or our_records is None:
        raise SystemExit(f"{name}: ours failed")
    return Measured(
        name,
        len(content),
        0 if records is None else len(records),
        ours,
        our_records,
        best_of(lambda: decode_with_fitparse(content), 2),
        best_of(lambda: fitfast.records(content)),
        best_of(lambda: fitfast.parse(content)),
        best_of(lambda: pyroparse.read_fit(str(path), columns="all")),
    )


@contextlib.contextmanager
def chosen_files(paths: list[Path]) -> Iterator[list[Path]]:
    """The files named, else the real ones, else simulated rides of three hours and of a day."""
    found = paths or sorted(REAL_FILES.glob("*/*.fit"))
    if found:
        yield found
        return
    with tempfile.TemporaryDirectory() as folder:
        simulated = []
        for seed in range(3):
            path = Path(folder) / f"simulated-{seed}.fit"
            path.write_bytes(write_activity(three_hour_ride(seed=seed, start_ms=T0_MS)))
            simulated.append(path)
        yield simulated


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The Rust decoders write what they think of a file to the process's standard error."""
    logging.disable(logging.CRITICAL)
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        logging.disable(logging.NOTSET)


def milliseconds(seconds: float | None) -> str:
    return f"{'refused':>9}" if seconds is None else f"{seconds * 1000:9.3f}"


def times(other: float | None, ours: float) -> str:
    return f"{'–':>6}" if other is None else f"{other / ours:5.{0 if other > 20 * ours else 1}f}×"


def row(one: Measured) -> str:
    cells = (one.ours, one.our_records, one.fitparse, one.fitfast_all, one.fitfast_records, one.pyroparse)
    ratios = (one.fitparse, one.fitfast_all, one.rust)
    return (
        f"{one.name[:38]:38} {one.size:8} {one.records:7} "
        + " ".join(milliseconds(cell) for cell in cells)
        + " "
        + " ".join(times(other, one.ours) for other in ratios)
    )


def median(ratios: list[float]) -> str:
    return (
        f"{statistics.median(ratios):.1f}× ({len(ratios)} files, least {min(ratios):.1f}×)" if ratios else "–"
    )


def report(measured: list[Measured]) -> None:
    """The table, and the medians that the goals speak of."""
    print(
        f"{'file':38} {'bytes':>8} {'records':>7} {'ours all':>9} {'ours rec.':>9} {'fitparse':>9} "
        f"{'fitf. all':>9} {'fitf. rec':>9} {'pyroparse':>9}  ours is quicker than"
    )
    print(f"{'':57}{'milliseconds':>40}{'':24}fitparse, fitfast all, quickest Rust")
    for one in measured:
        print(row(one))
    large = [one for one in measured if one.records >= FEWEST_RECORDS]
    small = [one for one in measured if one.records < FEWEST_RECORDS]
    print(f"\nfiles of {FEWEST_RECORDS} records and more ({len(large)}), median:")
    print(
        f"  all messages, beside fitparse (all):          {median(ratios(large, 'fitparse'))}; "
        f"goal {GOAL_FITPARSE}×"
    )
    print(
        f"  all messages, beside the quickest in Rust:    {median(ratios(large, 'rust'))}; goal {GOAL_RUST}×"
    )
    print(f"  all messages, beside fitfast (all):           {median(ratios(large, 'fitfast_all'))}")
    only = [one.rust / one.our_records for one in large if one.rust is not None]
    print(f"  records alone, beside the quickest in Rust:   {median(only)}")
    print(f"  records a second, all messages:               {rate(large)}")
    print(f"smaller files ({len(small)}), median:")
    print(f"  all messages, beside fitfast (all):           {median(ratios(small, 'fitfast_all'))}")
    refused = {
        label: sum(getattr(one, field) is None for one in measured)
        for label, field in (
            ("fitparse", "fitparse"),
            ("fitfast", "fitfast_records"),
            ("pyroparse", "pyroparse"),
        )
    }
    print(
        f"refused of {len(measured)}: ours 0, "
        + ", ".join(f"{name} {count}" for name, count in refused.items())
    )


def ratios(measured: list[Measured], field: str) -> list[float]:
    return [getattr(one, field) / one.ours for one in measured if getattr(one, field) is not None]


def rate(measured: list[Measured]) -> str:
    rates = [one.records / one.ours for one in measured]
    return f"{statistics.median(rates):,.0f}" if rates else "–"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Decode FIT files with ours and with others.")
    parser.add_argument("files", nargs="*", type=Path)
    with chosen_files(parser.parse_args(argv).files) as paths, quiet():
        measured = [measure(path.name, path) for path in paths]
    report(sorted(measured, key=lambda one: one.size))


if __name__ == "__main__":
    main()
