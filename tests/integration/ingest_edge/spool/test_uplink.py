"""From the spool to a platform that speaks the real protocol: live, late, interrupted, refused."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest

from ingest_edge.spool import (
    Original,
    RecordingKind,
    Spool,
    SpoolLimits,
    SpoolState,
    open_spool,
)
from ingest_edge.uplink import CredentialsRefused, PlatformUnreachable, Uplink, UplinkSettings
from pulsemesh.client import connect
from pulsemesh.error.v1 import reason_pb2
from pulsemesh.samples import encode_batch
from pulsemesh.workout.v1 import recording_pb2
from tests.integration.ingest_edge.spool.making import (
    HEART_RATE,
    START_MS,
    begin,
    found,
    heart_source,
    new_recording,
    numbered_batch,
)
from tests.integration.ingest_edge.spool.platform import Platform

STRAP = "strap/heart_rate"
DETAILS = recording_pb2.RecordingDetails(title="a ride")


@dataclass
class Road:
    spool: Spool
    uplink: Uplink


@contextlib.asynccontextmanager
async def road(folder: Path, target: str) -> AsyncIterator[Road]:
    settings = UplinkSettings(backlog_sessions=2, refused_pause_s=0.2, file_pause_s=0.2)
    async with await open_spool(folder, SpoolLimits(min_free_bytes=0)) as spool, connect(target) as client:
        uplink = Uplink(spool, client, settings)
        running = asyncio.ensure_future(uplink.run())
        try:
            yield Road(spool, uplink)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


async def finished_recording(spool: Spool, samples: int = 100) -> str:
    recording_id = await begin(spool)
    await spool.append(recording_id, STRAP, numbered_batch(0, samples))
    await spool.finish(recording_id, DETAILS)
    return recording_id


async def test_a_finished_recording_becomes_a_workout_and_leaves_the_spool(tmp_path: Path) -> None:
    async with Platform() as platform, road(tmp_path, platform.target) as way:
        recording_id = await finished_recording(way.spool)
        settled = await way.uplink.settled(recording_id)
        held = platform.recordings[recording_id]
        assert held.values(STRAP, HEART_RATE) == list(range(100))
        assert held.details == DETAILS
        assert (settled.workout_id, settled.duplicate) == (held.workout_id, False)
        recording = await found(way.spool, recording_id)
        assert (recording.state, recording.waiting_samples) == (SpoolState.CLOSED, 0)
        await way.uplink.drained(5)


async def test_a_live_recording_goes_up_while_it_is_recorded(tmp_path: Path) -> None:
    async with Platform() as platform, road(tmp_path, platform.target) as way:
        recording_id = await begin(way.spool)
        for second in range(5):
            await way.spool.append(recording_id, STRAP, numbered_batch(second, 1))
            await until(lambda: _committed(way, recording_id), second + 1)
        assert platform.recordings[recording_id].values(STRAP, HEART_RATE) == list(range(5))
        assert (await found(way.spool, recording_id)).state is SpoolState.RECORDING


async def test_a_source_that_appears_late_is_opened_in_a_new_session_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    async with Platform() as platform, road(tmp_path, platform.target) as way:
        recording_id = await begin(way.spool)
        await way.spool.append(recording_id, STRAP, numbered_batch(0, 5))
        await until(lambda: _ready(recording_id in platform.recordings), True)
        await way.spool.add_sources(recording_id, [heart_source("late/heart_rate")])
        await way.spool.append_all(
            recording_id, [(STRAP, numbered_batch(5, 5)), ("late/heart_rate", numbered_batch(0, 3))]
        )
        await way.spool.finish(recording_id, DETAILS)
        await way.uplink.settled(recording_id)
        held = platform.recordings[recording_id]
        assert held.values(STRAP, HEART_RATE) == list(range(10))
        assert held.values("late/heart_rate", HEART_RATE) == list(range(3))
        assert held.opened >= 2


async def test_sessions_that_break_again_and_again_lose_and_double_nothing(tmp_path: Path) -> None:
    async with Platform() as platform, road(tmp_path, platform.target) as way:
        platform.break_after = 2
        platform.limits = type(platform.limits)(max_batch_samples=40, heartbeat_interval_s=2)
        recording_id = await finished_recording(way.spool, 200)
        settled = await way.uplink.settled(recording_id)
        held = platform.recordings[recording_id]
        assert held.values(STRAP, HEART_RATE) == list(range(200))
        assert held.opened >= 3
        assert not settled.duplicate


async def test_a_workout_whose_answer_was_lost_is_ours_and_no_duplicate(tmp_path: Path) -> None:
    async with Platform() as platform, road(tmp_path, platform.target) as way:
        platform.lose_closed = 1
        recording_id = await finished_recording(way.spool)
        settled = await way.uplink.settled(recording_id)
        assert (settled.duplicate, settled.failure) == (False, "")
        assert settled.workout_id == platform.recordings[recording_id].workout_id


async def test_a_refusal_in_the_middle_of_a_recording_does_not_disturb_it(tmp_path: Path) -> None:
    async with Platform() as platform, road(tmp_path, platform.target) as way:
        platform.refuse = (grpc.StatusCode.PERMISSION_DENIED, reason_pb2.ERROR_REASON_CONSENT_MISSING)
        recording_id = await begin(way.spool)
        await way.spool.append(recording_id, STRAP, numbered_batch(0, 5))
        await way.uplink.settled(recording_id)
        await way.spool.append(recording_id, STRAP, numbered_batch(5, 5))
        assert (await found(way.spool, recording_id)).state is SpoolState.RECORDING
        await way.spool.finish(recording_id, DETAILS)
        recording = await found(way.spool, recording_id)
        assert (recording.state, recording.waiting_samples) == (SpoolState.FAILED, 10)
        assert recording.failure.startswith("CONSENT_MISSING")
        platform.refuse = None
        await way.spool.retry_failed()
        await way.uplink.drained(20)
        assert platform.recordings[recording_id].values(STRAP, HEART_RATE) == list(range(10))


async def test_a_recording_that_was_closed_at_the_platform_keeps_here_what_came_later(tmp_path: Path) -> None:
    async with Platform() as platform, road(tmp_path, platform.target) as way:
        recording_id = await begin(way.spool)
        await way.spool.append(recording_id, STRAP, numbered_batch(0, 5))
        await until(lambda: _waiting(way, recording_id), 0)
        platform.recordings[recording_id].workout_id = "closed by its owner"
        await platform.stop()
        await way.spool.append(recording_id, STRAP, numbered_batch(5, 5))
        await platform.start()
        settled = await way.uplink.settled(recording_id)
        assert settled.failure.startswith("RECORDING_CLOSED")
        assert "5 samples" in settled.failure
        await way.spool.finish(recording_id, DETAILS)
        recording = await found(way.spool, recording_id)
        assert (recording.state, recording.waiting_samples) == (SpoolState.FAILED, 5)


async def test_what_is_recorded_without_a_platform_goes_up_once_there_is_one(tmp_path: Path) -> None:
    platform = Platform()
    await platform.start()
    await platform.stop()
    async with road(tmp_path, platform.target) as way:
        recording_id = await finished_recording(way.spool)
        await until(lambda: _ready(bool(way.uplink.trouble)), True)
        async with platform:
            await way.uplink.settled(recording_id)
        assert platform.recordings[recording_id].values(STRAP, HEART_RATE) == list(range(100))


async def test_a_platform_that_restarts_gets_only_what_it_lacks(tmp_path: Path) -> None:
    platform = Platform()
    async with platform, road(tmp_path, platform.target) as way:
        recording_id = await begin(way.spool)
        await way.spool.append(recording_id, STRAP, numbered_batch(0, 50))
        await until(lambda: _waiting(way, recording_id), 0)
        await platform.stop()
        await way.spool.append(recording_id, STRAP, numbered_batch(50, 50))
        await platform.start()
        await way.spool.finish(recording_id, DETAILS)
        await way.uplink.settled(recording_id)
        assert platform.recordings[recording_id].values(STRAP, HEART_RATE) == list(range(100))


async def test_a_platform_that_stays_silent_is_said_and_everything_kept(tmp_path: Path) -> None:
    platform = Platform()
    await platform.start()
    await platform.stop()
    async with road(tmp_path, platform.target) as way:
        recording_id = await finished_recording(way.spool)
        with pytest.raises(PlatformUnreachable):
            await way.uplink.drained(0.5)
        assert (await found(way.spool, recording_id)).waiting_samples == 100


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, reason_pb2.ERROR_REASON_CONSENT_MISSING),
        (grpc.StatusCode.FAILED_PRECONDITION, reason_pb2.ERROR_REASON_RECORDING_CLOSED),
        (grpc.StatusCode.ABORTED, reason_pb2.ERROR_REASON_WRITER_FENCED),
    ],
)
async def test_a_refusal_for_good_is_kept_with_its_reason_and_can_be_tried_again(
    tmp_path: Path, code: grpc.StatusCode, reason: reason_pb2.ErrorReason.ValueType
) -> None:
    async with Platform() as platform, road(tmp_path, platform.target) as way:
        platform.refuse = (code, reason)
        recording_id = await finished_recording(way.spool)
        settled = await way.uplink.settled(recording_id)
        name = reason_pb2.ErrorReason.Name(reason).removeprefix("ERROR_REASON_")
        assert settled.failure.startswith(name)
        recording = await found(way.spool, recording_id)
        assert (recording.state, recording.waiting_samples) == (SpoolState.FAILED, 100)
        assert recording.failure.startswith(name)

        platform.refuse = None
        assert await way.spool.retry_failed() == 1
        await way.uplink.drained(20)
        assert platform.recordings[recording_id].values(STRAP, HEART_RATE) == list(range(100))


async def test_refused_credentials_are_said_and_fail_no_recording(tmp_path: Path) -> None:
    async with Platform() as platform, road(tmp_path, platform.target) as way:
        platform.refuse = (grpc.StatusCode.UNAUTHENTICATED, reason_pb2.ERROR_REASON_CREDENTIALS_EXPIRED)
        recording_id = await finished_recording(way.spool)
        with pytest.raises(CredentialsRefused, match="CREDENTIALS_EXPIRED"):
            await way.uplink.drained(30)
        assert (await found(way.spool, recording_id)).waiting_samples == 100
        platform.refuse = None
        await way.uplink.settled(recording_id)


async def test_rejected_samples_are_set_aside_and_the_rest_is_stored(tmp_path: Path) -> None:
    week_ago = START_MS - 7 * 86_400_000
    async with Platform() as platform, road(tmp_path, platform.target) as way:
        recording_id = await begin(way.spool)
        await way.spool.append(recording_id, STRAP, numbered_batch(0, 10))
        await until(lambda: _waiting(way, recording_id), 0)
        await way.spool.append(recording_id, STRAP, encode_batch(0, 0, [week_ago], {HEART_RATE: [66]}))
        await until(lambda: _set_aside(way), 1)
        await way.spool.append(recording_id, STRAP, numbered_batch(11, 5))
        await way.spool.finish(recording_id, DETAILS)
        await way.uplink.settled(recording_id)
        kept = platform.recordings[recording_id].values(STRAP, HEART_RATE)
        assert kept == [*range(10), *range(11, 16)]
        (aside,) = (await way.spool.status()).set_aside
        assert (aside.first_sequence, aside.samples, aside.reason) == (10, 1, "TIME_OUT_OF_RANGE")
        assert (await found(way.spool, recording_id)).sources[0].rejected == 1


async def test_the_backlog_goes_up_the_oldest_first(tmp_path: Path) -> None:
    platform = Platform()
    async with platform:
        async with await open_spool(tmp_path, SpoolLimits(min_free_bytes=0)) as spool:
            ids = [await finished_recording(spool, 5) for _ in range(8)]
        async with road(tmp_path, platform.target) as way:
            await way.uplink.drained(20)
        opened = list(platform.recordings)
        # Two at a time: neighbours may change places, no more.
        assert all(abs(ids.index(one) - place) <= 1 for place, one in enumerate(opened))
        assert len(opened) == 8


async def test_a_recording_that_nobody_joined_leaves_no_trace_on_the_platform(tmp_path: Path) -> None:
    async with Platform() as platform, road(tmp_path, platform.target) as way:
        recording_id = await begin(way.spool)
        await finished_recording(way.spool)
        await way.spool.discard(recording_id)
        await way.uplink.drained(20)
        assert recording_id not in platform.recordings
        assert len(platform.recordings) == 1


async def test_an_original_follows_its_recording(tmp_path: Path) -> None:
    file = tmp_path / "ride.fit"
    file.write_bytes(b"what the device wrote" * 50_000)
    async with Platform() as platform, road(tmp_path / "spool", platform.target) as way:
        original = await _spool_with_original(way.spool, file)
        await way.uplink.drained(20)
        header, content = platform.files[original.sha256]
        assert content == file.read_bytes()
        assert (header.name, header.recording_id) == ("ride.fit", original.recording_id)


async def test_an_original_that_was_changed_is_not_sent_as_another(tmp_path: Path) -> None:
    file = tmp_path / "ride.fit"
    file.write_bytes(b"what the device wrote")
    async with Platform() as platform:
        async with await open_spool(tmp_path / "spool", SpoolLimits(min_free_bytes=0)) as spool:
            await _spool_with_original(spool, file)
        file.write_bytes(b"something else")
        async with road(tmp_path / "spool", platform.target) as way:
            await way.uplink.drained(20)
            (failed,) = (await way.spool.status()).originals_failed
        assert "changed" in failed.failure
        assert not platform.files


async def until(look: Callable[[], Awaitable[int]], wanted: int) -> None:
    """Wait until what is looked at is as wanted."""
    async with asyncio.timeout(20):
        while True:
            if await look() == wanted:
                return
            await asyncio.sleep(0.01)


async def _ready(state: bool) -> bool:
    return state


async def _committed(way: Road, recording_id: str) -> int:
    progress = way.uplink.progress(recording_id)
    return 0 if progress is None else progress.committed


async def _waiting(way: Road, recording_id: str) -> int:
    return (await found(way.spool, recording_id)).waiting_samples


async def _set_aside(way: Road) -> int:
    return len((await way.spool.status()).set_aside)


async def _spool_with_original(spool: Spool, file: Path) -> Original:
    content = await asyncio.to_thread(file.read_bytes)
    new = new_recording(RecordingKind.FILE)
    original = Original(
        str(file), file.name, hashlib.sha256(content).hexdigest(), len(content), new.recording_id
    )
    await spool.add_whole(new, [(heart_source(), [numbered_batch(0, 10)])], DETAILS, original)
    return original
