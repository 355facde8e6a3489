"""Files of our own simulator through decoder process, spool and protocol: an outcome for each."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from ingest_edge.files.fit_encoder import write_activity
from ingest_edge.files.fitparse_decoder import FitparseDecoder
from ingest_edge.files.isolation import DecoderProcess
from ingest_edge.importer import FileOutcome, FileStage, FileStatus, Importer, find_files
from ingest_edge.simulator.activities import indoor_ride, pool_swim, triathlon, truncated
from ingest_edge.spool import Spool, SpoolLimits, SpoolState, open_spool
from ingest_edge.uplink import Uplink, UplinkSettings
from ingest_edge.watch import FolderWatch
from pulsemesh.client import Client, connect
from pulsemesh.error.v1 import reason_pb2
from pulsemesh.type.v1 import channel_pb2, sport_pb2
from tests.integration.ingest_edge.importer.roads import IMPATIENT
from tests.integration.ingest_edge.spool.platform import Platform

START_MS = 1_790_000_000_000


@pytest.fixture(scope="module")
def decoder() -> Iterator[DecoderProcess]:
    with DecoderProcess(FitparseDecoder()) as process:
        yield process


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    ride = write_activity(indoor_ride(3, START_MS))
    (folder / "ride.fit").write_bytes(ride)
    (folder / "swim.fit").write_bytes(write_activity(pool_swim(3, START_MS)))
    (folder / "cut.fit").write_bytes(truncated(write_activity(indoor_ride(4, START_MS))))
    (folder / "notes.fit").write_bytes(b"dear diary, today I rode a bicycle")
    return folder


@pytest.fixture
def folder(originals: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(originals, tmp_path / "files"))


@dataclass
class Road:
    spool: Spool
    uplink: Uplink
    client: Client
    decoder: DecoderProcess
    patience_s: float = 20.0

    def importer(self) -> Importer:
        return Importer(
            self.spool,
            self.uplink,
            self.client,
            self.decoder,
            writer_id="edge-1",
            patience_s=self.patience_s,
        )

    async def run(self, *paths: Path) -> list[FileOutcome]:
        return await self.importer().run(paths)


@contextlib.asynccontextmanager
async def road(
    spool_folder: Path, target: str, decoder: DecoderProcess, patience_s: float = 20.0
) -> AsyncIterator[Road]:
    limits = SpoolLimits(min_free_bytes=0)
    async with await open_spool(spool_folder, limits) as spool, connect(target, retry=IMPATIENT) as client:
        uplink = Uplink(spool, client, UplinkSettings(file_pause_s=0.2))
        running = asyncio.ensure_future(uplink.run())
        try:
            yield Road(spool, uplink, client, decoder, patience_s)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


async def test_each_file_of_a_folder_has_its_outcome(
    tmp_path: Path, folder: Path, decoder: DecoderProcess
) -> None:
    async with Platform() as platform, road(tmp_path / "spool", platform.target, decoder) as way:
        outcomes = {outcome.path.name: outcome for outcome in await way.run(*find_files([folder]))}
        assert {name: outcome.status for name, outcome in outcomes.items()} == {
            "cut.fit": FileStatus.PARTIAL,
            "notes.fit": FileStatus.UNREADABLE,
            "ride.fit": FileStatus.IMPORTED,
            "swim.fit": FileStatus.IMPORTED,
        }
        assert outcomes["cut.fit"].losses
        assert outcomes["notes.fit"].reason
        ride = platform.recordings[outcomes["ride.fit"].recording_id]
        assert ride.workout_id == outcomes["ride.fit"].workout_id
        assert len(ride.times("file/record")) == outcomes["ride.fit"].samples
        assert ride.open.sport == sport_pb2.SPORT_CYCLING
        (refused,) = (await way.spool.status()).refused_files
        assert refused.path.endswith("notes.fit")
        assert (folder / "notes.fit").exists()


async def test_samples_arrive_as_the_simulator_made_them(
    tmp_path: Path, folder: Path, decoder: DecoderProcess
) -> None:
    made = indoor_ride(3, START_MS).table("record")
    assert made is not None
    async with Platform() as platform, road(tmp_path / "spool", platform.target, decoder) as way:
        (outcome,) = await way.run(folder / "ride.fit")
        held = platform.recordings[outcome.recording_id]
        assert held.times("file/record") == made.time_ms.tolist()
        assert held.values("file/record", channel_pb2.CHANNEL_POWER) == made.columns["power"].tolist()


async def test_a_pool_swim_keeps_its_lengths(tmp_path: Path, folder: Path, decoder: DecoderProcess) -> None:
    made = pool_swim(3, START_MS)
    async with Platform() as platform, road(tmp_path / "spool", platform.target, decoder) as way:
        (outcome,) = await way.run(folder / "swim.fit")
        details = platform.recordings[outcome.recording_id].details
        assert len(details.lengths) == len(made.lengths)
        assert details.sessions[0].pool_length_m == made.sessions[0].pool_length_m
        assert details.file_sha256


async def test_a_triathlon_is_multisport(tmp_path: Path, decoder: DecoderProcess) -> None:
    file = tmp_path / "triathlon.fit"
    file.write_bytes(await asyncio.to_thread(lambda: write_activity(triathlon(1, START_MS))))
    async with Platform() as platform, road(tmp_path / "spool", platform.target, decoder) as way:
        (outcome,) = await way.run(file)
        held = platform.recordings[outcome.recording_id]
        assert held.open.sport == sport_pb2.SPORT_MULTISPORT
        assert len(held.details.sessions) == 5


async def test_importing_again_names_the_duplicates_and_the_workout(
    tmp_path: Path, folder: Path, decoder: DecoderProcess
) -> None:
    async with Platform() as platform, road(tmp_path / "spool", platform.target, decoder) as way:
        (first,) = await way.run(folder / "swim.fit")
        await way.uplink.drained(20)
        (second,) = await way.run(folder / "swim.fit")
        assert second.status is FileStatus.DUPLICATE
        assert second.workout_id == first.workout_id


async def test_a_file_that_another_gateway_imported_is_a_duplicate(
    tmp_path: Path, folder: Path, decoder: DecoderProcess
) -> None:
    async with Platform() as platform:
        async with road(tmp_path / "one", platform.target, decoder) as way:
            (first,) = await way.run(folder / "swim.fit")
        # The original did not arrive, so only the recording itself says that it exists.
        platform.files.clear()
        async with road(tmp_path / "two", platform.target, decoder) as way:
            (second,) = await way.run(folder / "swim.fit")
        assert second.status is FileStatus.DUPLICATE
        assert second.workout_id == first.workout_id


async def test_the_same_content_under_two_names_is_one_workout(
    tmp_path: Path, folder: Path, decoder: DecoderProcess
) -> None:
    shutil.copy(folder / "swim.fit", folder / "swim-copy.fit")
    async with Platform() as platform, road(tmp_path / "spool", platform.target, decoder) as way:
        outcomes = await way.run(folder / "swim.fit", folder / "swim-copy.fit")
        assert [outcome.status for outcome in outcomes] == [FileStatus.IMPORTED, FileStatus.DUPLICATE]
        assert outcomes[0].workout_id == outcomes[1].workout_id
        assert len(platform.recordings) == 1


async def test_without_a_platform_files_wait_in_the_spool_and_go_up_later(
    tmp_path: Path, folder: Path, decoder: DecoderProcess
) -> None:
    platform = Platform()
    await platform.start()
    await platform.stop()
    async with road(tmp_path / "spool", platform.target, decoder, patience_s=0.5) as way:
        (outcome,) = await way.run(folder / "swim.fit")
        assert outcome.status is FileStatus.WAITING
    async with platform, road(tmp_path / "spool", platform.target, decoder) as way:
        (again,) = await way.run(folder / "swim.fit")
        assert again.status is FileStatus.IMPORTED
        assert len(platform.recordings) == 1


async def test_a_cancelled_import_goes_on_when_it_is_started_again(
    tmp_path: Path, folder: Path, decoder: DecoderProcess
) -> None:
    files = [folder / "swim.fit", folder / "ride.fit"]
    decoding = asyncio.Event()
    async with Platform() as platform:
        async with road(tmp_path / "spool", platform.target, decoder) as way:
            importer = way.importer()
            importer._on_progress = lambda path, stage: (
                decoding.set() if (path, stage) == (files[1], FileStage.DECODING) else None
            )
            running = asyncio.ensure_future(importer.run(files))
            await asyncio.wait_for(decoding.wait(), 60)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        async with road(tmp_path / "spool", platform.target, decoder) as way:
            outcomes = await way.run(*files)
            assert all(outcome.workout_id for outcome in outcomes)
        assert len(platform.recordings) == 2


async def test_a_refused_file_says_why_and_can_be_imported_again(
    tmp_path: Path, folder: Path, decoder: DecoderProcess
) -> None:
    async with Platform() as platform, road(tmp_path / "spool", platform.target, decoder) as way:
        platform.refuse = (grpc.StatusCode.PERMISSION_DENIED, reason_pb2.ERROR_REASON_CONSENT_MISSING)
        (refused,) = await way.run(folder / "swim.fit")
        assert refused.status is FileStatus.FAILED
        assert refused.reason.startswith("CONSENT_MISSING")
        platform.refuse = None
        (taken,) = await way.run(folder / "swim.fit")
        assert taken.status is FileStatus.IMPORTED


async def test_a_file_that_does_not_fit_into_the_spool_fails_alone(
    tmp_path: Path, folder: Path, decoder: DecoderProcess
) -> None:
    platform = Platform()
    await platform.start()
    await platform.stop()
    limits = SpoolLimits(min_free_bytes=1 << 60)
    async with (
        await open_spool(tmp_path / "spool", limits) as spool,
        connect(platform.target, retry=IMPATIENT) as client,
    ):
        way = Road(spool, Uplink(spool, client), client, decoder)
        (outcome,) = await way.run(folder / "swim.fit")
    assert outcome.status is FileStatus.NO_ROOM
    assert "kept free" in outcome.reason


async def test_a_missing_file_costs_only_itself(
    tmp_path: Path, folder: Path, decoder: DecoderProcess
) -> None:
    async with Platform() as platform, road(tmp_path / "spool", platform.target, decoder) as way:
        outcomes = await way.run(folder / "gone.fit", folder / "swim.fit")
        assert [outcome.status for outcome in outcomes] == [FileStatus.UNREADABLE, FileStatus.IMPORTED]


async def test_a_watched_file_is_taken_once_it_has_stopped_growing(tmp_path: Path, folder: Path) -> None:
    content = (folder / "swim.fit").read_bytes()
    inbox = tmp_path / "inbox"
    async with await open_spool(tmp_path / "spool", SpoolLimits(min_free_bytes=0)) as spool:
        watch = FolderWatch(inbox, spool)
        assert await watch.look() == []
        inbox.mkdir()
        file = inbox / "swim.fit"
        file.write_bytes(content[:1000])
        assert await watch.look() == []
        file.write_bytes(content)
        assert await watch.look() == []
        assert await watch.look() == [file]
        assert await watch.look() == []


async def test_a_watch_that_starts_again_leaves_what_was_imported_and_takes_what_was_changed(
    tmp_path: Path, folder: Path, decoder: DecoderProcess
) -> None:
    async with Platform() as platform, road(tmp_path / "spool", platform.target, decoder) as way:
        first = FolderWatch(folder, way.spool)
        await first.look()
        ready = await first.look()
        assert len(ready) == 4
        await way.run(*ready)
        second = FolderWatch(folder, way.spool)
        await second.look()
        assert await second.look() == []
        (folder / "notes.fit").write_bytes((folder / "swim.fit").read_bytes())
        await second.look()
        assert await second.look() == [folder / "notes.fit"]
        waiting = await way.spool.recordings([SpoolState.CLOSED])
        assert len(waiting) == 3
