"""`pulsemesh compare`, `segments` and `routes`, and the parts under them, against a real platform."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pulsemesh import sync
from pulsemesh.cli.commands import cli
from pulsemesh.testing.sync_platform import SyncPlatform, sync_platform
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import ingest_service_pb2, segment_pb2
from tests.fixtures.gps import loop
from tests.integration.services.workout.comparing.rig import ridden
from tests.integration.services.workout.conftest import Sent

Run = Callable[..., Result]
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SyncPlatform]:
    with sync_platform(data_dir=tmp_path_factory.mktemp("platform")) as platform:
        yield platform


@pytest.fixture(scope="module")
def client(served: SyncPlatform) -> sync.Client:
    return served.client("rider")


@pytest.fixture(scope="module")
def rides(client: sync.Client) -> list[str]:
    """Three rides on one road, each faster than the one before."""
    road = loop(1, 3000)
    return [append(client, ridden(road, speed_mps=6 + day, day=day)) for day in range(3)]


@pytest.fixture
def run(served: SyncPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    token = served.token("rider")

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(
            cli, ["--target", served.target, "--token", token, *arguments], prog_name="pulsemesh"
        )

    return invoke


def append(client: sync.Client, sent: Sent) -> str:
    request = ingest_service_pb2.AppendSamplesRequest(
        open=ingest_service_pb2.OpenRecording(
            recording_id=new_ulid(),
            writer_id="test",
            sport=sport_pb2.SPORT_CYCLING,
            start_time_ms=sent.times_ms[0],
            client_time_ms=time.time_ns() // 1_000_000,
            sources=[sent.description()],
        ),
        batches=sent.batches(0),
        finish=ingest_service_pb2.FinishRecording(sample_counts=[len(sent.times_ms)]),
    )
    return client.ingest.append(request).closed.workout_id


def searched(client: sync.Client, segment_id: str) -> segment_pb2.Segment:
    """The segment once all old workouts were searched."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        segment = client.segments.get(segment_id)
        if segment.matching.state == segment_pb2.SegmentMatching.STATE_DONE:
            return segment
        time.sleep(0.1)
    raise AssertionError("the search did not end")


def test_compare_says_what_changed_and_draws_it(run: Run, rides: list[str]) -> None:
    result = run("compare", rides[0], rides[1])
    assert result.exit_code == 0, result.output
    assert "at the same place" in result.stdout
    assert "faster over the common" in result.stdout
    assert "behind A (s)" in result.stdout
    assert "heart rate" in result.stdout


@pytest.mark.parametrize("suffix", ["svg", "html", "png"])
def test_compare_writes_its_curves_to_a_file(run: Run, rides: list[str], tmp_path: Path, suffix: str) -> None:
    pytest.importorskip("matplotlib")
    target = tmp_path / f"curves.{suffix}"
    result = run("compare", *rides, "--no-plot", "-o", str(target))
    assert result.exit_code == 0, result.output
    assert target.stat().st_size > 1000


def test_compare_as_json_is_one_document(run: Run, rides: list[str]) -> None:
    result = run("compare", rides[0], rides[2], "--json", "--align", "distance", "-c", "power")
    document = json.loads(result.stdout)
    assert document["alignment"] == "ALIGNMENT_DISTANCE"
    assert [column["channel"] for column in document["workouts"][0]["columns"]] == ["CHANNEL_POWER"]


def test_one_workout_alone_is_not_compared(run: Run, rides: list[str]) -> None:
    assert run("compare", rides[0]).exit_code == 2
    assert run("compare", rides[0], rides[0]).exit_code == 2


def test_routes_shows_the_other_workouts_on_the_way(run: Run, rides: list[str]) -> None:
    result = run("routes", rides[0])
    assert result.exit_code == 0, result.output
    assert all(one[-8:] in result.stdout for one in rides)


def test_a_segment_is_made_shown_renamed_and_deleted(run: Run, client: sync.Client, rides: list[str]) -> None:
    made = run("segments", "create", rides[0], "The hill", "--from", "500m", "--to", "1.5km", "--json")
    assert made.exit_code == 0, made.output
    segment_id = json.loads(made.stdout)["segment_id"]
    searched(client, segment_id)
    shown = run("segments", "show", "the hill")
    assert shown.exit_code == 0, shown.output
    assert "personal best" in shown.stdout
    assert "The hill" in run("segments", "of", rides[2]).stdout
    assert run("segments", "rename", segment_id, "Home straight").exit_code == 0
    assert "Home straight" in run("segments", "list").stdout
    assert run("segments", "delete", "Home straight", "--yes").exit_code == 0
    assert run("segments", "show", segment_id).exit_code == 4


def test_the_sdk_ranks_efforts(client: sync.Client, rides: list[str]) -> None:
    segment = client.segments.create(rides[0], "Straight", seconds=(60, 200))
    searched(client, segment.segment_id)
    assert client.comparison.route_standing(rides[2]).standings[0].rank == 1
    assert client.comparison.segment_standing(rides[1], segment.segment_id).standings[0].rank == 2
    power = client.comparison.mean_maximal_standing(rides[0], "power", 60, group=rides[1:])
    assert power.standings[0].efforts == 3
    assert [each.rank for each in client.segments.efforts(segment.segment_id)] == [1, 2, 3]
    assert [each.workout_id for each in client.comparison.on_route(rides[0], page_size=2)] == rides[::-1]


def test_a_stretch_needs_exactly_one_measure(client: sync.Client) -> None:
    with pytest.raises(ValueError, match="by metres, by seconds or by times"):
        client.segments.create("x" * 26, "Nowhere")
