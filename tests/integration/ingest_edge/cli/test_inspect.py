"""`pulsemesh-edge inspect` as people and programs use it, with its files read in a process of its own."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ingest_edge.cli.main import cli
from ingest_edge.simulator.activities import indoor_ride, pool_swim, truncated
from ingest_edge.simulator.fit_writer_activity import write_activity
from tests.unit.ingest_edge.files.gpx import making as gpx_making
from tests.unit.ingest_edge.files.tcx import making as tcx_making

T0_MS = gpx_making.T0_MS
FIT_T0 = T0_MS // 1000 - 631_065_600

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
        "swim.fit": write_activity(pool_swim(1, T0_MS)),
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


def test_a_program_gets_an_object_a_file_with_the_agreed_keys(files: Path) -> None:
    result = inspect("--json", files / "ride.fit", files / "run.gpx", files / "ride.tcx")
    assert result.exit_code == 0
    found = objects(result)
    assert [list(one) for one in found] == [KEYS] * 3
    assert [Path(one["file"]).name for one in found] == ["ride.fit", "run.gpx", "ride.tcx"]
    assert all(one["errors"] == [] for one in found)


def test_gpx_is_told_in_fits_names_units_and_numbers(files: Path) -> None:
    (found,) = objects(inspect("--json", files / "run.gpx"))
    assert found["records"] == 30
    assert found["columns"]["timestamp"] == {
        "count": 30,
        "sum": sum(range(FIT_T0, FIT_T0 + 30)),
        "first": FIT_T0,
        "last": FIT_T0 + 29,
    }
    assert found["columns"]["position_lat"]["first"] == round(50 * 2**31 / 180)
    assert found["columns"]["enhanced_altitude"]["first"] == 12.5
    assert found["messages"]["record_mesgs"] == 30
    (session,) = found["sessions"]
    assert (session["sport"], session["start_time"], session["total_elapsed_time"]) == (1, FIT_T0, 29)


def test_tcx_sessions_carry_the_devices_totals(files: Path) -> None:
    (found,) = objects(inspect("--json", files / "ride.tcx"))
    (session,) = found["sessions"]
    assert (session["sport"], session["total_timer_time"], session["total_distance"]) == (2, 60, 30)
    assert found["messages"] == {
        "record_mesgs": 40,
        "session_mesgs": 1,
        "lap_mesgs": 1,
        "event_mesgs": 2,
    }


def test_both_decoders_say_the_same_of_a_sound_file(files: Path) -> None:
    (native,), (stock,) = (
        objects(inspect("--json", "--decoder", name, files / "swim.fit")) for name in ("native", "fitparse")
    )
    assert stock["messages"] == native["messages"]
    assert stock["columns"]["heart_rate"] == native["columns"]["heart_rate"]


def test_the_setting_chooses_the_decoder(files: Path) -> None:
    chosen = inspect("--json", files / "cut.fit", environment={"PULSEMESH_EDGE_DECODER": "fitparse"})
    assert "fitparse gives up here" in chosen.stdout


def test_a_compressed_file_is_the_same_file(files: Path) -> None:
    plain, packed = objects(inspect("--json", files / "ride.fit", files / "ride.fit.gz"))
    assert {**packed, "file": ""} == {**plain, "file": ""}


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["ride.fit"], 0),
        (["cut.fit"], 3),
        (["page.gpx"], 2),
        (["bomb.gpx"], 2),
        (["absent.fit"], 2),
        (["ride.fit", "cut.fit"], 3),
        (["page.gpx", "cut.fit", "ride.fit"], 2),
    ],
)
def test_the_exit_code_is_that_of_the_worst_file(files: Path, names: list[str], code: int) -> None:
    result = inspect("--json", *(files / name for name in names))
    assert result.exit_code == code
    assert len(objects(result)) == len(names)


def test_a_loss_has_its_byte_and_its_reason(files: Path) -> None:
    (found,) = objects(inspect("--json", files / "cut.fit"))
    size = (files / "cut.fit").stat().st_size
    assert found["records"] > 100
    assert any(error["offset"] == size and "cut off" in error["reason"] for error in found["errors"])


def test_what_cannot_be_read_is_an_object_too(files: Path) -> None:
    page, bomb = objects(inspect("--json", files / "page.gpx", files / "bomb.gpx"))
    assert "an HTML page" in page["errors"][0]["reason"]
    assert "declares entities" in bomb["errors"][0]["reason"]
    assert (page["records"], page["columns"], page["sessions"]) == (0, {}, [])


def test_a_person_sees_sessions_channels_laps_pauses_and_a_plot(files: Path) -> None:
    result = inspect(files / "ride.fit", files / "ride.tcx")
    assert result.exit_code == 0
    for expected in ("read whole", "cycling", "Session", "Lap", "heart_rate", "power", "Pauses", "┤"):
        assert expected in result.stdout


def test_what_a_file_calls_itself_cannot_command_the_terminal(files: Path, tmp_path: Path) -> None:
    named = gpx_making.simple(3).replace(b"Maker", b"Ma&#10;k\xc2\x9b31mer")
    (tmp_path / "a.gpx").write_bytes(named)
    shown = inspect(tmp_path / "a.gpx").stdout
    assert "\x9b" not in shown
    assert "k\N{REPLACEMENT CHARACTER}31mer" in shown


def test_a_person_is_told_where_a_file_breaks(files: Path) -> None:
    shown = inspect(files / "cut.fit").stdout
    assert "read in part" in shown
    assert "Error at byte" in shown
