"""The `pulsemesh` command against the real platform."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from pulsemesh import sync
from pulsemesh.cli.commands import cli
from pulsemesh.testing import SyncPlatform

START = datetime(2026, 6, 1, 7, tzinfo=UTC)
Run = Callable[..., str]


@pytest.fixture
def environment(pulsemesh_platform: SyncPlatform, tmp_path: Path) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path / "config"), "PULSEMESH_TARGET": pulsemesh_platform.target}


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run a command in this process: starting one takes longer than what it does."""

    def invoke(*arguments: str, expect: int = 0) -> str:
        done = CliRunner(env=environment).invoke(cli, arguments, prog_name="pulsemesh")
        assert done.exit_code == expect, done.output
        return done.stdout

    return invoke


@pytest.fixture
def run_process(environment: dict[str, str]) -> Run:
    """Run a command as people do."""

    def invoke(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", "from pulsemesh.cli.main import main; main()", *arguments],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return invoke


def record(client: sync.Client, title: str) -> str:
    with client.ingest.record("cycling", ["heart_rate", "power"], title=title, start=START) as live:
        for second in range(300):
            live.add(START + timedelta(seconds=second), heart_rate=120 + second % 40, power=200 + second % 90)
    return live.workout_id


def test_from_signing_in_to_deleting(run: Run, pulsemesh_platform: SyncPlatform, tmp_path: Path) -> None:
    run("list", expect=3)
    run("login", "commander")
    client = pulsemesh_platform.client("commander")
    workout_id = record(client, "Round the lake")

    assert "Round the lake" in run("list")
    shown = run("show", "latest")
    assert "heart rate (bpm)" in shown
    assert "power (W)" in shown

    rows = list(csv.DictReader(io.StringIO(run("export", workout_id[-6:]))))
    assert len(rows) == 300
    assert rows[41]["heart_rate [bpm]"] == "121"
    target = tmp_path / "ride.json"
    run("export", "--format", "json", "-o", str(target))
    assert json.loads(target.read_text("utf-8"))["workout"]["workout_id"] == workout_id
    run("export", "--format", "original", expect=4)

    run("edit", "latest", "--title", "Twice round the lake")
    assert json.loads(run("show", "--json"))["title"] == "Twice round the lake"
    run("delete", "latest", "--yes")
    run("show", expect=4)


def test_a_live_recording_is_watched_to_its_end(
    run: Run, run_process: Run, pulsemesh_platform: SyncPlatform
) -> None:
    run("login", "watcher")
    client = pulsemesh_platform.client("watcher")
    with ThreadPoolExecutor(1) as pool:
        with client.ingest.record("cycling", ["power"]) as live:
            live.add(power=222)
            live.flush()
            watching = pool.submit(run_process, "watch", "--json")
            # The command has begun to watch when the platform has told it something; it needs a moment.
            for n in range(40):
                live.add(power=230 + n)
                if watching.done():
                    break
                time.sleep(0.1)
        updates = [json.loads(line) for line in watching.result(timeout=60).splitlines()]
    assert updates[-1]["workout_id"] == live.workout_id
