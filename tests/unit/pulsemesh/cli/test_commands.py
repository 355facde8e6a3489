from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from google.protobuf import timestamp_pb2

from pulsemesh import samples
from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import file_service_pb2, recording_pb2, recording_service_pb2, workout_pb2
from tests.unit.pulsemesh.cli.conftest import Run, lines
from tests.unit.pulsemesh.peers import Failure, Platform

HEART_RATE = channel_pb2.CHANNEL_HEART_RATE
START_MS = 1_780_000_000_000


def ride(identifier: str, **fields: object) -> workout_pb2.Workout:
    start = timestamp_pb2.Timestamp()
    start.FromDatetime(datetime(2026, 5, 28, 20, 26, 40, tzinfo=UTC))
    summary = workout_pb2.Summary(elapsed_s=3723, distance_m=31_415.9, elevation_gain_m=250)
    summary.channels.add(channel=HEART_RATE, minimum=92, average=141.6, maximum=178, samples=300)
    values: dict[str, object] = {"title": "Round the lake", "sport": sport_pb2.SPORT_CYCLING, "etag": "e1"}
    values.update(fields)
    return workout_pb2.Workout(workout_id=identifier, start_time=start, summary=summary, **values)  # type: ignore[arg-type]


def heart_rates(count: int = 300) -> workout_pb2.StreamSegment:
    batch = samples.encode_batch(
        0, 0, [START_MS + 1000 * i for i in range(count)], {HEART_RATE: [120 + i % 40 for i in range(count)]}
    )
    segment = workout_pb2.StreamSegment(start_time_ms=START_MS, time_deltas_ms=batch.time_deltas_ms)
    segment.columns.add(channel=HEART_RATE, deltas=batch.columns[0].deltas)
    return segment


@pytest.fixture
def rides(served: Platform) -> list[workout_pb2.Workout]:
    made = [ride("01J0000000000000000000AAAA"), ride("01J0000000000000000000ABBB", title="To work")]
    served.workouts.workouts = {one.workout_id: one for one in made}
    served.workouts.segments = [heart_rates()]
    return made


def test_list_shows_a_line_for_each_workout(run: Run, rides: list[workout_pb2.Workout]) -> None:
    result = run("list")
    assert result.exit_code == 0
    assert "0000AAAA" in result.stdout
    assert "Round the lake" in result.stdout
    assert "1:02:03" in result.stdout
    assert "31.42 km" in result.stdout


def test_list_as_json_writes_a_document_a_line(run: Run, rides: list[workout_pb2.Workout]) -> None:
    documents = lines(run("list", "--json"))
    assert [one["title"] for one in documents] == ["Round the lake", "To work"]
    assert documents[0]["summary"]["distance_m"] == 31_415.9


def test_list_filters_travel(run: Run, served: Platform, rides: list[workout_pb2.Workout]) -> None:
    assert run("list", "--sport", "cycling", "--after", "2026-01-01", "--title", "lake").exit_code == 0
    sent = served.script.seen("ListWorkouts")[0].request.filter  # type: ignore[attr-defined]
    assert list(sent.sports) == [sport_pb2.SPORT_CYCLING]
    assert sent.title_contains == "lake"
    assert sent.HasField("started_after")


def test_an_unknown_sport_is_a_usage_error_that_names_the_known(run: Run) -> None:
    result = run("list", "--sport", "quidditch")
    assert result.exit_code == 2
    assert "cross-country-skiing" in result.stderr


def test_list_of_nothing_says_so_and_succeeds(run: Run) -> None:
    result = run("list")
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "no such workout" in result.stderr


def test_show_writes_numbers_and_a_curve(run: Run, rides: list[workout_pb2.Workout]) -> None:
    result = run("show", "latest")
    assert result.exit_code == 0
    assert "Round the lake" in result.stdout
    assert "141.6" not in result.stdout  # heart rate has no decimals
    assert "142" in result.stdout
    assert "heart rate (bpm)" in result.stdout
    assert "0:00" in result.stdout


def test_show_draws_the_channels_asked_for(
    run: Run, served: Platform, rides: list[workout_pb2.Workout]
) -> None:
    result = run("show", "latest", "-c", "power", "-c", "heart_rate")
    assert "power: no values" in result.stdout
    assert "heart rate (bpm)" in result.stdout
    asked = served.script.seen("ReadStreams")[0].request
    assert list(asked.channels) == [channel_pb2.CHANNEL_POWER, HEART_RATE]  # type: ignore[attr-defined]


def test_show_writes_the_analysis(run: Run, served: Platform, rides: list[workout_pb2.Workout]) -> None:
    analysis = served.analyses.analysis
    analysis.load.normalized_power_w = 231.4
    analysis.zones.add(model="heart_rate/friel").zones.add(name="Z2", seconds=90)
    analysis.best_efforts.add(kind="distance/5000", distance_m=5000, value=1_199.6)
    result = run("show", "latest", "--no-plot")
    assert "231 W" in result.stdout
    assert "Zones: heart rate/friel" in result.stdout
    assert "20:00" in result.stdout


def test_show_without_a_consent_for_the_analysis_shows_the_rest(
    run: Run, served: Platform, rides: list[workout_pb2.Workout]
) -> None:
    served.script.fail("GetAnalysis", Failure(grpc.StatusCode.PERMISSION_DENIED, message="not allowed"))
    result = run("show", "latest")
    assert result.exit_code == 0
    assert "no analysis: not allowed" in result.stderr
    assert "Round the lake" in result.stdout


def test_show_writes_the_chart_to_a_file(
    run: Run, served: Platform, rides: list[workout_pb2.Workout], tmp_path: Path
) -> None:
    curve = served.analyses.analysis.curves.add(channel=channel_pb2.CHANNEL_POWER)
    curve.durations_s.extend([1, 60])
    curve.values.extend([500, 300])
    path = tmp_path / "ride.svg"
    result = run("show", "latest", "-o", str(path))
    assert result.stdout == f"wrote {path}\n"
    assert "best power by duration (W)" in path.read_text()


def test_show_refuses_a_chart_in_an_unknown_format(
    run: Run, rides: list[workout_pb2.Workout], tmp_path: Path
) -> None:
    result = run("show", "latest", "-o", str(tmp_path / "ride.pdf"))
    assert result.exit_code == 1
    assert ".png, .svg, .html" in result.stderr


def test_show_of_an_unknown_channel_is_a_usage_error(run: Run, rides: list[workout_pb2.Workout]) -> None:
    assert run("show", "latest", "-c", "mana").exit_code == 2


def test_brackets_in_a_title_are_shown_as_they_are(run: Run, served: Platform) -> None:
    one = ride("01J0000000000000000000AAAA", title="[bold]5x5[/bold] min")
    served.workouts.workouts = {one.workout_id: one}
    assert "[bold]5x5[/bold] min" in run("show", "--no-plot").stdout


@pytest.mark.parametrize("reference", ["0000AAAA", "aaaa", "01J0000000000000000000AAAA"])
def test_a_workout_may_be_named_by_a_part_of_its_id(
    run: Run, rides: list[workout_pb2.Workout], reference: str
) -> None:
    (document,) = lines(run("show", reference, "--json"))
    assert document["workout_id"] == "01J0000000000000000000AAAA"


def test_a_part_that_fits_several_is_not_found(run: Run, rides: list[workout_pb2.Workout]) -> None:
    result = run("show", "01J0")
    assert result.exit_code == 4
    assert "fits 2 workouts" in result.stderr


def test_latest_of_nothing_is_not_found(run: Run) -> None:
    result = run("show")
    assert result.exit_code == 4
    assert "There is no workout" in result.stderr


def test_export_as_csv_of_each_source_has_a_row_a_sample(run: Run, rides: list[workout_pb2.Workout]) -> None:
    result = run("export", "aaaa", "--raw")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert len(rows) == 300
    assert rows[1] == {"time": "2026-05-28T20:26:41.000Z", "elapsed_s": "1", "heart_rate [bpm]": "121"}


def test_export_as_csv_names_the_source_where_there_are_several(
    run: Run, served: Platform, rides: list[workout_pb2.Workout]
) -> None:
    first, second = heart_rates(3), heart_rates(2)
    first.source_id, second.source_id = "strap", "watch"
    served.workouts.segments = [first, second]
    rows = list(csv.DictReader(io.StringIO(run("export", "aaaa", "--raw").stdout)))
    assert [row["source"] for row in rows] == ["strap"] * 3 + ["watch"] * 2


def test_export_as_json_holds_workout_and_streams(
    run: Run, rides: list[workout_pb2.Workout], tmp_path: Path
) -> None:
    target = tmp_path / "ride.json"
    assert run("export", "aaaa", "--format", "json", "-o", str(target)).exit_code == 0
    document = json.loads(target.read_text("utf-8"))
    assert document["workout"]["title"] == "Round the lake"
    assert document["units"] == {"heart_rate": "bpm"}
    assert document["streams"][0]["columns"]["heart_rate"][:2] == [120, 121]


def test_export_of_the_original_gives_the_same_bytes(run: Run, served: Platform, tmp_path: Path) -> None:
    from hashlib import sha256

    content = bytes(range(256)) * 20
    stored = file_service_pb2.StoredFile(
        file_id="0" * 26, name="ride.fit", size_bytes=len(content), sha256=sha256(content).hexdigest()
    )
    served.files.files = {stored.sha256: (stored, content)}
    one = ride("01J0000000000000000000AAAA", file_id="0" * 26)
    served.workouts.workouts = {one.workout_id: one}
    target = tmp_path / "out.fit"
    result = run("export", "--format", "original", "-o", str(target))
    assert result.exit_code == 0, result.stderr
    assert target.read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.fit"]


def test_export_of_an_original_that_is_not_there_is_not_found(
    run: Run, rides: list[workout_pb2.Workout]
) -> None:
    result = run("export", "--format", "original")
    assert result.exit_code == 4
    assert "recorded live" in result.stderr


def test_edit_changes_what_is_given_and_guards_by_the_etag(
    run: Run, served: Platform, rides: list[workout_pb2.Workout]
) -> None:
    result = run("edit", "aaaa", "--title", "Evening", "--sport", "running")
    assert result.exit_code == 0
    sent = served.script.seen("UpdateWorkout")[0].request
    assert list(sent.update_mask.paths) == ["title", "sport"]  # type: ignore[attr-defined]
    assert sent.etag == "e1"  # type: ignore[attr-defined]
    assert served.workouts.workouts["01J0000000000000000000AAAA"].title == "Evening"


def test_edit_of_a_workout_that_changed_meanwhile_has_its_own_exit_code(
    run: Run, served: Platform, rides: list[workout_pb2.Workout]
) -> None:
    served.script.fail("UpdateWorkout", Failure(grpc.StatusCode.ABORTED, "ETAG_MISMATCH", "it was changed"))
    assert run("edit", "aaaa", "--title", "x").exit_code == 6


def test_edit_of_nothing_is_a_usage_error(run: Run, rides: list[workout_pb2.Workout]) -> None:
    assert run("edit", "aaaa").exit_code == 2


def test_delete_asks_first(run: Run, served: Platform, rides: list[workout_pb2.Workout]) -> None:
    result = run("delete", "aaaa")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert len(served.workouts.workouts) == 2


def test_delete_when_sure_deletes(run: Run, served: Platform, rides: list[workout_pb2.Workout]) -> None:
    (document,) = lines(run("delete", "aaaa", "--yes", "--json"))
    assert document == {"workout_id": "01J0000000000000000000AAAA", "deleted": True}
    assert len(served.workouts.workouts) == 1


def watching(served: Platform) -> None:
    identifier = "01J0000000000000000000RRRR"
    served.recordings.recordings[identifier] = recording_pb2.Recording(
        recording_id=identifier, state=recording_pb2.RECORDING_STATE_OPEN
    )
    going = recording_service_pb2.WatchRecordingResponse(state=recording_pb2.RECORDING_STATE_OPEN, samples=10)
    going.values.add(source_id="strap", channel=HEART_RATE, value=143, time_ms=START_MS)
    ended = recording_service_pb2.WatchRecordingResponse(
        state=recording_pb2.RECORDING_STATE_CLOSED, samples=20, workout_id="01J0000000000000000000AAAA"
    )
    served.recordings.watches.append([going, ended])


def test_watch_shows_live_numbers_until_the_end(run: Run, served: Platform) -> None:
    watching(served)
    result = run("watch")
    assert result.exit_code == 0, result.stderr
    assert "20 samples" in result.stdout
    assert "pulsemesh show 0000AAAA" in result.stdout


def test_watch_as_json_writes_a_line_an_update(run: Run, served: Platform) -> None:
    watching(served)
    first, last = lines(run("watch", "rrrr", "--json"))
    assert first["values"][0]["value"] == 143
    assert last["workout_id"] == "01J0000000000000000000AAAA"


def test_watch_of_nothing_is_not_found(run: Run) -> None:
    result = run("watch")
    assert result.exit_code == 4
    assert "There is no open recording" in result.stderr
