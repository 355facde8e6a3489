"""What the two databases could do differently: upserts, sums, row comparisons, locks, savepoints."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.profile.v1 import gear_assignment_service_pb2 as assignment
from pulsemesh.profile.v1 import gear_events_pb2, gear_pb2
from pulsemesh.profile.v1 import gear_service_pb2 as wire
from pulsemesh.type.v1 import sport_pb2
from pulsemesh.ulid import new_ulid
from pulsemesh.workout.v1 import events_pb2
from services.chassis import migrations, outbox
from services.chassis.database import Database, open_database
from services.chassis.errors import AlreadyExists
from services.profile.gear import choosing, inventory, listing, messages, servicing
from services.profile.gear.events import workout_consumer
from services.profile.gear.store import inventory as store
from services.profile.gear.watching import GearWatch
from services.profile.module import module

PERSON = "eu_01J00000000000000000000000"
NOW_MS = 1_780_000_000_000


def event(workout_id: str, version: int, km: float) -> Envelope:
    state = events_pb2.WorkoutState(
        version=version,
        total=events_pb2.WorkoutAmounts(sport=sport_pb2.SPORT_CYCLING, distance_m=km * 1000, duration_s=60),
    )
    state.start_time.FromMilliseconds(NOW_MS - 1000)
    told = events_pb2.WorkoutUpdated(workout_id=workout_id, user_id=PERSON, state=state)
    return Envelope(
        event_id=new_ulid(), type=told.DESCRIPTOR.full_name, subject=PERSON, payload=told.SerializeToString()
    )


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}" if sqlite else str(request.getfixturevalue("postgres_url"))
    opened = open_database(url, schema="profile")
    assert module.migrations is not None
    await migrations.upgrade(opened, module.migrations)
    yield opened
    await opened.close()


async def add(database: Database, name: str) -> str:
    gear = gear_pb2.Gear(kind=gear_pb2.GEAR_KIND_BIKE, name=name)
    async with database.write() as transaction:
        request = wire.CreateGearRequest(gear=gear)
        return await transaction.run(inventory.create, PERSON, request, NOW_MS)


async def get(database: Database, gear_id: str) -> gear_pb2.Gear:
    async with database.read() as view:
        row = await view.run(inventory.owned, PERSON, gear_id)
        return (await view.run(messages.gear_messages, [row], NOW_MS))[0]


async def test_the_migrated_tables_are_those_of_the_code(database: Database) -> None:
    found = await migrations.drift(database, module.metadata)
    assert [each for each in found if "gear" in str(each)] == []


async def test_events_side_by_side_with_a_change_of_rules_are_all_counted(database: Database) -> None:
    bike = await add(database, "Racer")
    consumer = workout_consumer(database, lambda: NOW_MS)
    workouts = [new_ulid() for _ in range(12)]
    events = [event(each, version, 2**version) for each in workouts for version in (3, 1, 2)]

    async def set_rule() -> None:
        request = assignment.SetGearRuleRequest(gear_ids=[bike], old_workouts_too=True)
        request.key.sport.sport = sport_pb2.SPORT_CYCLING
        async with database.write() as transaction:
            await transaction.run(choosing.set_rule, PERSON, request, NOW_MS)

    batches = [events[at : at + 6] for at in range(0, len(events), 6)]
    await asyncio.gather(*(consumer.handle(batch) for batch in batches), set_rule())
    used = (await get(database, bike)).usage
    assert (used.workouts, used.distance_m) == (12, 12 * 8_000)

    request = assignment.ListGearWorkoutsRequest(gear_id=bike, page_size=5)
    seen: list[str] = []
    while True:
        async with database.read() as view:
            page = await view.run(listing.workouts_of_gear, PERSON, request)
        seen += [each.workout_id for each in page.workouts]
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert sorted(seen) == sorted(workouts)


async def test_a_name_that_is_taken_leaves_the_transaction_usable(database: Database) -> None:
    await add(database, "Racer")
    other = await add(database, "Winter")
    with pytest.raises(AlreadyExists):
        await add(database, " RACER ")
    request = wire.UpdateGearRequest(gear=gear_pb2.Gear(gear_id=other, name="racer"))
    request.update_mask.paths.append("name")
    async with database.write() as transaction:
        with pytest.raises(AlreadyExists):
            await transaction.run(inventory.update, PERSON, request, NOW_MS)
    assert (await get(database, other)).name == "Winter"


async def test_a_target_is_set_twice_and_a_request_repeated(database: Database) -> None:
    bike = await add(database, "Racer")
    for limit in (1000, 2000):
        request = wire.SetWearTargetRequest(gear_id=bike, metric=gear_pb2.WEAR_METRIC_DISTANCE, limit=limit)
        async with database.write() as transaction:
            await transaction.run(servicing.set_target, PERSON, request, NOW_MS)
    assert [each.limit for each in (await get(database, bike)).targets] == [2000]
    again = wire.CreateGearRequest(
        gear=gear_pb2.Gear(kind=gear_pb2.GEAR_KIND_BIKE, name="New"), request_id="once"
    )
    made = []
    for _ in range(2):
        async with database.write() as transaction:
            made.append(await transaction.run(inventory.create, PERSON, again, NOW_MS))
    assert made[0] == made[1]
    async with database.read() as view:
        assert await view.run(store.count, PERSON) == 2


async def test_the_watch_tells_of_gear_that_is_worn_by_age(database: Database) -> None:
    bike = await add(database, "Racer")
    request = wire.SetWearTargetRequest(gear_id=bike, metric=gear_pb2.WEAR_METRIC_AGE, limit=100)
    async with database.write() as transaction:
        await transaction.run(servicing.set_target, PERSON, request, NOW_MS)
    now_ms = NOW_MS
    watch = GearWatch(database, lambda: now_ms)
    assert await watch.look() == 0
    now_ms += 95 * 86_400_000
    assert await watch.look() == 1
    assert await watch.look() == 0
    async with database.read() as view:
        rows = await view.run(outbox.waiting, 10, 10**9)
    told = [gear_events_pb2.GearWearReached.FromString(row.envelope.payload) for row in rows]
    assert [(each.gear_id, each.step_percent, each.used) for each in told] == [(bike, 90, 95)]
