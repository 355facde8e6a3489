"""`pulsemesh thresholds`, `fitness`, `totals`, `records` against the real platform."""

from __future__ import annotations

import json
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


def ride(client: sync.Client, day: int, watts: int) -> None:
    start = START + timedelta(days=day)
    with client.ingest.record("cycling", ["heart_rate", "power"], start=start) as live:
        for second in range(1300):
            live.add(
                start + timedelta(seconds=second), heart_rate=130 + second % 20, power=watts + second % 9
            )


def test_from_a_threshold_to_a_chart(run: Run, pulsemesh_platform: SyncPlatform, tmp_path: Path) -> None:
    run("login", "athlete")
    client = pulsemesh_platform.client("athlete")
    ride(client, 0, 200)
    ride(client, 3, 240)

    run("thresholds", "set", expect=2)
    assert "2 workouts are touched: 2 analysed again" in run(
        "thresholds", "set", "--ftp", "250", "--sex", "female"
    )
    assert json.loads(run("thresholds", "--json")) == {
        "functional_threshold_power_w": 250.0,
        "sex": "SEX_FEMALE",
    }
    assert "ever" in run("thresholds", "history")
    assert "95 % of the best 20 minutes" in run("thresholds", "suggest", "--days", "3660")

    numbers = json.loads(run("fitness", "--from", "2026-06-01", "--to", "2026-06-10", "--json"))
    assert len(numbers["chronic"]) == 10
    assert numbers["load"][3] > numbers["load"][0] > 0
    chart = tmp_path / "fitness.svg"
    shown = run("fitness", "--from", "2026-06-01", "--to", "2026-06-10", "-o", str(chart))
    assert "fitness (CTL)" in shown
    assert "Form (TSB)" in shown
    assert b"<svg" in chart.read_bytes()

    assert "2026-06-01" in run("totals", "month")
    assert [json.loads(line)["workouts"] for line in run("totals", "week", "--json").splitlines()] == [2]
    history = run("records", "--kind", "power/300", "--history", "--json").splitlines()
    assert [json.loads(line).get("current", False) for line in history] == [True, False]
    assert "20:00" in run("records", "--sport", "cycling")
    assert "critical power" in run("records", "--power", "--from", "2026-05-01", "--to", "2026-06-30")
    assert "2 workouts are touched" in run(
        "thresholds", "delete", "ever", "--field", "functional_threshold_power_w"
    )
