"""Workouts as files: every format, what does not go, and an archive that restores what it was made of."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import grpc
import pytest
from pyarrow import parquet
from sqlalchemy import update

from ingest_edge.files.fitparse_decoder import FitparseDecoder
from ingest_edge.files.pulsemesh_archive import open_archive
from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import (
    archive_pb2,
    export_service_pb2,
    export_service_pb2_grpc,
    file_service_pb2,
    ingest_service_pb2,
    recording_pb2,
    revision_pb2,
    revision_service_pb2,
    revision_service_pb2_grpc,
    workout_pb2,
    workout_service_pb2,
)
from services.workout.tables import chunks
from tests.integration.services.workout.conftest import (
    HEART_RATE,
    MARKER,
    POWER,
    START_MS,
    STRANGER,
    Rig,
    Sent,
    collected,
    reason_of,
    ride,
    violated_fields,
)

LATITUDE, LONGITUDE = int(channel_pb2.CHANNEL_LATITUDE), int(channel_pb2.CHANNEL_LONGITUDE)
RR, TORQUE = int(channel_pb2.CHANNEL_RR_INTERVAL), int(channel_pb2.CHANNEL_TORQUE)

FIT = export_service_pb2.EXPORT_FORMAT_FIT
GPX = export_service_pb2.EXPORT_FORMAT_GPX
TCX = export_service_pb2.EXPORT_FORMAT_TCX
CSV = export_service_pb2.EXPORT_FORMAT_CSV
PARQUET = export_service_pb2.EXPORT_FORMAT_PARQUET
ORIGINAL = export_service_pb2.EXPORT_FORMAT_ORIGINAL


def strap(seconds: int = 60) -> Sent:
    """A heart strap: a rate a second, and beats between."""
    times = [START_MS + 400 + second * 1000 for second in range(seconds)]
    beats = [820 + second % 7 for second in range(seconds)]
    return Sent("strap", times, {HEART_RATE: [130 + second % 5 for second in range(seconds)], RR: beats})


def meter(seconds: int = 60) -> Sent:
    """A power meter with torque, which FIT has no field for."""
    times = [START_MS + second * 1000 for second in range(seconds)]
    return Sent(
        "meter",
        times,
        {
            POWER: [200 + second for second in range(seconds)],
            TORQUE: [second * 3 for second in range(seconds)],
        },
    )


def phone(seconds: int = 60) -> Sent:
    """Positions every two seconds, sometimes lost."""
    times = [START_MS + second * 1000 for second in range(0, seconds, 2)]
    rows = range(len(times))
    return Sent(
        "phone",
        times,
        {
            LATITUDE: [None if row % 7 == 3 else 555_000_000 + row * 40 for row in rows],
            LONGITUDE: [None if row % 7 == 3 else 88_000_000 + row * 60 for row in rows],
        },
    )


def buttons() -> Sent:
    """A pause of ten seconds."""
    pause, resume = channel_pb2.MARKER_KIND_PAUSE, channel_pb2.MARKER_KIND_RESUME
    return Sent("buttons", [START_MS + 20_000, START_MS + 30_000], {MARKER: [int(pause), int(resume)]})


async def live_workout(rig: Rig) -> str:
    _, response = await rig.append([strap(), meter(), phone(), buttons()])
    return str(response.closed.workout_id)


async def exported(rig: Rig, workout_id: str, form: Any) -> tuple[Any, bytes]:
    stub = export_service_pb2_grpc.ExportServiceStub(rig.channel)
    request = export_service_pb2.ExportWorkoutRequest(workout_id=workout_id, format=form)
    first, *parts, last = await collected(stub.ExportWorkout(request, metadata=rig.who))
    content = b"".join(part.chunk for part in parts)
    assert last.trailer.size_bytes == len(content)
    assert last.trailer.sha256 == hashlib.sha256(content).hexdigest()
    return first.header, content


async def archive_of(rig: Rig, path: Path) -> Any:
    stub = export_service_pb2_grpc.ExportServiceStub(rig.channel)
    request = export_service_pb2.ExportArchiveRequest()
    first, *parts, last = await collected(stub.ExportArchive(request, metadata=rig.who))
    content = b"".join(part.chunk for part in parts)
    assert last.trailer.sha256 == hashlib.sha256(content).hexdigest()
    assert first.header.media_type == "application/zip"
    await asyncio.to_thread(path.write_bytes, content)
    return [part.progress for part in parts if part.HasField("progress")][-1:]


async def test_a_live_workout_of_several_sources_becomes_one_fit_file(rig: Rig) -> None:
    header, content = await exported(rig, await live_workout(rig), FIT)
    assert header.file_name.endswith(".fit")
    assert header.size_bytes == len(content)
    activity = FitparseDecoder().decode(content)
    assert activity.losses == ()
    record = activity.table("record")
    assert record is not None
    assert set(record.columns) >= {"heart_rate", "power", "latitude", "longitude"}
    assert record.columns["power"][:3].tolist() == [200, 201, 202]
    assert [marker.kind for marker in activity.markers if marker.kind != "lap"].count("pause") >= 1
    beats = activity.table("rr")
    assert beats is not None
    assert len(beats) == 60


async def test_gpx_has_the_positions_and_a_segment_for_each_stretch(rig: Rig) -> None:
    _, content = await exported(rig, await live_workout(rig), GPX)
    assert content.count(b"<trkseg>") == 2
    # A position stands until the next, for ten seconds at most.
    assert content.count(b"<trkpt") == 61


async def test_tcx_has_the_samples_with_their_extensions(rig: Rig) -> None:
    _, content = await exported(rig, await live_workout(rig), TCX)
    assert content.count(b"<Trackpoint>") == 61
    assert b"<ns3:Watts>200</ns3:Watts>" in content


async def test_csv_keeps_beats_and_markers_at_their_own_times(rig: Rig) -> None:
    header, content = await exported(rig, await live_workout(rig), CSV)
    assert not header.HasField("size_bytes")
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    beats = [row for row in rows if row["rr_interval [s]"]]
    assert len(beats) == 60
    assert beats[0]["time"].endswith(".400Z")
    assert round(float(beats[0]["rr_interval [s]"]) * 1024) == 820
    assert [row["marker"] for row in rows if row["marker"]] == ["pause", "resume"]


async def test_parquet_has_types_and_units(rig: Rig) -> None:
    _, content = await exported(rig, await live_workout(rig), PARQUET)
    table = parquet.read_table(io.BytesIO(content))
    assert str(table.schema.field("power").type) == "int32"
    assert table.schema.field("torque").metadata[b"unit"] == b"N m"
    torque = [value for value in table.column("torque").to_pylist() if value is not None]
    assert torque[:3] == [0, 3 / 32, 6 / 32]
    about = json.loads(table.schema.metadata[b"pulsemesh"])
    assert about["sessions"][0]["sport"] == "SPORT_CYCLING"


async def test_one_source_is_written_as_it_came(rig: Rig) -> None:
    times = [START_MS + gap for gap in (0, 1500, 1700, 65_000)]
    _, response = await rig.append([Sent("meter", times, {POWER: [1, None, 3, 4]})])
    _, content = await exported(rig, response.closed.workout_id, CSV)
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    assert [row["elapsed_s"] for row in rows] == ["0", "1.7", "65"]
    assert [row["power [W]"] for row in rows] == ["1", "3", "4"]


async def test_the_original_comes_back_byte_for_byte(rig: Rig) -> None:
    recording_id, response = await rig.append([ride()])
    content = random.Random(3).randbytes(3_000_000)
    await upload(rig, content, recording_id)
    header, again = await exported(rig, response.closed.workout_id, ORIGINAL)
    assert (header.file_name, header.size_bytes) == ("Morgen_Ausfahrt.fit", len(content))
    assert again == content


async def upload(rig: Rig, content: bytes, recording_id: str) -> None:
    header = file_service_pb2.FileHeader(
        name="Morgen:Ausfahrt.fit",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        recording_id=recording_id,
    )
    parts = [content[start : start + 400_000] for start in range(0, len(content), 400_000)]
    requests = [file_service_pb2.UploadFileRequest(header=header)]
    requests += [file_service_pb2.UploadFileRequest(chunk=part) for part in parts]
    await rig.files.UploadFile(iter(requests), metadata=rig.who)


@pytest.mark.parametrize(("form", "field"), [(GPX, "latitude"), (ORIGINAL, "file_id")])
async def test_a_format_that_cannot_carry_the_workout_is_refused_with_the_reason(
    rig: Rig, form: Any, field: str
) -> None:
    workout_id = await rig.workout()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await exported(rig, workout_id, form)
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(refused.value) == "FORMAT_UNSUITABLE"
    assert list(violated_fields(refused.value)) == [field]
    assert "export it as FIT" in str(refused.value.details())


async def test_fit_cannot_say_times_of_the_seventies(rig: Rig) -> None:
    _, response = await rig.append([ride(start_ms=1_000_000)], start_ms=1_000_000)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await exported(rig, response.closed.workout_id, FIT)
    assert list(violated_fields(refused.value)) == ["start_time"]


async def test_a_strangers_workout_is_not_found(rig: Rig) -> None:
    workout_id = await rig.workout()
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await exported(rig.as_user(STRANGER), workout_id, FIT)
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


async def test_an_archive_of_nothing_is_an_archive(rig: Rig, tmp_path: Path) -> None:
    assert await archive_of(rig, tmp_path / "empty.zip") == []
    with open_archive(tmp_path / "empty.zip") as archive:
        assert (len(archive), list(archive.entries())) == (0, [])


async def test_an_archive_holds_each_workout_in_every_form(rig: Rig, tmp_path: Path) -> None:
    await live_workout(rig)
    recording_id, _ = await rig.append([ride()])
    await upload(rig, b"a file of a device", recording_id)
    progress = await archive_of(rig, tmp_path / "all.zip")
    assert (progress[0].workouts, progress[0].workouts_total, progress[0].damaged) == (2, 2, 0)
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read("manifest.json"))
        files = [file for workout in manifest["workouts"] for file in workout["files"]]
        assert [file["role"] for file in files] == ["workout", "fit", "workout", "fit", "original"]
        for file in files:
            content = archive.read(file["name"])
            assert file["sha256"] == hashlib.sha256(content).hexdigest()
            assert file["size_bytes"] == len(content)
        assert archive.read(files[-1]["name"]) == b"a file of a device"
        assert manifest["person"] == rig.user_id


async def test_an_archive_restores_what_it_was_made_of(rig: Rig, tmp_path: Path) -> None:
    details = recording_pb2.RecordingDetails(
        laps=[recording_pb2.LapMark(start_time_ms=START_MS, end_time_ms=START_MS + 30_000)]
    )
    _, edited = await rig.append([meter(), strap(9)], details=details)
    update = workout_service_pb2.UpdateWorkoutRequest(
        workout=workout_pb2.Workout(
            workout_id=edited.closed.workout_id, title="Hügel", notes="müde", sport=sport_pb2.SPORT_RUNNING
        )
    )
    update.update_mask.paths.extend(["title", "notes", "sport"])
    await rig.workouts.UpdateWorkout(update, metadata=rig.who)
    await live_workout(rig)
    await archive_of(rig, tmp_path / "all.zip")
    other = rig.as_user(STRANGER)
    with open_archive(tmp_path / "all.zip") as archive:
        entries = list(archive.entries())
        for entry in entries:
            await restore(other, entry.read())
    assert len(entries) == 2
    theirs = await listed(other)
    for before in (await listed(rig)).values():
        after = theirs[before.recording_id]
        assert await streams(other, after.workout_id) == await streams(rig, before.workout_id)
        assert comparable(after) == comparable(before)


async def test_a_client_that_leaves_half_way_disturbs_nobody(rig: Rig) -> None:
    recording_id, _ = await rig.append([ride()])
    await upload(rig, random.Random(4).randbytes(5_000_000), recording_id)
    stub = export_service_pb2_grpc.ExportServiceStub(rig.channel)
    for _ in range(3):
        call = stub.ExportArchive(export_service_pb2.ExportArchiveRequest(), metadata=rig.who)
        async for part in call:
            if part.HasField("chunk"):
                break
        call.cancel()
    assert (await listed(rig)).keys() == {recording_id}


async def test_one_damaged_workout_does_not_end_the_archive(rig: Rig, tmp_path: Path) -> None:
    damaged, _ = await rig.append([ride()])
    async with rig.database.write() as transaction:
        await transaction.run(lambda conn: conn.execute(update(chunks).values(payload=b"\x01damage")))
    whole, _ = await rig.append([ride()])
    (progress,) = await archive_of(rig, tmp_path / "all.zip")
    assert (progress.workouts, progress.damaged) == (2, 1)
    with open_archive(tmp_path / "all.zip") as archive:
        assert [entry.recording_id for entry in archive.entries()] == [whole]
        ((recording_id, reason),) = archive.problems()
    assert recording_id == damaged
    assert "cannot be read" in reason


async def revise(rig: Rig, workout_id: str, *operations: revision_pb2.Operation) -> None:
    stub = revision_service_pb2_grpc.RevisionServiceStub(rig.channel)
    request = revision_service_pb2.ReviseWorkoutRequest(
        workout_id=workout_id, revision=revision_pb2.Revision(operations=operations)
    )
    await stub.ReviseWorkout(request, metadata=rig.who)


async def test_a_corrected_workout_is_exported_as_corrected_and_archived_as_recorded(
    rig: Rig, tmp_path: Path
) -> None:
    workout_id = await rig.workout(seconds=60)
    crop = revision_pb2.Operation(crop=revision_pb2.Crop(end_time_ms=START_MS + 20_000))
    await revise(rig, workout_id, crop)
    _, content = await exported(rig, workout_id, CSV)
    assert len(content.splitlines()) == 21
    await archive_of(rig, tmp_path / "all.zip")
    with open_archive(tmp_path / "all.zip") as archive:
        archived = next(archive.entries()).read()
    assert archived.sources[0].batches[0].time_deltas_ms[-1] == 1000
    assert len(archived.sources[0].batches[0].time_deltas_ms) == 59
    assert list(archived.revision.operations) == [crop]


async def test_an_archive_tells_what_came_of_what(rig: Rig, tmp_path: Path) -> None:
    recording_id, response = await rig.append([ride(60)])
    stub = revision_service_pb2_grpc.RevisionServiceStub(rig.channel)
    split = revision_service_pb2.SplitWorkoutRequest(
        workout_id=response.closed.workout_id, times_ms=[START_MS + 30_000]
    )
    await stub.SplitWorkout(split, metadata=rig.who)
    await archive_of(rig, tmp_path / "all.zip")
    with open_archive(tmp_path / "all.zip") as archive:
        read = [entry.read() for entry in archive.entries()]
        (derivation,) = archive.derivations()
    assert [(each.hidden, each.derived) for each in read] == [(True, False), (False, True), (False, True)]
    assert list(derivation.input_recording_ids) == [recording_id]
    assert list(derivation.output_recording_ids) == [each.recording_id for each in read[1:]]
    assert list(derivation.derivation.split_times_ms) == [START_MS + 30_000]
    with zipfile.ZipFile(tmp_path / "all.zip") as archive_file:
        # Other tools must not take the whole and its parts.
        assert sum(name.startswith("fit/") for name in archive_file.namelist()) == 2


async def restore(rig: Rig, archived: archive_pb2.ArchivedWorkout) -> None:
    """What an import does, in one call."""
    opening = ingest_service_pb2.OpenRecording(
        recording_id=archived.recording_id,
        writer_id="import",
        sport=archived.recorded_sport,
        sub_sport=archived.recorded_sub_sport,
        start_time_ms=archived.recording_start_time.ToMilliseconds(),
        sources=[source.source for source in archived.sources],
        client_time_ms=rig.clock(),
    )
    finish = ingest_service_pb2.FinishRecording(
        sample_counts=[source.next_sequence - source.rejected_samples for source in archived.sources],
        details=archived.details,
    )
    batches = [batch for source in archived.sources for batch in source.batches]
    request = ingest_service_pb2.AppendSamplesRequest(open=opening, batches=batches, finish=finish)
    response = await rig.ingest.AppendSamples(request, metadata=rig.who)
    assert not response.rejections
    edited = workout_pb2.Workout(
        workout_id=response.closed.workout_id,
        title=archived.title,
        notes=archived.notes,
        sport=archived.sport,
        sub_sport=archived.sub_sport,
    )
    update = workout_service_pb2.UpdateWorkoutRequest(workout=edited)
    update.update_mask.paths.extend(["title", "notes", "sport", "sub_sport"])
    await rig.workouts.UpdateWorkout(update, metadata=rig.who)


async def listed(rig: Rig) -> dict[str, Any]:
    response = await rig.workouts.ListWorkouts(
        workout_service_pb2.ListWorkoutsRequest(page_size=200), metadata=rig.who
    )
    workouts = [await rig.get(workout.workout_id) for workout in response.workouts]
    return {workout.recording_id: workout for workout in workouts}


async def streams(rig: Rig, workout_id: str) -> list[Any]:
    request = workout_service_pb2.ReadStreamsRequest(workout_id=workout_id)
    responses = await collected(rig.workouts.ReadStreams(request, metadata=rig.who))
    return [response.segment for response in responses]


def comparable(workout: Any) -> Any:
    """The workout without what its platform gave it."""
    plain = workout_pb2.Workout()
    plain.CopyFrom(workout)
    for name in ("workout_id", "user_id", "created_at", "updated_at", "etag"):
        plain.ClearField(name)
    return plain
