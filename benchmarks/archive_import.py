"""An archive of 2,000 files into a real platform, and what other people notice of it meanwhile.

Measured are files a second from the command's start to the last original stored; the p95 of another
person's reads (GetWorkout, ListWorkouts, ReadStreams) during the import beside the p95 at rest; and the
memory of importer and server over the import, first third beside last third. At rest means: with the
importer stopped (SIGSTOP) for a few seconds again and again, so that whatever else the machine does falls on
both sides alike. The time for which it was stopped does not count.

    python -m benchmarks.archive_import [--files 2000] [--store sqlite|postgres] [--rate 20]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.servers import postgres
from ingest_edge.files.fit_encoder.activities import write_activity
from ingest_edge.simulator.activities import fifty_minute_run, indoor_ride
from pulsemesh import Client, connect
from tests.fixtures.export_archives import ride_fit
from tests.fixtures.platform_process import ROOT, ServerProcess, clean_environment, running

GOAL_RATIO = 2.0
_KINDS = ("GetWorkout", "ListWorkouts", "ReadStreams")
_SECONDS = (300, 600, 900, 1800, 3600)
_READER_WORKOUTS = 6
_WORKING_S, _SETTLING_S, _RESTING_S = 6.0, 1.5, 4.0


def make_archive(path: Path, files: int) -> int:
    """Short rides of five sizes; returns the bytes of the archive."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(files):
            content = ride_fit(number, _SECONDS[number % len(_SECONDS)])
            archive.writestr(f"activities/{number:06d}.fit", content)
    return path.stat().st_size


class Reads:
    """The reads of one person, evenly spread over time; a slow answer delays none of the next."""

    def __init__(self, client: Client, workouts: list[str], rate: float) -> None:
        self._client = client
        self._workouts = workouts
        self._rate = rate
        self._chance = random.Random(1)
        self.phase = ""
        """To what the reads that begin now are counted; empty: to nothing."""
        self.seconds: dict[tuple[str, str], list[float]] = defaultdict(list)
        """What reads took, by phase and kind."""
        self.failed = 0

    async def run(self, until: Callable[[], bool]) -> None:
        """Read until that is so."""
        number = 0
        begun = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            while not until():
                group.create_task(self._read(_KINDS[number % len(_KINDS)]))
                number += 1
                await asyncio.sleep(max(begun + number / self._rate - time.perf_counter(), 0))

    async def _read(self, kind: str) -> None:
        began, phase = time.perf_counter(), self.phase
        workout = self._chance.choice(self._workouts)
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "GetWorkout": lambda: self._client.workouts.get(workout),
            "ListWorkouts": self._list,
            "ReadStreams": lambda: self._client.workouts.streams(workout),
        }
        try:
            await calls[kind]()
        except Exception as error:
            self.failed += 1
            print(f"a {kind} failed: {error}", file=sys.stderr)
        self.seconds[phase, kind].append(time.perf_counter() - began)

    async def _list(self) -> None:
        async for _ in self._client.workouts.list():
            pass


def p95_ms(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1] * 1000 if len(seconds) > 1 else float("nan")


def resident_mb(pids: list[int]) -> float:
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return total / 1e6


def cpu_s(pids: list[int]) -> float:
    """Processor seconds that these have used."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            # The name of the program, in brackets, may hold blanks.
            user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
            ticks += int(user) + int(system)
    return ticks / os.sysconf("SC_CLK_TCK")


def with_children(pid: int) -> list[int]:
    found = [pid]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += with_children(int(child))
    return found


@contextlib.contextmanager
def store(kind: str) -> Iterator[dict[str, str]]:
    """The server's settings for its database."""
    if kind == "sqlite":
        yield {}
        return
    with postgres() as url:
        yield {"PULSEMESH_DATABASE__URL": url, "PULSEMESH_DATABASE__MIGRATE_ON_START": "true"}


@asynccontextmanager
async def reader(server: ServerProcess, folder: Path, rate: float) -> AsyncIterator[Reads]:
    """A person with a few workouts, imported beforehand."""
    own = folder / "own"
    own.mkdir()
    for number in range(_READER_WORKOUTS):
        make = indoor_ride if number % 2 else fifty_minute_run
        (own / f"{number}.fit").write_bytes(
            write_activity(make(number, 1_600_000_000_000 + number * 86_400_000))
        )
    await asyncio.to_thread(start_import(server, folder / "reader-edge", "reader", own).communicate)
    async with connect(server.address) as anyone:
        token = (await anyone.auth.create_token("reader")).access_token
    async with connect(server.address, token) as client:
        workouts = [workout.workout_id async for workout in client.workouts.list()]
        yield Reads(client, workouts, rate)


def start_import(server: ServerProcess, home: Path, login: str, path: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "ingest_edge.cli.main", "--home", str(home), "--target", server.address]
    return subprocess.Popen(
        [*command, "--login", login, "import", str(path), "--json"],
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


async def alternate(process: subprocess.Popen[bytes], reads: Reads) -> float:
    """Let the importer work and rest in turn until it ends; returns for how long it was stopped."""
    stopped_s = 0.0
    while process.poll() is None:
        reads.phase = "busy"
        await asyncio.sleep(_WORKING_S)
        pids = with_children(process.pid)
        began = time.perf_counter()
        reads.phase = ""
        tell(pids, signal.SIGSTOP)
        # What the server still does of the files that it has.
        await asyncio.sleep(_SETTLING_S)
        reads.phase = "rest"
        await asyncio.sleep(_RESTING_S)
        tell(pids, signal.SIGCONT)
        stopped_s += time.perf_counter() - began
    return stopped_s


def tell(pids: list[int], what: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, what)


def thirds(memory: list[float]) -> str:
    third = max(len(memory) // 3, 1)
    return f"{max(memory[:third]):.0f} MB in the first third, {max(memory[-third:]):.0f} MB in the last"


async def measure(files: int, kind: str, rate: float) -> None:
    with tempfile.TemporaryDirectory(prefix="pulsemesh-bench-") as place, store(kind) as settings:
        folder = Path(place)
        archive = folder / "export.zip"
        size = await asyncio.to_thread(make_archive, archive, files)
        (folder / "server").mkdir()
        with running(ServerProcess(folder / "server", environment=settings)) as server:
            async with reader(server, folder, rate) as reads:
                await reads.run(after(3))
                process = start_import(server, folder / "edge", "importer", archive)
                began = time.perf_counter()
                edge_mb: list[float] = []
                server_mb: list[float] = []
                used_s = {"importer": 0.0, "decoders": 0.0, "server": 0.0}
                server_before_s = cpu_s(with_children(server.pid))

                async def watch() -> None:
                    while process.poll() is None:
                        edge_mb.append(resident_mb(with_children(process.pid)))
                        server_mb.append(resident_mb(with_children(server.pid)))
                        used_s["importer"] = cpu_s([process.pid]) or used_s["importer"]
                        decoders = cpu_s(with_children(process.pid)[1:])
                        used_s["decoders"] = max(decoders, used_s["decoders"])
                        used_s["server"] = cpu_s(with_children(server.pid)) - server_before_s
                        await asyncio.sleep(0.5)

                output = asyncio.create_task(asyncio.to_thread(process.communicate))
                watching = asyncio.create_task(watch())
                turns = asyncio.create_task(alternate(process, reads))
                await reads.run(output.done)
                elapsed = time.perf_counter() - began
                stopped_s = await turns
                elapsed -= stopped_s if stopped_s < elapsed else 0
                await watching
    summary = json.loads((await output)[0].splitlines()[-1])
    print(f"{kind}: {files} files, {size / 1e6:.1f} MB, in {elapsed:.1f} s: {files / elapsed:.1f} files/s")
    print(f"imported {summary['imported']}, everything else {files - summary['imported']}")
    shares = ", ".join(f"{name} {seconds * 1000 / files:.0f} ms" for name, seconds in used_s.items())
    print(f"processor time for each file: {shares} (the server's with the reads)")
    for name in _KINDS:
        rest, busy = p95_ms(reads.seconds["rest", name]), p95_ms(reads.seconds["busy", name])
        print(
            f"{name:<13} p95 at rest {rest:7.1f} ms, during {busy:7.1f} ms: {busy / rest:.2f} times "
            f"({len(reads.seconds['rest', name])} and {len(reads.seconds['busy', name])} reads)"
        )
    rest = p95_ms([value for name in _KINDS for value in reads.seconds["rest", name]])
    busy = p95_ms([value for name in _KINDS for value in reads.seconds["busy", name]])
    print(
        f"all reads     p95 at rest {rest:7.1f} ms, during {busy:7.1f} ms: {busy / rest:.2f} times", end=" "
    )
    print(f"(goal {GOAL_RATIO:g}), {reads.failed} failed")
    print(f"memory of the importer with its decoders: {thirds(edge_mb)}")
    print(f"memory of the server: {thirds(server_mb)}")


def after(seconds: float) -> Callable[[], bool]:
    """True once so much time has gone."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= end


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--rate", type=float, default=20, help="reads a second")
    chosen = parser.parse_args(argv)
    asyncio.run(measure(chosen.files, chosen.store, chosen.rate))


if __name__ == "__main__":
    main()
