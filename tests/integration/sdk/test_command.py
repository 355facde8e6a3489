"""The `pulsemesh` command against the real platform."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
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
    run("export", "--format", "fit", "-o", str(tmp_path / "ride.fit"))
    assert (tmp_path / "ride.fit").read_bytes()[8:12] == b".FIT"
    run("export", "--format", "gpx", "-o", str(tmp_path / "ride.gpx"), expect=1)
    assert not (tmp_path / "ride.gpx").exists()
    run("export", "--all", "-o", str(tmp_path / "all.zip"))
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert "manifest.json" in archive.namelist()

    run("edit", "latest", "--title", "Twice round the lake")
    assert json.loads(run("show", "--json"))["title"] == "Twice round the lake"
    run("delete", "latest", "--yes")
    run("show", expect=4)


def test_a_live_recording_is_watched_to_its_end(
    run: Run, environment: dict[str, str], pulsemesh_platform: SyncPlatform
) -> None:
    run("login", "watcher")
    client = pulsemesh_platform.client("watcher")
    with client.ingest.record("cycling", ["power"]) as live:
        live.add(power=222)
        live.flush()
        # As people run it: in a process of its own.
        watching = subprocess.Popen(
            [sys.executable, "-c", "from pulsemesh.cli.main import main; main()", "watch", "--json"],
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert watching.stdout is not None
        first = json.loads(watching.stdout.readline())
        live.add(power=230)
    rest, _ = watching.communicate(timeout=60)
    assert watching.returncode == 0
    assert first["values"][0]["value"] == 222
    assert json.loads(rest.splitlines()[-1])["workout_id"] == live.workout_id
