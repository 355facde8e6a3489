"""`pulsemesh gear` against the real platform."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
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
def run(pulsemesh_platform: SyncPlatform, tmp_path: Path) -> Run:
    environment = {
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "PULSEMESH_TARGET": pulsemesh_platform.target,
        "PULSEMESH_TOKEN": pulsemesh_platform.token("rider-of-commands"),
        "COLUMNS": "200",
        "TZ": "UTC",
    }

    def invoke(*arguments: str, expect: int = 0, answer: str = "") -> str:
        done = CliRunner(env=environment).invoke(
            cli, ("gear", *arguments), input=answer, prog_name="pulsemesh"
        )
        assert done.exit_code == expect, done.output
        return done.stdout

    return invoke


def ride(client: sync.Client) -> None:
    with client.ingest.record("cycling", ["speed"], start=START) as live:
        for second in range(300):
            live.add(START + timedelta(seconds=second), speed=10.0)


@pytest.fixture
def garage(run: Run, pulsemesh_platform: SyncPlatform) -> Iterator[Run]:
    """A bike with a chain on it, and a ride of 3 km."""
    run("add", "bike", "Racer", "--brand", "Acme", "--price", "1999.90", "--purchased", "2026-05-01")
    run("add", "chain", "Chain 1", "--targets")
    run("install", "chain 1", "Racer", "--at", "2026-05-30")
    client = pulsemesh_platform.client("rider-of-commands")
    ride(client)
    give_up = time.monotonic() + 60
    while not json.loads(run("recompute", "--json")).get("workouts"):
        assert time.monotonic() < give_up
    yield run
    for workout in list(client.workouts.list()):
        client.workouts.delete(workout.workout_id)
    for name in ("Racer", "Chain 1"):
        run("delete", name, "--yes")


def test_a_default_brings_old_workouts_to_bike_and_chain(garage: Run) -> None:
    assert "Done; 1 workouts changed." in garage("default", "Racer", "--sport", "cycling", answer="y\n")
    listed = [json.loads(line) for line in garage("list", "--json").splitlines()]
    assert [round(each["usage"]["distance_m"], -2) for each in listed] == [3000, 3000]
    assert "2.99 km" in garage("list")
    garage("default", "Racer", "--sport", "cycling", "--sub-sport", "gravel", "--from-now-on")
    assert "cycling, gravel" in garage("default", "--list")
    assert "0 changed" in garage("recompute")


def test_wear_goes_from_a_target_to_the_service_that_resets_it(garage: Run) -> None:
    garage("assign", "latest", "Racer")
    assert "93 % of 3.20 km" in garage("target", "Racer", "distance", "3.2")
    assert garage("alerts") == "Racer: 93 % of its limit\n"
    assert "0 % of 3.20 km" in garage("service", "Racer", "waxed", "--resets", "distance", "--cost", "10")
    shown = garage("show", "Racer")
    for part in ("1999.90 EUR", "waxed", "10.00 EUR", "Chain 1", "2.99 km"):
        assert part in shown
    assert garage("alerts") == ""


def test_what_is_said_of_one_workout_is_taken_back(garage: Run) -> None:
    assert garage("assign", "latest") == "no gear\n"
    assert garage("assign", "latest", "Racer") == "Racer\n"
    assert "there it did 2.99 km" in garage("remove", "Chain 1", "--at", "2026-06-02")
    assert garage("remove", "Chain 1") == "It sat nowhere.\n"


def test_gear_is_renamed_retired_and_brought_back(garage: Run) -> None:
    garage("edit", "Racer", expect=2)
    assert "Old racer" in garage("edit", "Racer", "--name", "Old racer")
    assert "retired" in garage("retire", "Old racer")
    assert "Old racer" not in garage("list")
    garage("retire", "Old racer", "--undo")
    assert "Old racer" in garage("list")
    garage("edit", "Old racer", "--name", "Racer")


def test_what_is_not_there_is_not_found(run: Run) -> None:
    run("show", "Nothing", expect=4)
    run("add", "spaceship", "Voyager", expect=2)
