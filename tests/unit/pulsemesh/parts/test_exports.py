from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from pulsemesh import Client, errors
from pulsemesh.parts.exports import ExportProgress
from pulsemesh.workout.v1 import export_service_pb2
from tests.unit.pulsemesh.peers import Failure, Platform

CONTENT = bytes(range(250)) * 10
WORKOUT = "0" * 25 + "1"


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture(autouse=True)
def content(platform: Platform) -> None:
    platform.exports.content = CONTENT


async def test_a_workout_is_read_whole_in_the_format_that_was_asked_for(
    platform: Platform, client: Client
) -> None:
    assert await client.exports.read(WORKOUT, "tcx") == CONTENT
    request = platform.script.seen("ExportWorkout")[0].request
    assert request.format == export_service_pb2.EXPORT_FORMAT_TCX  # type: ignore[attr-defined]


async def test_a_workout_comes_piece_by_piece(client: Client) -> None:
    assert [len(piece) async for piece in client.exports.workout(WORKOUT)] == [1000, 1000, 500]


async def test_an_unknown_format_is_refused_before_a_call(platform: Platform, client: Client) -> None:
    with pytest.raises(ValueError, match="kml"):
        await client.exports.read(WORKOUT, "kml")
    assert not platform.script.calls


async def test_an_export_that_breaks_half_way_begins_anew(platform: Platform, client: Client) -> None:
    platform.exports.break_after.extend([2, 1])
    assert await client.exports.read(WORKOUT) == CONTENT
    assert len(platform.script.seen("ExportWorkout")) == 3


async def test_pieces_end_with_an_error_where_the_export_breaks(platform: Platform, client: Client) -> None:
    platform.exports.break_after.append(1)
    with pytest.raises(errors.Unavailable):
        _ = [piece async for piece in client.exports.workout(WORKOUT)]


async def test_content_without_a_trailer_is_not_whole(
    platform: Platform, client: Client, tmp_path: Path
) -> None:
    platform.exports.lose_trailer = True
    with pytest.raises(errors.Internal, match="did not arrive"):
        await client.exports.save(WORKOUT, "csv", tmp_path / "ride.csv")
    assert names(tmp_path) == []


async def test_a_file_in_a_folder_gets_the_platforms_name(client: Client, tmp_path: Path) -> None:
    export = await client.exports.save(WORKOUT, "csv", tmp_path)
    assert export.path == tmp_path / "ride.csv"
    assert export.path.read_bytes() == CONTENT


async def test_a_name_with_a_path_stays_in_its_folder(
    platform: Platform, client: Client, tmp_path: Path
) -> None:
    platform.exports.file_name = "../../evil.csv"
    assert (await client.exports.save(WORKOUT, "csv", tmp_path)).path == tmp_path / "evil.csv"


async def test_a_failed_export_leaves_the_older_file_alone(
    platform: Platform, client: Client, tmp_path: Path
) -> None:
    target = tmp_path / "ride.csv"
    target.write_bytes(b"older")
    platform.script.fail("ExportWorkout", Failure(grpc.StatusCode.FAILED_PRECONDITION, "FORMAT_UNSUITABLE"))
    with pytest.raises(errors.FailedPrecondition) as refused:
        await client.exports.save(WORKOUT, "gpx", target)
    assert refused.value.reason_name == "FORMAT_UNSUITABLE"
    assert target.read_bytes() == b"older"
    assert names(tmp_path) == [target.name]


async def test_an_archive_tells_how_far_it_is(platform: Platform, client: Client, tmp_path: Path) -> None:
    seen: list[ExportProgress] = []
    export = await client.exports.archive(tmp_path / "all.zip", progress=seen.append)
    assert (export.size_bytes, export.damaged) == (len(CONTENT), 1)
    assert (seen[-1].workouts, seen[-1].workouts_total, seen[-1].bytes_done) == (2, 2, len(CONTENT))
    assert (tmp_path / "all.zip").read_bytes() == CONTENT


async def test_an_archive_can_do_without_files_for_other_tools(
    platform: Platform, client: Client, tmp_path: Path
) -> None:
    await client.exports.archive(tmp_path, renditions=False)
    request = platform.script.seen("ExportArchive")[0].request
    assert request.without_renditions  # type: ignore[attr-defined]
