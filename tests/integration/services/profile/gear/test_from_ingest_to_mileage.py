"""From samples that are sent, through the bus, to the mileage of a bike; and back when the workout goes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from pulsemesh import Client, connect, errors, revisions
from pulsemesh.testing import SyncPlatform
from pulsemesh.workout.v1 import workout_state_service_pb2, workout_state_service_pb2_grpc

START = datetime(2026, 6, 1, 7, tzinfo=UTC)


def signed_in(platform: SyncPlatform, login: str, *scopes: str) -> Client:
    """A client in this test's own event loop."""
    return connect(platform.target, platform.token(login, scopes=scopes))


async def ride(client: Client, sport: str = "cycling", start: datetime = START) -> str:
    """Ten minutes at 8 m/s."""
    async with client.ingest.record(sport, ["speed", "power"], start=start) as live:
        for second in range(600):
            await live.add(start + timedelta(seconds=second), speed=8.0, power=200)
    assert live.workout_id is not None
    return live.workout_id


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what the bus brings."""
    give_up = time.monotonic() + 60
    while not await condition():
        assert time.monotonic() < give_up, "it never came"
        await asyncio.sleep(0.05)


async def km(client: Client, gear_id: str) -> float:
    return round((await client.gear.get(gear_id)).usage.distance_m / 1000, 1)


async def test_a_ride_counts_for_the_bike_and_its_chain_until_it_is_deleted(
    pulsemesh_platform: SyncPlatform,
) -> None:
    async with signed_in(pulsemesh_platform, "rider-1") as client:
        bike = await client.gear.add("bike", "Racer")
        chain = await client.gear.add("component", "Chain", component_type="chain")
        await client.gear.install(chain.gear_id, bike.gear_id, START - timedelta(days=1))
        await client.gear.set_rule([bike.gear_id], sport="cycling", old_workouts_too=True)
        await client.gear.set_target(chain.gear_id, "distance", 5_000)
        workout_id = await ride(client)

        async def counted() -> bool:
            return await km(client, bike.gear_id) > 0

        await until(counted)
        used = (await client.gear.get(chain.gear_id)).usage
        assert used.workouts == 1
        assert used.distance_m == pytest.approx(4_800, rel=0.01)
        assert used.duration_s == pytest.approx(600, rel=0.01)
        assert used.work_kj == pytest.approx(120, rel=0.01)
        assert [alert.gear.name for alert in await client.gear.alerts()] == ["Chain"]
        assert [one.workout_id async for one in client.gear.workouts(chain.gear_id)] == [workout_id]

        # The owner edits the sport, and everything follows.
        shoes = await client.gear.add("shoes", "Runners")
        await client.gear.set_rule([shoes.gear_id], sport="running", old_workouts_too=True)
        await client.workouts.update(workout_id, sport="running")

        async def moved() -> bool:
            return await km(client, shoes.gear_id) > 0 and await km(client, bike.gear_id) == 0

        await until(moved)
        await client.workouts.delete(workout_id)

        async def gone() -> bool:
            return await km(client, shoes.gear_id) == 0

        await until(gone)
        with pytest.raises(errors.NotFound):
            await client.gear.assign(workout_id, [bike.gear_id])


async def test_recomputing_finds_workouts_whose_events_never_came(pulsemesh_platform: SyncPlatform) -> None:
    async with signed_in(pulsemesh_platform, "rider-2") as client:
        workout_id = await ride(client)
        bike = await client.gear.add("bike", "Racer")
        await client.gear.set_rule([bike.gear_id], sport="cycling", old_workouts_too=True)

        async def counted() -> bool:
            return await km(client, bike.gear_id) > 0

        await until(counted)
        before = await client.gear.get(bike.gear_id)
        assert not (await client.gear.recompute(dry_run=True)).differences
        done = await client.gear.recompute()
        assert (done.workouts, done.workouts_changed) == (1, 0)
        assert (await client.gear.get(bike.gear_id)).usage == before.usage
        assert [gear.gear_id for gear in (await client.gear.of_workout(workout_id)).gear] == [bike.gear_id]


async def test_corrections_and_splits_count_once_and_are_taken_back(pulsemesh_platform: SyncPlatform) -> None:
    async with signed_in(pulsemesh_platform, "rider-3") as client:
        bike = await client.gear.add("bike", "Racer")
        await client.gear.set_rule([bike.gear_id], sport="cycling", old_workouts_too=True)
        workout_id = await ride(client)

        async def settled(workouts: int, metres: float) -> None:
            async def reached() -> bool:
                used = (await client.gear.get(bike.gear_id)).usage
                return used.workouts == workouts and used.distance_m == pytest.approx(metres, rel=0.01)

            await until(reached)

        await settled(1, 4_800)
        half = START + timedelta(seconds=300)
        parts = await client.revisions.split(workout_id, [half])
        await settled(2, 4_800)
        await client.revisions.undo(parts.derivation.derivation_id)
        await settled(1, 4_800)
        await client.revisions.revise(workout_id, revisions.crop(START, half))
        await settled(1, 2_400)
        await client.revisions.revert(workout_id)
        await settled(1, 4_800)
        assert not (await client.gear.recompute(dry_run=True)).workouts_changed


async def test_nobody_else_sees_or_uses_the_gear(pulsemesh_platform: SyncPlatform) -> None:
    async with (
        signed_in(pulsemesh_platform, "rider-4") as client,
        signed_in(pulsemesh_platform, "stranger-4") as stranger,
    ):
        bike = await client.gear.add("bike", "Racer")
        with pytest.raises(errors.NotFound):
            await stranger.gear.get(bike.gear_id)
        with pytest.raises(errors.NotFound):
            await stranger.gear.set_rule([bike.gear_id], sport="cycling")
        assert not await stranger.gear.delete(bike.gear_id)


async def test_a_narrow_token_reads_and_changes_nothing(pulsemesh_platform: SyncPlatform) -> None:
    async with signed_in(pulsemesh_platform, "rider-6") as client:
        bike = await client.gear.add("bike", "Racer")
    async with signed_in(pulsemesh_platform, "rider-6", "gear.read") as narrow:
        assert [gear.name async for gear in narrow.gear.list()] == ["Racer"]
        with pytest.raises(errors.PermissionDenied):
            await narrow.gear.retire(bike.gear_id)


async def test_states_of_workouts_are_for_services_alone(pulsemesh_platform: SyncPlatform) -> None:
    async with signed_in(pulsemesh_platform, "rider-5") as client:
        states = client.stub(workout_state_service_pb2_grpc.WorkoutStateServiceStub)
        with pytest.raises(errors.PermissionDenied):
            await states.ListWorkoutStates(workout_state_service_pb2.ListWorkoutStatesRequest())
