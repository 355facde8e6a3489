"""`pulsemesh-edge inspect` as people and programs use it, with its files read in a process of its own."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ingest_edge.cli.main import cli
from ingest_edge.files.fit_encoder import write_activity
from ingest_edge.simulator.activities import indoor_ride, truncated
from tests.unit.ingest_edge.files.gpx import making as gpx_making
from tests.unit.ingest_edge.files.tcx import making as tcx_making

T0_MS = gpx_making.T0_MS
FIT_T0 = T0_MS // 1000 - 631_065_600

ROOT = Path(__file__).parents[4]

KEYS = ["file", "records", "columns", "messages", "sessions", "errors"]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ride, a swim, a cut-off ride, tracks, and what is no device file at all."""
    folder = tmp_path_factory.mktemp("files")
    ride = write_activity(indoor_ride(1, T0_MS))
    lap = tcx_making.lap(0, 60, tcx_making.trackpoints(range(20)), tcx_making.trackpoints(range(40, 60)))
    written = {
        "ride.fit": ride,
        "ride.fit.gz": gzip.compress(ride),
        "cut.fit": truncated(ride),
        "run.gpx": gpx_making.gpx(
            gpx_making.track(
                gpx_making.segment(gpx_making.point(i, "<ele>12.5</ele>") for i in range(30)), kind="running"
            )
        ),
        "ride.tcx": tcx_making.activities(tcx_making.activity(lap)),
        "page.gpx": b"<!DOCTYPE html><html></html>",
        "bomb.gpx": b"<!DOCTYPE gpx [<!ENTITY a 'b'>]><gpx>&a;</gpx>",
    }
    for name, content in written.items():
        (folder / name).write_bytes(content)
    return folder


def inspect(*arguments: str | Path, environment: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(cli, ["inspect", *map(str, arguments)], env=environment)


def objects(result: Result) -> list[dict[str, Any]]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in result.stdout.splitlines()]


@pytest.fixture(scope="module")
def everything(files: Path) -> Result:
    """All files at once."""
    return inspect("--json", *sorted(files.iterdir()))


@pytest.fixture(scope="module")
def found(everything: Result) -> dict[str, dict[str, Any]]:
    """The objects of all files by name."""
    return {Path(one["file"]).name: one for one in objects(everything)}


@pytest.fixture(scope="module")
def shown(files: Path) -> Result:
    """What a person sees of sound files."""
    return inspect(files / "ride.fit", files / "ride.tcx")


def test_a_program_gets_an_object_a_file_with_the_agreed_keys(everything: Result, files: Path) -> None:
    found = objects(everything)
    assert [one["file"] for one in found] == [str(path) for path in sorted(files.iterdir())]
    assert all(list(one) == KEYS for one in found)


def test_the_exit_code_is_2_where_a_file_could_not_be_read(everything: Result) -> None:
    assert everything.exit_code == 2


def test_gpx_is_told_in_fits_names_units_and_numbers(found: dict[str, dict[str, Any]]) -> None:
    run = found["run.gpx"]
    assert run["errors"] == []
    assert run["records"] == run["messages"]["record_mesgs"] == 30
    assert run["columns"]["timestamp"] == {
        "count": 30,
        "sum": sum(range(FIT_T0, FIT_T0 + 30)),
        "first": FIT_T0,
        "last": FIT_T0 + 29,
    }
    assert run["columns"]["position_lat"]["first"] == round(50 * 2**31 / 180)
    assert run["columns"]["enhanced_altitude"]["first"] == 12.5
    (session,) = run["sessions"]
    assert (session["sport"], session["start_time"], session["total_elapsed_time"]) == (1, FIT_T0, 29)


def test_tcx_sessions_carry_the_devices_totals(found: dict[str, dict[str, Any]]) -> None:
    ride = found["ride.tcx"]
    (session,) = ride["sessions"]
    assert (session["sport"], session["total_timer_time"], session["total_distance"]) == (2, 60, 30)
    assert ride["messages"] == {"record_mesgs": 40, "session_mesgs": 1, "lap_mesgs": 1, "event_mesgs": 2}


def test_a_compressed_file_is_the_same_file(found: dict[str, dict[str, Any]]) -> None:
    assert {**found["ride.fit.gz"], "file": ""} == {**found["ride.fit"], "file": ""}


def test_a_loss_has_its_byte_and_its_reason(found: dict[str, dict[str, Any]], files: Path) -> None:
    cut = found["cut.fit"]
    size = (files / "cut.fit").stat().st_size
    assert cut["records"] > 100
    assert any(error["offset"] == size and "cut off" in error["reason"] for error in cut["errors"])


def test_what_cannot_be_read_is_an_object_too(found: dict[str, dict[str, Any]]) -> None:
    page, bomb = found["page.gpx"], found["bomb.gpx"]
    assert "an HTML page" in page["errors"][0]["reason"]
    assert "declares entities" in bomb["errors"][0]["reason"]
    assert (page["records"], page["columns"], page["sessions"]) == (0, {}, [])


def test_the_setting_chooses_the_decoder_and_a_cut_file_is_read_in_part(files: Path) -> None:
    chosen = inspect("--json", files / "cut.fit", environment={"PULSEMESH_EDGE_DECODER": "fitparse"})
    assert "fitparse gives up here" in chosen.stdout
    assert chosen.exit_code == 3


def test_a_person_sees_sessions_channels_laps_pauses_and_a_plot(shown: Result) -> None:
    for expected in ("read whole", "cycling", "Session", "Lap", "heart_rate", "power", "Pauses", "┤"):
        assert expected in shown.stdout


def test_the_exit_code_is_0_where_everything_was_read(shown: Result) -> None:
    assert shown.exit_code == 0


def test_a_person_is_told_where_a_file_breaks_in_words_that_cannot_command_the_terminal(
    files: Path, tmp_path: Path
) -> None:
    named = gpx_making.simple(3).replace(b"Maker", b"Ma&#10;k\xc2\x9b31mer")
    (tmp_path / "a.gpx").write_bytes(named)
    result = inspect(tmp_path / "a.gpx", files / "cut.fit", tmp_path / "absent.fit")
    assert "\x9b" not in result.stdout
    assert "k\N{REPLACEMENT CHARACTER}31mer" in result.stdout
    assert "read in part" in result.stdout
    assert "Error at byte" in result.stdout
    assert "No such file" in result.stdout
    assert result.exit_code == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_an_interrupt_ends_it_while_a_file_never_ends(tmp_path: Path) -> None:
    endless = tmp_path / "endless.fit"
    os.mkfifo(endless)
    # A shell lets what it starts in the background ignore interrupts, and that is inherited.
    heeding = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{heeding}; from ingest_edge.cli.main import main; main()"
    command = [sys.executable, "-c", code, "inspect", str(endless)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as running:
        # Opening waits for the one who reads.
        with endless.open("wb"):
            running.send_signal(signal.SIGINT)
            assert running.wait(60) == 130
        assert running.stderr is not None
        assert running.stderr.read() == b""
