"""Thresholds are told on two sides and kept on one: whatever the order, both end equal."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.profile.v1 import physiology_pb2, physiology_service_pb2
from pulsemesh.workout.v1 import analysis_pb2, athlete_service_pb2
from services.chassis import migrations, outbox
from services.chassis.consumer import Consumer
from services.chassis.database import Database, open_database
from services.profile import physiology
from services.profile.module import module as profile_module
from services.profile.store import physiology as profile_store
from services.profile.store.physiology import FIRST_OF_OURS
from services.workout.athletes import changing
from services.workout.athletes.following import physiology_consumer
from services.workout.athletes.store import thresholds
from services.workout.module import module as workout_module

PERSON = "eu_01J00000000000000000000000"
DAYS = ("", "2026-01-01", "2026-03-01")

ACTS = st.lists(
    st.tuples(
        st.sampled_from(["tell here", "tell there", "take back here", "take back there", "carry"]),
        st.sampled_from([1, 5, 9]),
        st.sampled_from(DAYS),
        st.sampled_from([100.0, 150.0, 200.0]),
    ),
    min_size=1,
    max_size=8,
)
NAMES = {1: "functional_threshold_power_w", 5: "maximum_heart_rate_bpm", 9: "weight_kg"}


@asynccontextmanager
async def opened(folder: Path, name: str) -> AsyncIterator[Database]:
    database = open_database(f"sqlite:///{folder}", schema=name)
    module = profile_module if name == "profile" else workout_module
    assert module.migrations is not None
    await migrations.upgrade(database, module.migrations)
    try:
        yield database
    finally:
        await database.close()


class TwoSides:
    """Both services, and the events between them in a test's hands."""

    def __init__(self, profile: Database, workout: Database) -> None:
        self.profile, self.workout = profile, workout
        self.consumers = {
            physiology.THRESHOLDS_CHANGED: Consumer(
                "profile.thresholds", [physiology.THRESHOLDS_CHANGED], physiology.follow_thresholds, profile
            ),
            "pulsemesh.profile.v1.PhysiologyChanged": physiology_consumer(workout, lambda: 1),
        }
        self.told: list[Envelope] = []

    async def act(self, user_id: str, kind: str, field: int, day: str, value: float) -> None:
        quantity = physiology_pb2.Quantity.ValueType(field)
        if kind == "tell here":
            entry = physiology_pb2.PhysiologyValue(quantity=quantity, value=value, effective_from=day)
            async with self.profile.write() as transaction:
                await transaction.run(physiology.tell, user_id, [entry], 1)
        elif kind == "take back here":
            gone = physiology_service_pb2.DeletePhysiologyRequest(quantity=quantity, effective_from=day)
            async with self.profile.write() as transaction:
                await transaction.run(physiology.take_back, user_id, gone, 1)
        elif kind == "tell there":
            request = athlete_service_pb2.SetThresholdsRequest(
                thresholds=analysis_pb2.Thresholds(**{NAMES[field]: value}),
                effective_from=day,
                since_ever=not day,
            )
            async with self.workout.write() as transaction:
                await transaction.run(changing.set_thresholds, user_id, request, 1)
        elif kind == "take back there":
            deletion = athlete_service_pb2.DeleteThresholdsRequest(effective_from=day, fields=[NAMES[field]])
            async with self.workout.write() as transaction:
                await transaction.run(changing.delete_thresholds, user_id, deletion, 1)

    async def collect(self) -> list[Envelope]:
        """What was published and not carried yet."""
        found = []
        for database in (self.profile, self.workout):
            async with database.write() as transaction:
                rows = await transaction.run(outbox.waiting, 1000, 10**9)
                await transaction.run(outbox.remove, [row.id for row in rows])
            found += [row.envelope for row in rows if row.envelope.type in self.consumers]
        self.told += found
        return found

    async def carry(self, chance: random.Random) -> None:
        """Deliver what waits, in any order, and some of what was delivered before, again."""
        waiting = await self.collect()
        waiting += chance.sample(self.told, min(2, len(self.told)))
        chance.shuffle(waiting)
        for envelope in waiting:
            await self.consumers[envelope.type].handle([envelope])

    async def views(self, user_id: str) -> list[set[tuple[int, int, int, float]]]:
        async with self.profile.read() as view:
            here = await view.run(profile_store.history, user_id)
        async with self.workout.read() as view:
            there = await view.run(thresholds.told, user_id)
        return [
            {
                (each.quantity, each.sport, each.from_day, each.value)
                for each in here
                if each.quantity < FIRST_OF_OURS
            },
            {(each.field, each.sport, each.from_day, each.value) for each in there},
        ]


async def test_both_histories_end_equal_whatever_the_order_of_the_events(tmp_path: Path) -> None:
    stories: list[tuple[list[tuple[str, int, str, float]], int]] = []

    @given(ACTS, st.integers(0, 2**32))
    @settings(
        max_examples=25,
        phases=[Phase.generate],
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def draw(acts: list[tuple[str, int, str, float]], seed: int) -> None:
        stories.append((acts, seed))

    await asyncio.to_thread(draw)
    async with AsyncExitStack() as stack:
        databases = [
            await stack.enter_async_context(opened(tmp_path, name)) for name in ("profile", "workout")
        ]
        sides = TwoSides(*databases)
        for number, (acts, seed) in enumerate(stories):
            user_id, chance = f"{PERSON[:-3]}{number:03}", random.Random(seed)
            for kind, field, day, value in acts:
                if kind == "carry":
                    await sides.carry(chance)
                else:
                    await sides.act(user_id, kind, field, day, value)
            while await _carried(sides, chance):
                pass
            here, there = await sides.views(user_id)
            assert here == there


async def _carried(sides: TwoSides, chance: random.Random) -> bool:
    before = len(sides.told)
    await sides.carry(chance)
    return len(sides.told) > before
