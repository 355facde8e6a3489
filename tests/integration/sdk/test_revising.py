"""Correcting, splitting, merging and choosing among duplicates, by the SDK and by the command."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pulsemesh import errors, sync
from pulsemesh.cli.commands import cli
from pulsemesh.revisions import correct_elevation, crop, cut, drop, fill_dropouts, remove_spikes, scale
from pulsemesh.testing import SyncPlatform
from pulsemesh.ulid import new_ulid
from tests.fixtures.waiting import eventually

START = datetime(2026, 6, 1, 7, tzinfo=UTC)
Run = Callable[..., str]


@pytest.fixture
def person() -> str:
    """Somebody of the test's own."""
    return f"reviser-{new_ulid().lower()}"


@pytest.fixture
def client(pulsemesh_platform: SyncPlatform, person: str) -> sync.Client:
    return pulsemesh_platform.client(person)


@pytest.fixture
def run(pulsemesh_platform: SyncPlatform, person: str, tmp_path: Path) -> Run:
    """Run a command in this process, signed in."""
    environment = {
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "PULSEMESH_TARGET": pulsemesh_platform.target,
    }

    def invoke(*arguments: str, expect: int = 0) -> str:
        done = CliRunner(env=environment).invoke(cli, arguments, prog_name="pulsemesh")
        assert done.exit_code == expect, done.output
        return done.stdout

    invoke("login", person)
    return invoke


def record(client: sync.Client, title: str = "Ride", start: datetime = START, seconds: int = 300) -> str:
    with client.ingest.record("cycling", ["heart_rate", "power"], title=title, start=start) as live:
        for second in range(seconds):
            beat = 120 + (second * second // 7 + second // 3) % 50
            live.add(start + timedelta(seconds=second), heart_rate=beat, power=200 + second % 90)
    return live.workout_id


def test_operations_travel_and_come_back(client: sync.Client) -> None:
    workout_id = record(client)
    answer = client.revisions.revise(
        workout_id,
        crop(START + timedelta(seconds=60)),
        cut(START + timedelta(seconds=100), START + timedelta(seconds=160)),
        scale("power", 1.1),
        remove_spikes("heart_rate"),
        fill_dropouts(longest_s=5),
        correct_elevation(start_altitude_m=400),
    )
    assert len(answer.outcomes) == 6
    assert answer.workout.summary.elapsed_s == 239
    assert answer.workout.summary.timer_s == 179
    described = client.revisions.get(workout_id)
    assert described.recorded.elapsed_s == 299
    assert [each.WhichOneof("kind") for each in described.revision.operations][:2] == ["crop", "cut"]
    assert client.revisions.revise(workout_id, drop("heart_rate"), append=False).workout.revised
    assert len(client.revisions.get(workout_id).revision.operations) == 1
    assert client.revisions.revert(workout_id).summary == described.recorded


def test_a_split_is_undone_or_deleted_as_a_whole(client: sync.Client) -> None:
    workout_id = record(client)
    made = client.revisions.split(workout_id, [START + timedelta(seconds=100)])
    assert [each.workout_id for each in client.workouts.list()] == [
        each.workout_id for each in reversed(made.workouts)
    ]
    with pytest.raises(errors.FailedPrecondition):
        client.workouts.delete(workout_id)
    (derivation,) = client.revisions.derivations(workout_id)
    (shown,) = client.revisions.undo(derivation.derivation_id)
    assert shown.workout_id == workout_id
    again = client.revisions.split(workout_id, [START + timedelta(seconds=100)])
    assert client.revisions.delete_derivation(again.derivation.derivation_id) == 3
    assert not list(client.workouts.list())


def test_merging_takes_the_channel_from_its_lead(client: sync.Client) -> None:
    ids = [record(client), record(client, start=START + timedelta(seconds=12))]
    answer = client.revisions.merge(
        ids, leads={"power": ids[1]}, clock_offsets={ids[1]: timedelta(seconds=-12)}
    )
    assert answer.workout.summary.elapsed_s == 299
    assert answer.derivation.clock_offsets[0].offset_ms == -12_000


def test_commands_crop_cut_split_and_take_back(run: Run, client: sync.Client) -> None:
    workout_id = record(client, "Round the lake")
    preview = run("crop", "latest", "--start", "1:00", "--end", "-30s", "--preview")
    assert "Before" in preview
    assert client.workouts.get(workout_id).summary.elapsed_s == 299
    run("crop", "latest", "--start", "1:00", "--end", "-30s")
    assert client.workouts.get(workout_id).summary.elapsed_s == 208
    run("cut", "latest", "60s", "90s")
    run("correct", "latest", "--spikes", "--scale", "power", "0.95", "--fill", "10")
    assert len(client.revisions.get(workout_id).revision.operations) == 5
    assert "is as it was" in run("revert", "latest")
    assert client.workouts.get(workout_id).summary.elapsed_s == 299
    made = [json.loads(line) for line in run("split", "latest", "2:00", "--json").splitlines()]
    assert len(made) == 2
    merged = json.loads(run("merge", *(each["workout_id"] for each in made), "--json"))
    assert merged["workout"]["summary"]["elapsed_s"] == 299
    run("revert", "latest")
    run("revert", "latest")
    assert [each.workout_id for each in client.workouts.list()] == [workout_id]
    run("revert", "latest", expect=4)
    run("crop", "latest", expect=2)
    run("crop", "latest", "--start", "nowhere", expect=2)


def test_the_command_lists_duplicates_and_does_what_is_chosen(run: Run, client: sync.Client) -> None:
    ids = [record(client, "Watch"), record(client, "Computer", START + timedelta(seconds=3))]

    def pairs() -> list[Any]:
        return list(client.duplicates.list())

    asyncio.run(eventually(lambda: len(pairs()) == 1))
    assert "begun 3 s apart" in run("duplicates").replace("\n", " ") or "Watch" in run("duplicates")
    (pair,) = pairs()
    run("duplicates", "keep", pair.duplicate_id, ids[0])
    assert [each.workout_id for each in client.workouts.list()] == [ids[0]]
    run("duplicates", "reopen", pair.duplicate_id)
    assert "both" in run("duplicates", "both", pair.duplicate_id)
    assert not pairs()
    run("duplicates", "reopen", pair.duplicate_id)
    run("duplicates", "merge", pair.duplicate_id)
    (merged,) = client.workouts.list()
    assert merged.summary.elapsed_s == 299
    assert len(json.loads(run("duplicates", "--all", "--json"))["evidence"]) >= 3
    run("duplicates", "both", "nothing", expect=4)
