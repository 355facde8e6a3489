"""`pulsemesh profile` against the real platform, and what others are told after it."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from pulsemesh.cli.commands import cli
from pulsemesh.errors import NotFound
from pulsemesh.testing import SyncPlatform
from tests.fixtures.waiting import eventually

START = datetime(2026, 6, 1, 7, tzinfo=UTC)
Run = Callable[..., str]


@pytest.fixture
def run(pulsemesh_platform: SyncPlatform, tmp_path: Path) -> Run:
    environment = {
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "PULSEMESH_TARGET": pulsemesh_platform.target,
        "COLUMNS": "200",
    }

    def invoke(*arguments: str, expect: int = 0) -> str:
        done = CliRunner(env=environment).invoke(cli, arguments, prog_name="pulsemesh")
        assert done.exit_code == expect, done.output
        return done.stdout

    return invoke


def picture(folder: Path) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), "teal").save(buffer, "PNG")
    (folder / "me.png").write_bytes(buffer.getvalue())
    return str(folder / "me.png")


def test_from_a_profile_to_what_others_see(
    run: Run, pulsemesh_platform: SyncPlatform, tmp_path: Path
) -> None:
    run("login", "profile-owner")
    run("profile", "set", expect=2)
    shown = json.loads(
        run("profile", "set", "--display-name", "Ann", "--units", "metric", "--sex", "female", "--json")
    )
    assert shown["display_name"] == "Ann"
    assert run("profile", "handle", "--check", "ann_rides").strip() == "available"
    assert "ann_rides" in run("profile", "handle", "ann_rides")
    assert run("profile", "avatar", picture(tmp_path)).strip()
    run("profile", "avatar", "--delete")
    assert "vo2_max" in run("profile", "physiology", "set", "vo2_max", "52")
    run("profile", "physiology", "set", "weight", "61", "--from", "2026-01-01")
    assert "2026-01-01" in run("profile", "physiology", "history")
    assert "61" in run("profile", "physiology")
    assert "Taken back" in run("profile", "physiology", "delete", "vo2_max", "ever")
    run("profile", "privacy", "map=nobody", expect=2)

    zone = json.loads(run("profile", "zones", "add", "52.5", "13.4", "--name", "home", "--json"))
    assert "home" in run("profile", "zones")
    assert "Forgotten" in run("profile", "zones", "delete", zone["zone_id"])

    owner = pulsemesh_platform.client("profile-owner")
    with owner.ingest.record("cycling", ["heart_rate", "distance"], start=START) as live:
        for second in range(30):
            live.add(START + timedelta(seconds=second), heart_rate=140, distance=8.0 * second)
    (mine,) = owner.workouts.list()
    chosen = ("profile=everyone", "workouts=everyone", "pace=everyone")
    assert json.loads(run("profile", "privacy", *chosen, "--json"))["workouts"] == "everyone"
    viewer = pulsemesh_platform.client("profile-viewer")
    asyncio.run(eventually(lambda: bool(list(viewer.shared.list(mine.user_id)))))
    (seen,) = viewer.shared.list(mine.user_id)
    assert (seen.summary.distance_m, list(seen.summary.channels)) == (
        232.0,
        [channel for channel in seen.summary.channels if channel.channel != 6],
    )
    assert list(viewer.shared.streams(mine.user_id, seen.shared_id).series[0].columns) == ["distance"]
    assert viewer.shared.analysis(mine.user_id, seen.shared_id).workout_id == seen.shared_id
    assert viewer.shared.get(mine.user_id, seen.shared_id).title == mine.title
    assert viewer.profile.of("@ann_rides").display_name == "Ann"
    assert "Ann" in run("profile", "show", "@ann_rides")

    assert seen.shared_id in run("profile", "privacy", "workouts=only_me", "--workout", mine.workout_id)
    with pytest.raises(NotFound):
        viewer.shared.get(mine.user_id, seen.shared_id)
