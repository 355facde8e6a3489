"""Imports in the background as people and programs see them: killed, resumed, cancelled, taken over."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ingest_edge.cli.main import cli
from tests.fixtures import export_archives as making
from tests.fixtures.platform_process import clean_environment
from tests.integration.ingest_edge.spool.platform import Platform

ROOT = Path(__file__).parents[4]
TIMEOUT_S = 90.0
QUICK = {"PULSEMESH_EDGE_DECODER_PROCESSES": "1"}
"""Every process costs its start."""
# Under its own name it would stand back for all the others that run tests on this machine.
_PROGRAM = "from ingest_edge.cli.main import cli; cli(prog_name='edge')"


class PlatformThread:
    """A platform on a loop of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.platform = Platform()
        self.call(self.platform.start())

    def call(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def close(self) -> None:
        self.call(self.platform.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class Edge:
    """The command with a home of its own."""

    def __init__(self, home: Path, target: str) -> None:
        self.home = home
        self._options = ["--home", str(home), "--target", target]

    def run(self, *words: str) -> tuple[int, list[dict[str, Any]]]:
        """Run a command here to its end; its exit code and events."""
        done = CliRunner(env=QUICK).invoke(cli, [*self._options, *words, "--json"])
        return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()]

    def leave(self, *words: str) -> list[dict[str, Any]]:
        """Run a command here that leaves a process behind, which ends by itself."""
        with warnings.catch_warnings():
            # Whoever leaves a process behind on purpose does not wait for it.
            warnings.simplefilter("ignore", ResourceWarning)
            code, events = self.run(*words)
            gc.collect()
        assert code == 0
        return events

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *self._options, *words, "--json"],
            cwd=ROOT,
            env=clean_environment(QUICK),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Look into the ledger; empty while there is none."""
        try:
            connection = sqlite3.connect(f"file:{self.home}/imports.sqlite3?mode=ro", uri=True, timeout=10)
        except sqlite3.OperationalError:
            return []
        try:
            return connection.execute(statement).fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            connection.close()

    def done(self) -> int:
        """Files that have an outcome."""
        found = self.query("SELECT count(*) FROM files WHERE status <> ''")
        return int(found[0][0]) if found else 0

    def state(self) -> str:
        found = self.query("SELECT state FROM jobs")
        return str(found[0][0]) if found else ""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


@pytest.fixture
def running() -> Iterator[PlatformThread]:
    thread = PlatformThread()
    yield thread
    thread.close()


@pytest.fixture
def edge(tmp_path: Path, running: PlatformThread) -> Edge:
    return Edge(tmp_path / "home", running.platform.target)


def archive(folder: Path, files: int) -> Path:
    members = {f"activities/{number}.fit": making.ride_fit(number, 60) for number in range(files)}
    return making.write_zip(folder / "export.zip", members)


def test_a_background_import_returns_at_once_and_is_shown(
    tmp_path: Path, edge: Edge, running: PlatformThread
) -> None:
    (queued,) = edge.leave("import", str(archive(tmp_path, 5)), "--background")
    assert queued["event"] == "queued"
    until(lambda: edge.state() == "done")
    code, (job, *files) = edge.run("imports", "show", queued["job_id"])
    assert (code, job["state"], job["files_done"], job["outcomes"]["imported"]) == (0, "done", 5, 5)
    assert {file["status"] for file in files} == {"imported"}
    _, (listed,) = edge.run("imports", "list")
    assert listed["job_id"] == queued["job_id"]
    assert len(running.platform.files) == 5


def test_an_import_that_does_not_exist_is_a_wrong_usage(edge: Edge) -> None:
    for command in ("show", "cancel", "resume"):
        assert edge.run("imports", command, "NONE")[0] == 2


def test_a_file_that_does_not_exist_is_a_wrong_usage(edge: Edge, tmp_path: Path) -> None:
    assert edge.run("import", str(tmp_path / "missing.zip"))[0] == 2


def test_a_cancelled_import_keeps_what_was_imported_and_is_resumed(
    tmp_path: Path, edge: Edge, running: PlatformThread
) -> None:
    process = edge.start("import", str(archive(tmp_path, 120)))
    until(lambda: edge.done() > 3)
    ((job_id,),) = edge.query("SELECT job_id FROM jobs")
    code, (job,) = edge.run("imports", "cancel", job_id)
    process.wait(TIMEOUT_S)
    assert (code, job["state"]) == (0, "cancelled")
    outcomes = job["outcomes"]
    assert outcomes["imported"] + outcomes["cancelled"] == 120
    assert outcomes["cancelled"] > 0
    closed = [held for held in running.platform.recordings.values() if held.workout_id]
    assert len(closed) == outcomes["imported"]
    code, events = edge.run("imports", "resume", job_id)
    assert code == 0
    assert events[-1]["imported"] == 120
    assert len(running.platform.recordings) == 120


def _kill_and_resume(folder: Path, edge: Edge, running: PlatformThread, files: int, kills: int) -> None:
    """Kill the import again and again; in the end each file has been imported, and was finished once."""
    chance = random.Random(files)
    process = edge.start("import", str(archive(folder, files)))
    finished: dict[int, tuple[Any, ...]] = {}
    for kill in range(1, kills + 1):
        before = edge.done()
        until(lambda: edge.done() > before or process.poll() is not None)  # noqa: B023 - called here only
        time.sleep(chance.uniform(0, 0.2))
        decoders = _children(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait(TIMEOUT_S)
        until(lambda: not any(os.path.exists(f"/proc/{child}") for child in decoders))  # noqa: B023
        rows = edge.query("SELECT ordinal, status, workout_id, done_ms FROM files WHERE status <> ''")
        for ordinal, *rest in rows:
            assert finished.setdefault(ordinal, tuple(rest)) == tuple(rest), "a finished file was done again"
        ((job_id, state),) = edge.query("SELECT job_id, state FROM jobs")
        if state == "done":
            break
        _, (job, *_) = edge.run("imports", "show", job_id)
        assert job["state"] in ("interrupted", "queued", "done")
        if kill < kills:
            process = edge.start("imports", "resume", job_id)
    ((job_id,),) = edge.query("SELECT job_id FROM jobs")
    code, events = edge.run("imports", "resume", job_id)
    assert code == 0
    assert events[-1]["imported"] == files
    assert len(running.platform.recordings) == files
    assert all(held.workout_id for held in running.platform.recordings.values())
    for number in (0, files // 2, files - 1):
        made = making.ride_activity(number, 60).tables[0].time_ms.tolist()
        assert any(held.times("file/record") == made for held in running.platform.recordings.values())
    assert len(running.platform.files) == files


def test_a_killed_import_ends_its_decoders_and_goes_on_without_doing_a_finished_file_again(
    tmp_path: Path, edge: Edge, running: PlatformThread
) -> None:
    _kill_and_resume(tmp_path, edge, running, files=40, kills=1)


@pytest.mark.slow
def test_three_hundred_files_survive_ten_kills(tmp_path: Path, edge: Edge, running: PlatformThread) -> None:
    _kill_and_resume(tmp_path, edge, running, files=300, kills=10)


def test_an_import_waits_for_a_spool_that_is_in_use(
    tmp_path: Path, edge: Edge, running: PlatformThread
) -> None:
    """The service of a gateway may have it: `watch` takes the import over itself."""
    (tmp_path / "watched").mkdir()
    watch = edge.start("watch", str(tmp_path / "watched"))
    try:
        until((edge.home / "spool" / "spool.lock").exists)
        edge.leave("import", str(archive(tmp_path, 4)), "--background")
        until(lambda: edge.state() == "done")
        assert watch.poll() is None
    finally:
        watch.send_signal(signal.SIGINT)
        watch.wait(TIMEOUT_S)
    assert len(running.platform.recordings) == 4


def _children(pid: int) -> list[int]:
    """The processes that one has started; none where it has ended meanwhile."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for task in os.listdir(f"/proc/{pid}/task"):
            text = Path(f"/proc/{pid}/task/{task}/children").read_text()
            found += [int(child) for child in text.split()]
    return found
