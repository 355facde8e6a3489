"""`pulsemesh.testing` itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pulsemesh
from pulsemesh import sync
from pulsemesh.testing import SyncPlatform, platform, sync_platform

START = datetime(2026, 6, 1, 7, tzinfo=UTC)


async def test_a_platform_leaves_nothing_behind() -> None:
    async with platform() as running:
        client = await running.client("ada")
        assert [workout async for workout in client.workouts.list()] == []
        directory = running.data_dir
        assert directory.exists()
    assert not directory.exists()


async def test_two_platforms_know_nothing_of_each_other() -> None:
    async with platform() as one, platform() as two:
        ada = await one.client("ada")
        async with ada.ingest.record("running", ["heart_rate"]) as live:
            await live.add(heart_rate=100)
        elsewhere = await two.client("ada")
        assert [workout async for workout in elsewhere.workouts.list()] == []


async def test_a_platform_may_keep_its_data(tmp_path: Path) -> None:
    async with platform(data_dir=tmp_path) as running:
        client = await running.client("ada")
        async with client.ingest.record("running", ["heart_rate"]) as live:
            await live.add(heart_rate=100)
    async with platform(data_dir=tmp_path) as running:
        client = await running.client("ada")
        assert [one.workout_id async for one in client.workouts.list()] == [live.workout_id]


async def test_a_recording_outlives_the_restart_of_its_platform(tmp_path: Path) -> None:
    first = platform(data_dir=tmp_path)
    running = await first.__aenter__()
    address = running.target
    token = await running.token("ada")
    async with pulsemesh.connect(address, token) as client:
        async with client.ingest.record("running", ["heart_rate"], start=START) as live:
            for n in range(50):
                await live.add(START + timedelta(seconds=n), heart_rate=100 + n)
            await live.flush()
            await first.__aexit__(None, None, None)
            for n in range(50, 100):
                await live.add(START + timedelta(seconds=n), heart_rate=100 + n)
            second = platform(data_dir=tmp_path, settings={"server": {"listen": address}})
            await second.__aenter__()
        series = (await client.workouts.streams(live.workout_id)).of("heart_rate")
    await second.__aexit__(None, None, None)
    assert series.columns["heart_rate"] == [100 + n for n in range(100)]


def test_without_async_it_is_the_same() -> None:
    with sync_platform() as running:
        client = running.client("grace")
        with client.ingest.record("running", ["heart_rate"], title="Plain") as live:
            live.add(heart_rate=100)
        assert [workout.title for workout in client.workouts.list()] == ["Plain"]


def test_the_fixture_gives_each_test_a_new_person(pulsemesh_client: sync.Client) -> None:
    assert list(pulsemesh_client.workouts.list()) == []
    with pulsemesh_client.ingest.record("running", ["heart_rate"]) as live:
        live.add(heart_rate=100)


def test_and_the_next_test_another(pulsemesh_client: sync.Client, pulsemesh_platform: SyncPlatform) -> None:
    assert list(pulsemesh_client.workouts.list()) == []
    assert pulsemesh_platform.target
