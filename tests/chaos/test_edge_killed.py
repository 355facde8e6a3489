"""kill -9 of the edge at random moments: what was appended reaches the workout, once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from ingest_edge.spool import SpoolLocked, SpoolState
from pulsemesh import Client, connect
from pulsemesh.testing import Platform, platform
from tests.chaos.edge_process import open_spool
from tests.fixtures.numbered_writers import Tally, stored_values, value_of
from tests.fixtures.platform_process import ROOT, ServerProcess, clean_environment, running
from tests.fixtures.server_process import Guard, kill_with_children
from tests.fixtures.waiting import eventually

NUMBERS = [1, 2, 3]


class EdgeProcess:
    """The edge of `edge_process`, and what it has said.

    Attributes:
        appended: by source, the end of the last append that returned.
        appends: how many returned.
    """

    def __init__(self, folder: Path, target: str, token: str) -> None:
        arguments = [str(folder), target, token, *map(str, NUMBERS)]
        self._command = [sys.executable, "-m", "tests.chaos.edge_process", *arguments]
        self._process: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Task[None] | None = None
        self.recording_id = ""
        self.workout_id = ""
        self.appended: dict[str, int] = {}
        self.appends = 0

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, cwd=ROOT
        )
        self._listener = asyncio.create_task(self._listen(self._process))

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        async for raw in process.stdout:
            if not raw.endswith(b"\n"):
                return
            kind, recording_id, *words = raw.decode().split()
            assert self.recording_id in ("", recording_id), "a second recording was begun"
            self.recording_id = recording_id
            if kind == "appended":
                self._note(words[0], int(words[1]))
            else:
                self.workout_id = words[0]

    def _note(self, source_id: str, sequence: int) -> None:
        assert sequence > self.appended.get(source_id, 0), "a sequence was given twice"
        self.appended[source_id] = sequence
        self.appends += 1

    async def until_it_appends(self) -> None:
        before = self.appends
        await eventually(lambda: self.appends > before, 60)

    async def end(self, how: signal.Signals) -> None:
        assert self._process is not None
        assert self._listener is not None
        self._process.send_signal(how)
        await asyncio.wait_for(self._process.wait(), 60)
        await self._listener

    async def close(self) -> None:
        if self._process is not None and self._process.returncode is None:
            await self.end(signal.SIGKILL)


@asynccontextmanager
async def _edge(folder: Path, served: Platform) -> AsyncIterator[EdgeProcess]:
    edge = EdgeProcess(folder, served.target, await served.token("rider", device=True))
    try:
        yield edge
    finally:
        await edge.close()


async def _compare(client: Client, edge: EdgeProcess, tally: Tally) -> None:
    """Everything from the first sample to the last append that returned, and no sample twice.

    An append whose return was never said (the process died in between) may be there too: then it is counted
    as sent, in its place.
    """
    stored = await stored_values(client, edge.recording_id)
    for number in NUMBERS:
        found = stored.get(f"sensor/{number}", [])
        promised = edge.appended[f"sensor/{number}"]
        tally.acknowledged_missing += max(0, promised - len(found))
        count = max(promised, len(found))
        tally.compare([value_of(number, sequence) for sequence in range(count)], found)


async def _kill_edge(folder: Path, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    tally = Tally("edge killed")
    async with platform() as served, _edge(folder, served) as edge:
        for _ in range(kills):
            await edge.start()
            await edge.until_it_appends()
            await asyncio.sleep(chance.uniform(0.0, 0.8))
            await edge.end(signal.SIGKILL)
            tally.kills += 1
            tally.rounds += 1
        await edge.start()
        await edge.until_it_appends()
        await edge.end(signal.SIGTERM)
        assert edge.workout_id
        async with connect(served.target, await served.token("rider")) as client:
            await _compare(client, edge, tally)
            listed = [workout.workout_id async for workout in client.workouts.list()]
    # Each append that returned was promised by the spool.
    tally.batches_acknowledged, tally.reconnects = edge.appends, kills
    tally.check()
    assert listed == [edge.workout_id]


async def test_a_killed_edge_loses_and_doubles_nothing_that_was_appended(tmp_path: Path) -> None:
    await _kill_edge(tmp_path, kills=3, seed=3)


async def _kill_both_ends(folder: Path, rounds: int, seed: int) -> None:
    """In each round the edge, the server, or both, in either order."""
    chance = random.Random(seed)
    tally = Tally("edge and server killed at random")
    with running(ServerProcess(folder)) as server:
        async with connect(server.address) as anyone:
            device = (await anyone.auth.create_token("rider", device=True)).access_token
            person = (await anyone.auth.create_token("rider")).access_token
        edge = EdgeProcess(folder / "spool", server.address, device)
        try:
            for _ in range(rounds):
                await edge.start()
                await edge.until_it_appends()
                victims = chance.choice((["edge"], ["server", "edge"], ["edge", "server"]))
                for victim in victims:
                    await asyncio.sleep(chance.uniform(0.0, 0.8))
                    tally.kills += 1
                    if victim == "edge":
                        await edge.end(signal.SIGKILL)
                    else:
                        await asyncio.to_thread(server.kill)
                tally.rounds += 1
                if "server" in victims:
                    await asyncio.to_thread(server.start)
            await edge.start()
            await edge.until_it_appends()
            await edge.end(signal.SIGTERM)
        finally:
            await edge.close()
        async with connect(server.address, person) as client:
            await _compare(client, edge, tally)
    tally.batches_acknowledged, tally.reconnects = edge.appends, tally.rounds
    tally.check()


@pytest.mark.slow
async def test_fifty_rounds_of_kills_at_both_ends_lose_and_double_nothing(tmp_path: Path) -> None:
    await _kill_both_ends(tmp_path, rounds=50, seed=17)


@pytest.mark.slow
async def test_fifty_kills_of_the_edge_lose_and_double_nothing(tmp_path: Path) -> None:
    await _kill_edge(tmp_path, kills=50, seed=13)


# The whole command.


@dataclass
class Command:
    """`pulsemesh-edge simulate sensors -- pulsemesh-edge record`, run as a user would run it."""

    home: Path
    target: str

    @contextlib.contextmanager
    def running(self, log: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run the command during the block; then kill it, and the command that it runs."""
        environment = clean_environment(
            {
                "PULSEMESH_EDGE_HOME": str(self.home),
                "PULSEMESH_EDGE_TARGET": self.target,
                "PULSEMESH_EDGE_LOGIN": "rider",
                "PULSEMESH_EDGE_SCAN_S": "1",
                "PULSEMESH_EDGE_FLUSH_INTERVAL_S": "0.2",
                "PULSEMESH_EDGE_SPOOL_MIN_FREE_BYTES": "0",
            }
        )
        program = str(Path(sys.executable).parent / "pulsemesh-edge")
        words = [program, "simulate", "sensors", "--", program, "record", "--json", *options]
        with log.open("wb") as output:
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=output, env=environment, start_new_session=True
            )
        guard = Guard(process.pid)
        try:
            yield process
        finally:
            guard.dismiss()
            kill_with_children(process)


def _said(log: Path) -> dict[str, dict[str, Any]]:
    """The last event of each kind."""
    whole = [line for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
    return {event["event"]: event for event in map(json.loads, whole)}


async def _spooled(folder: Path) -> tuple[str, dict[str, int]]:
    """The interrupted recording, and by source how many samples were taken."""

    async def unlocked() -> bool:
        # Threads of a killed process may still be ending, and hold its lock.
        with contextlib.suppress(SpoolLocked):
            await (await open_spool(folder)).close()
            return True
        return False

    await eventually(unlocked)
    async with await open_spool(folder) as spool:
        (recording,) = await spool.recordings([SpoolState.RECORDING])
        return recording.recording_id, {one.source_id: one.next_sequence for one in recording.sources}


async def test_a_recording_whose_commands_were_killed_is_gone_on_with(tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    async with platform() as served:
        command = Command(tmp_path / "home", served.target)
        rider = await served.client("rider")

        async def arriving() -> bool:
            if "recording" not in _said(first):
                return False
            recordings = [one async for one in rider.recordings.list()]
            return bool(recordings) and sum(source.next_sequence for source in recordings[0].sources) > 12

        with command.running(first):
            await eventually(arriving, 60)
        recording_id, before = await _spooled(tmp_path / "home" / "spool")
        with command.running(second, "--seconds", "2") as process:
            code = await asyncio.to_thread(process.wait, 60)
        said = _said(second)
        assert code == 0
        assert said["recording"] == {"event": "recording", "recording_id": recording_id, "resumed": True}
        workouts = [workout async for workout in rider.workouts.list()]
        assert [workout.workout_id for workout in workouts] == [said["workout"]["workout_id"]]
        streams = await rider.workouts.streams(workouts[0].workout_id)
    stored = {series.source_id: len(series) for series in streams}
    print(f"\ncommands killed: 1, samples in the spool then {before}, in the workout {stored}")
    assert stored == {source: count for source, count in said["finished"]["sources"].items() if count}
    assert sum(before.values()) > 0
    assert all(stored.get(source_id, 0) >= count for source_id, count in before.items())
    assert all(a < b for series in streams for a, b in pairwise(series.times_ms))
