"""Watching another person's recording, with a privacy zone around its beginning and its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pulsemesh import Client
from pulsemesh.errors import NotFound
from pulsemesh.type.v1 import channel_pb2 as c
from pulsemesh.workout.v1 import recording_pb2
from pulsemesh.workout.v1.shared_workout_service_pb2 import WatchSharedRecordingResponse
from services.workout.shared import watching
from tests.fixtures.related_platform import RelatedPlatform, related_platform
from tests.fixtures.waiting import eventually

START = datetime(2026, 6, 1, 7, tzinfo=UTC)
HOME, AWAY = 52.5, 52.6
CHANNELS = ["latitude", "longitude", "heart_rate", "distance"]


@pytest.fixture
async def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[RelatedPlatform]:
    monkeypatch.setattr(watching, "TOLD_ONLY_EVERY_MS", 100)
    async with related_platform(tmp_path) as served:
        yield served


async def open_door(owner: Client) -> str:
    """Let everyone watch, but not near home; returns the owner's user id."""
    await owner.profile.set_privacy(
        dict.fromkeys(("workouts", "pace", "map", "start_time", "live"), "everyone")
    )
    await owner.profile.create_zone(HOME, 13.4)
    return (await owner.profile.get()).user_id


async def test_a_watcher_sees_what_is_shown_from_the_edge_of_the_zone_on(platform: RelatedPlatform) -> None:
    owner, viewer = await platform.client("owner"), await platform.client("viewer")
    user_id = await open_door(owner)
    seen: list[WatchSharedRecordingResponse] = []
    second = 0

    async def watch(shared_id: str) -> None:
        async with aclosing(viewer.shared.watch(user_id, shared_id)) as updates:
            async for update in updates:
                seen.append(update)

    async with owner.ingest.record("cycling", CHANNELS, start=START) as live:

        async def ride(latitude: float) -> None:
            nonlocal second
            await live.add(
                START + timedelta(seconds=second),
                latitude=latitude,
                longitude=13.4,
                heart_rate=140,
                distance=500.0 + 8 * second,
            )
            second += 1
            await asyncio.sleep(0.02)

        async def watchable() -> bool:
            await ride(AWAY)
            return bool(await viewer.shared.recordings(user_id))

        await ride(HOME)
        assert not await viewer.shared.recordings(user_id)
        await eventually(watchable)
        (recording,) = await viewer.shared.recordings(user_id)
        watcher = asyncio.ensure_future(watch(recording.shared_id))

        async def told() -> bool:
            await ride(AWAY)
            return bool(seen)

        await eventually(told)
        for _ in range(5):
            await ride(HOME)
    await asyncio.wait_for(watcher, 30)

    values = [value for update in seen for value in update.values]
    assert {value.channel for value in values} <= {
        c.CHANNEL_LATITUDE,
        c.CHANNEL_LONGITUDE,
        c.CHANNEL_DISTANCE,
    }
    latitudes = {round(value.value, 3) for value in values if value.channel == c.CHANNEL_LATITUDE}
    assert latitudes == {AWAY}
    assert next(value.value for value in values if value.channel == c.CHANNEL_DISTANCE) < 500
    assert seen[-1].state == recording_pb2.RECORDING_STATE_CLOSED
    assert (await viewer.shared.get(user_id, seen[-1].shared_workout_id)).user_id == user_id


async def test_a_recording_that_nobody_may_watch_is_not_there(platform: RelatedPlatform) -> None:
    owner, viewer = await platform.client("owner"), await platform.client("viewer")
    user_id = await open_door(owner)
    await owner.profile.set_privacy({"start_time": "followers"})
    async with owner.ingest.record("cycling", CHANNELS, start=START) as live:
        await live.add(START, latitude=AWAY, longitude=13.4, heart_rate=140, distance=0.0)
        assert not await viewer.shared.recordings(user_id)
        with pytest.raises(NotFound):
            await anext(viewer.shared.watch(user_id, "a" * 26))
