"""From one platform to another: what is exported, and sent again as it is in the archive, is the same."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from ingest_edge.files.activity import Activity, SampleTable
from ingest_edge.files.decoders import FileDecoder
from ingest_edge.files.fit_encoder import write_activity
from ingest_edge.files.isolation import DecoderPool, DecoderProcess
from ingest_edge.files.native_decoder import NativeDecoder
from ingest_edge.files.pulsemesh_archive import open_archive
from ingest_edge.importer import FileStatus
from ingest_edge.importer.translation import recording_of
from ingest_edge.simulator.activities import fifty_minute_run, pool_swim, triathlon
from pulsemesh import Client
from pulsemesh.samples import encode_batch, sample_count, slice_batch
from pulsemesh.testing import platform
from pulsemesh.type.v1 import channel_pb2, sport_pb2
from pulsemesh.workout.v1 import archive_pb2, ingest_service_pb2, recording_pb2, sample_pb2, workout_pb2
from tests.integration.ingest_edge.importer.roads import open_road

START_MS = 1_780_000_200_000

SourceBatches = tuple[recording_pb2.Source, Sequence[sample_pb2.SampleBatch]]


class BatchFeed:
    """Gives batches as they are, cut where the platform asks for less."""

    def __init__(self, sources: Sequence[SourceBatches], details: recording_pb2.RecordingDetails) -> None:
        self._batches: list[list[sample_pb2.SampleBatch]] = []
        counts = []
        for index, (_, batches) in enumerate(sources):
            numbered, first = [], 0
            for batch in batches:
                copy = sample_pb2.SampleBatch()
                copy.CopyFrom(batch)
                copy.source, copy.first_sequence = index, first
                first += sample_count(batch)
                numbered.append(copy)
            self._batches.append(numbered)
            counts.append(first)
        self._finish = ingest_service_pb2.FinishRecording(sample_counts=counts, details=details)

    async def next_batch(self, source: int, sequence: int, max_samples: int) -> sample_pb2.SampleBatch | None:
        for batch in self._batches[source]:
            end = batch.first_sequence + sample_count(batch)
            if batch.first_sequence <= sequence < end:
                start = sequence - batch.first_sequence
                rest = slice_batch(batch, start) if start else batch
                return slice_batch(rest, 0, max_samples) if sample_count(rest) > max_samples else rest
        return None

    async def wait(self) -> None:
        return

    async def finish(self) -> ingest_service_pb2.FinishRecording | None:
        return self._finish

    async def acknowledged(self, source: int, next_sequence: int) -> None:
        return

    async def set_aside(self, rejection: ingest_service_pb2.Rejection) -> None:
        raise AssertionError(rejection)


async def send(
    client: Client,
    opening: ingest_service_pb2.OpenRecording,
    sources: Sequence[SourceBatches],
    details: object,
) -> str:
    assert isinstance(details, recording_pb2.RecordingDetails)
    opening.writer_id = "test"
    opening.sources.extend(source for source, _ in sources)
    return (await client.ingest.run(opening, BatchFeed(sources, details))).workout_id


async def record_live(client: Client) -> None:
    """Three sensors at their own times, one of which falls silent."""
    rows = range(1800)
    times = [START_MS + row * 1000 for row in rows]
    heart = encode_batch(
        0,
        0,
        [time + 300 for time in times],
        {
            channel_pb2.CHANNEL_HEART_RATE: [120 + row % 40 for row in rows],
            channel_pb2.CHANNEL_RR_INTERVAL: [None if row % 9 == 0 else 480 + row % 31 for row in rows],
        },
    )
    meter = encode_batch(
        0, 0, times[:900], {channel_pb2.CHANNEL_POWER: [200 + row % 90 for row in range(900)]}
    )
    marks = [int(channel_pb2.MARKER_KIND_PAUSE), int(channel_pb2.MARKER_KIND_RESUME)]
    button = encode_batch(0, 0, [times[600], times[660]], {channel_pb2.CHANNEL_MARKER: marks})
    sources = [
        (
            recording_pb2.Source(
                source_id=name,
                device=recording_pb2.Device(device_id=f"id-{name}", name=name.title()),
                channels=[column.channel for column in batch.columns],
            ),
            [batch],
        )
        for name, batch in (("strap", heart), ("meter", meter), ("button", button))
    ]
    opening = ingest_service_pb2.OpenRecording(
        recording_id="01J0000000000000000000000V",
        sport=sport_pb2.SPORT_CYCLING,
        start_time_ms=START_MS,
    )
    workout_id = await send(client, opening, sources, recording_pb2.RecordingDetails())
    await client.workouts.update(workout_id, title="Mit Gegenwind", notes="Zeile\nZeile")


async def import_files(client: Client) -> None:
    for number, make in enumerate((fifty_minute_run, pool_swim)):
        activity = make(7, START_MS + (number + 1) * 86_400_000)
        content = write_activity(activity)
        sha256 = hashlib.sha256(content).hexdigest()
        workout_id = await send_activity(client, activity, sha256)
        recording_id = (await client.workouts.get(workout_id)).recording_id
        await client.files.upload(content, name=f"{number}.fit", recording_id=recording_id)


async def send_activity(client: Client, activity: Activity, sha256: str) -> str:
    read = recording_of(activity, sha256, "test")
    opening = ingest_service_pb2.OpenRecording(
        recording_id=read.new.recording_id,
        sport=read.new.sport,
        sub_sport=read.new.sub_sport,
        start_time_ms=read.new.start_time_ms,
    )
    return await send(client, opening, read.sources, read.details)


async def everything(client: Client) -> dict[str, tuple[workout_pb2.Workout, object, str]]:
    """Each workout with its streams and the SHA-256 of its original, without what a platform gives it."""
    found: dict[str, tuple[workout_pb2.Workout, object, str]] = {}
    async for listed in client.workouts.list():
        workout = await client.workouts.get(listed.workout_id)
        streams = await client.workouts.streams(listed.workout_id)
        original = await client.files.read(workout.file_id) if workout.file_id else b""
        for name in ("workout_id", "user_id", "created_at", "updated_at", "etag", "file_id"):
            workout.ClearField(name)
        found[workout.recording_id] = (workout, list(streams), hashlib.sha256(original).hexdigest())
    return found


async def test_an_archive_of_one_platform_makes_the_same_workouts_on_another(tmp_path: Path) -> None:
    path, again = tmp_path / "all.zip", tmp_path / "again.zip"
    async with platform() as first:
        client = await first.client()
        await record_live(client)
        await import_files(client)
        before = await everything(client)
        assert (await client.exports.archive(path)).damaged == 0
    with DecoderPool([DecoderProcess(FileDecoder())]) as decoder:
        async with platform() as second:
            device, client = await second.token("mover", device=True), await second.client("mover")
            async with open_road(tmp_path / "home", second.target, decoder, token=device) as road:
                job = await road.run(path)
            assert job.progress.counts == {FileStatus.IMPORTED: 3}
            assert await everything(client) == before
            await client.exports.archive(again)
    # The archive of the copy holds the same samples, too.
    assert samples_of(again) == samples_of(path)


def samples_of(path: Path) -> dict[str, list[archive_pb2.ArchivedSource]]:
    with open_archive(path) as archive:
        workouts = [entry.read() for entry in archive.entries()]
    return {workout.recording_id: list(workout.sources) for workout in workouts}


async def test_what_a_device_wrote_is_in_the_fit_file_that_is_exported() -> None:
    written = [triathlon(3, START_MS), pool_swim(3, START_MS + 86_400_000)]
    async with platform() as served:
        client = await served.client()
        for activity in written:
            sha256 = hashlib.sha256(write_activity(activity)).hexdigest()
            workout_id = await send_activity(client, activity, sha256)
            read = NativeDecoder().decode(await client.exports.read(workout_id, "fit"))
            assert read.losses == ()
            assert [
                (part.sport, part.sub_sport, part.start_ms, part.end_ms, part.pool_length_m)
                for part in read.sessions
            ] == [
                (part.sport, part.sub_sport, part.start_ms, part.end_ms, part.pool_length_m)
                for part in activity.sessions
            ]
            assert [lap.start_ms for lap in read.laps] == [lap.start_ms for lap in activity.laps]
            assert read.lengths == activity.lengths
            assert comparable(read.table("record")) == comparable(activity.table("record"))
            assert read.device.name == activity.device.name
            assert read.device.serial == activity.device.serial


def comparable(table: SampleTable | None) -> dict[str, list[int]]:
    assert table is not None
    columns = {name: column.tolist() for name, column in table.columns.items()}
    return {"time": table.time_ms.tolist(), **dict(sorted(columns.items()))}
