from __future__ import annotations

import hashlib
from pathlib import Path

import grpc
import pytest

from pulsemesh.workout.v1 import export_service_pb2, workout_pb2
from tests.unit.pulsemesh.cli.conftest import Run
from tests.unit.pulsemesh.peers import Failure, Platform

WORKOUT = "01J0000000000000000000AAAA"


@pytest.fixture(autouse=True)
def ride(served: Platform) -> None:
    served.workouts.workouts = {WORKOUT: workout_pb2.Workout(workout_id=WORKOUT, title="Ride")}


def test_csv_goes_to_standard_output(run: Run, served: Platform) -> None:
    result = run("export")
    assert result.stdout == "time,elapsed_s\n"
    request = served.script.seen("ExportWorkout")[0].request
    assert request.format == export_service_pb2.EXPORT_FORMAT_CSV  # type: ignore[attr-defined]


def test_a_binary_format_goes_to_a_file_of_its_own_name(
    run: Run, served: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    served.exports.file_name, served.exports.content = "ride.fit", b"FIT"
    result = run("export", "aaaa", "--format", "fit")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "ride.fit").read_bytes() == b"FIT"
    assert "ride.fit (3 bytes)" in result.stderr


def test_a_format_goes_to_standard_output_when_asked(run: Run, served: Platform) -> None:
    served.exports.content = b"<gpx/>"
    assert run("export", "--format", "gpx", "-o", "-").stdout == "<gpx/>"


def test_a_format_that_cannot_carry_the_workout_says_why(run: Run, served: Platform, tmp_path: Path) -> None:
    refusal = Failure(grpc.StatusCode.FAILED_PRECONDITION, "FORMAT_UNSUITABLE", "no positions: use FIT")
    served.script.fail("ExportWorkout", refusal)
    result = run("export", "--format", "gpx", "-o", str(tmp_path / "ride.gpx"))
    assert result.exit_code == 1
    assert "no positions: use FIT" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_everything_goes_to_one_archive(run: Run, served: Platform, tmp_path: Path) -> None:
    served.exports.content = b"PK" * 5000
    result = run("export", "--all", "-o", str(tmp_path / "all.zip"))
    assert hashlib.sha256((tmp_path / "all.zip").read_bytes()).digest() == (
        hashlib.sha256(served.exports.content).digest()
    )
    # The peer says that it could not read one of the workouts: a script must hear of it.
    assert result.exit_code == 1
    assert "could not read the samples of 1 workouts" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--all", "aaaa"), ("--all", "--format", "fit"), ("--all", "-o", "-"), ("--raw", "--format", "fit")],
)
def test_options_that_do_not_go_together_are_a_usage_error(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("export", *arguments).exit_code == 2
