"""Archives of whole accounts through ledger, decoder, spool and protocol."""

from __future__ import annotations

import csv
import gzip
import hashlib
import os
import zipfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ingest_edge.files.decoders import FileDecoder
from ingest_edge.files.isolation import DecoderPool, DecoderProcess
from ingest_edge.importer import FileStatus, JobState
from ingest_edge.importer.set_aside import REASONS_NAME
from pulsemesh.type.v1 import sport_pb2
from tests.fixtures import export_archives as making
from tests.integration.ingest_edge.importer.roads import Road, open_road
from tests.integration.ingest_edge.spool.platform import HeldRecording, Platform


@pytest.fixture(scope="module")
def decoder() -> Iterator[DecoderPool]:
    with DecoderPool([DecoderProcess(FileDecoder()), DecoderProcess(FileDecoder())]) as pool:
        yield pool


@pytest.fixture
async def platform() -> AsyncIterator[Platform]:
    async with Platform() as running:
        yield running


@pytest.fixture
async def road(tmp_path: Path, platform: Platform, decoder: DecoderPool) -> AsyncIterator[Road]:
    async with open_road(tmp_path / "home", platform.target, decoder) as way:
        yield way


async def held(road: Road, platform: Platform, archive: Path) -> dict[str, HeldRecording]:
    """What the platform holds of an import in which nothing goes wrong, by the name of the file."""
    job = await road.run(archive)
    outcomes = await road.outcomes(job)
    assert job.state is JobState.DONE
    assert {outcome.status for outcome in outcomes.values()} == {FileStatus.IMPORTED}
    return {name: platform.recordings[outcome.recording_id] for name, outcome in outcomes.items()}


async def test_a_strava_export_brings_its_titles_notes_and_gear(
    tmp_path: Path, road: Road, platform: Platform
) -> None:
    rows = [
        making.StravaRow(
            *("91", "activities/1001.fit.gz", "Über den Pass", "Ride", 'Windy, "very" windy,\nand cold'),
            *("knee hurt", "The Red One"),
        ),
        making.StravaRow("92", "activities/1002.fit", "Lunch"),
        making.StravaRow("93", "", "On the sofa, without a file"),
        making.StravaRow("94", "activities/lost.fit.gz", "Whose file is missing"),
    ]
    files = {
        "activities/1001.fit.gz": making.ride_fit(1),
        "activities/1002.fit": making.ride_fit(2),
        "activities/unlisted.fit": making.ride_fit(3),
    }
    there = await held(road, platform, making.strava_zip(tmp_path / "export.zip", rows, files, bom=True))
    first = there["1001.fit.gz"].details
    assert first.title == "Über den Pass"
    assert first.notes == 'Windy, "very" windy,\nand cold\n\nknee hurt'
    assert first.gear == "The Red One"
    assert there["1002.fit"].details.title == "Lunch"
    assert there["unlisted.fit"].details.title == ""
    (job,) = await road.ledger.jobs()
    assert job.progress.passed_over == 2


async def test_a_strava_export_in_another_language_is_understood(
    tmp_path: Path, road: Road, platform: Platform
) -> None:
    rows = [
        making.StravaRow("91", "activities/1.fit", "Runde", "Radfahrt", "schön", "privat", "Das Rote"),
        making.StravaRow("92", "activities/2.fit", "Lauf", "Laufen"),
    ]
    files = {f"activities/{number}.fit": making.ride_fit(number) for number in (1, 2)}
    path = making.strava_zip(tmp_path / "e.zip", rows, files, header=making.STRAVA_HEADER_GERMAN)
    there = await held(road, platform, path)
    assert there["1.fit"].details.title == "Runde"
    assert there["1.fit"].details.notes == "schön\n\nprivat"
    assert there["1.fit"].details.gear == "Das Rote"
    assert there["2.fit"].details.title == "Lauf"


async def test_the_export_tells_the_sport_where_the_file_does_not(
    tmp_path: Path, road: Road, platform: Platform
) -> None:
    rows = [
        making.StravaRow("1", "activities/1.fit", kind="Trail Run"),
        making.StravaRow("2", "activities/2.fit", kind="Swim"),
    ]
    files = {
        "activities/1.fit": making.ride_fit(1, sport="SPORT_UNSPECIFIED"),
        "activities/2.fit": making.ride_fit(2),
    }
    there = await held(road, platform, making.strava_zip(tmp_path / "e.zip", rows, files))
    assert there["1.fit"].open.sport == sport_pb2.SPORT_RUNNING
    assert there["2.fit"].open.sport == sport_pb2.SPORT_CYCLING


async def test_an_unpacked_strava_export_is_as_good(tmp_path: Path, road: Road, platform: Platform) -> None:
    rows = [making.StravaRow("91", "activities/1.fit", "From the folder")]
    path = making.strava_zip(tmp_path / "e.zip", rows, {"activities/1.fit": making.ride_fit(1)})
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "folder")
    there = await held(road, platform, tmp_path / "folder")
    assert there["1.fit"].details.title == "From the folder"


async def test_a_garmin_export_is_matched_by_number_and_by_start(
    tmp_path: Path, road: Road, platform: Platform
) -> None:
    activities = [
        {
            "activityId": 7001001,
            "name": "By its number",
            "description": "up and down",
            "sportType": "CYCLING",
        },
        {"activityId": 7001002.0, "name": "By its start", "startTimeGmt": float(making.start_ms(2))},
        {"activityId": 7001003, "name": "Another day", "beginTimestamp": making.start_ms(9)},
    ]
    gear = {
        "gearDTOS": [{"gearPk": 5, "displayName": "Blue shoes", "customMakeModel": "Maker Model"}],
        "gearActivityDTOs": {"5": [{"gearPk": 5, "activityId": 7001002}]},
    }
    files = {
        "rider@example.org_7001001.fit": making.ride_fit(1),
        "rider@example.org_555.fit": making.ride_fit(2),
        "rider@example.org_556.fit": making.ride_fit(3),
    }
    there = await held(road, platform, making.garmin_zip(tmp_path / "g.zip", files, activities, gear))
    assert there["rider@example.org_7001001.fit"].details.title == "By its number"
    assert there["rider@example.org_7001001.fit"].details.notes == "up and down"
    assert there["rider@example.org_555.fit"].details.title == "By its start"
    assert there["rider@example.org_555.fit"].details.gear == "Blue shoes"
    assert there["rider@example.org_556.fit"].details.title == ""


async def test_originals_arrive_as_they_lie_in_the_archive(
    tmp_path: Path, road: Road, platform: Platform
) -> None:
    packed = gzip.compress(making.ride_fit(1))
    inner = making.zip_bytes({"a/2.fit": making.ride_fit(2)})
    path = making.write_zip(tmp_path / "e.zip", {"1.fit.gz": packed, "inner.zip": inner})
    await held(road, platform, path)
    stored = {header.name: content for header, content in platform.files.values()}
    assert stored == {"1.fit.gz": packed, "2.fit": making.ride_fit(2)}


async def test_the_same_content_twice_in_an_archive_is_one_workout(
    tmp_path: Path, road: Road, platform: Platform
) -> None:
    path = making.write_zip(tmp_path / "e.zip", {"1.fit": making.ride_fit(1), "copy.fit": making.ride_fit(1)})
    outcomes = await road.outcomes(await road.run(path))
    assert sorted(outcome.status for outcome in outcomes.values()) == ["duplicate", "imported"]
    assert len({outcome.workout_id for outcome in outcomes.values()}) == 1
    assert len(platform.recordings) == 1


async def test_every_bad_file_is_set_aside_with_its_reason(
    tmp_path: Path, road: Road, platform: Platform
) -> None:
    path = making.write_zip(
        tmp_path / "e.zip",
        {
            "good.fit": making.ride_fit(1),
            "bad.fit": b"no FIT file at all",
            "../../evil name.fit": making.ride_fit(2),
            "bomb.fit": b"\0" * 30_000_000,
        },
    )
    aside = tmp_path / "aside"
    job = await road.run(path, set_aside=aside)
    outcomes = await road.outcomes(job)
    assert outcomes["good.fit"].status is FileStatus.IMPORTED
    faults = {name: outcome.fault for name, outcome in outcomes.items() if outcome.fault}
    assert faults == {"bad.fit": "undecodable", "evil name.fit": "unsafe_name", "bomb.fit": "bomb"}
    assert (aside / "000001-bad.fit").read_bytes() == b"no FIT file at all"
    with (aside / REASONS_NAME).open(newline="") as stream:
        table = {row["file"].rsplit("/", 1)[-1]: row for row in csv.DictReader(stream)}
    assert set(table) == {"bad.fit", "evil name.fit", "bomb.fit"}
    assert all(row["reason"] for row in table.values())
    assert set(os.listdir(tmp_path)) == {"e.zip", "aside", "home"}


async def test_an_archive_that_cannot_be_read_is_an_outcome_too(
    tmp_path: Path, road: Road, platform: Platform
) -> None:
    (tmp_path / "broken.zip").write_bytes(making.zip_bytes({"1.fit": making.ride_fit(1)})[:-30])
    outcomes = await road.outcomes(await road.run(tmp_path / "broken.zip"))
    assert outcomes["broken.zip"].fault == "damaged"


async def test_files_folders_and_archives_are_imported_together(
    tmp_path: Path, road: Road, platform: Platform
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "1.fit").write_bytes(making.ride_fit(1))
    making.write_zip(folder / "inside.zip", {"2.fit": making.ride_fit(2)})
    (tmp_path / "3.fit").write_bytes(making.ride_fit(3))
    job = await road.run(folder, tmp_path / "3.fit")
    assert job.progress.counts == {FileStatus.IMPORTED: 3}


async def test_a_platform_that_is_away_leaves_everything_waiting_and_resuming_brings_it(
    tmp_path: Path, decoder: DecoderPool
) -> None:
    path = making.write_zip(tmp_path / "e.zip", {f"{at}.fit": making.ride_fit(at) for at in range(5)})
    away = Platform()
    await away.start()
    await away.stop()
    async with open_road(tmp_path / "home", away.target, decoder, patience_s=0.5) as way:
        job = await way.run(path)
        assert job.progress.counts == {FileStatus.WAITING: 5}
    await away.start()
    try:
        async with open_road(tmp_path / "home", away.target, decoder) as way:
            await way.ledger.requeue(job.job_id)
            job = await way.runner().run(job.job_id)
            assert job.progress.counts == {FileStatus.IMPORTED: 5}
            assert len(away.files) == 5
    finally:
        await away.stop()


async def test_an_archive_that_changed_before_its_originals_went_up_keeps_their_workouts(
    tmp_path: Path, decoder: DecoderPool
) -> None:
    path = making.write_zip(tmp_path / "e.zip", {"1.fit": making.ride_fit(1)}, zipfile.ZIP_STORED)
    away = Platform()
    await away.start()
    await away.stop()
    async with open_road(tmp_path / "home", away.target, decoder, patience_s=0.2) as way:
        await way.run(path)
    making.write_zip(path, {"1.fit": making.ride_fit(2)}, zipfile.ZIP_STORED)
    await away.start()
    try:
        async with open_road(tmp_path / "home", away.target, decoder) as way:
            way.uplink.expect_contact()
            await way.uplink.drained(20)
            (failed,) = (await way.spool.status()).originals_failed
            assert len(away.recordings) == 1
            assert not away.files
            assert failed.original.sha256 == hashlib.sha256(making.ride_fit(1)).hexdigest()
    finally:
        await away.stop()
