"""What is one person's is not there for another: nothing is revealed, and nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
import pytest_asyncio
from google.protobuf.message import Message

from pulsemesh import Client
from pulsemesh.credentials import StaticToken
from pulsemesh.profile.v1 import (
    gear_pb2,
    gear_service_pb2,
    gear_service_pb2_grpc,
    privacy_service_pb2,
    privacy_service_pb2_grpc,
)
from services.auth.scopes import PERSON_SCOPES
from services.chassis.policy import MethodInfo
from tests.fixtures.waiting import eventually
from tests.security.callers import Metadata, bearer
from tests.security.calling import Answer, call
from tests.security.expectations import USER, Caller, expected
from tests.security.overrides import request_for
from tests.security.target import Target
from tests.security.test_matrix import descriptor_of
from tests.security.tokens import user_id

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECRET = "Tulip-Margrave"
"""Stands in everything that the owner writes: it must reach nobody else."""
OWNER, STRANGER = user_id("owner"), user_id("stranger")
START_MS = 1_700_000_000_000


@dataclass
class World:
    """What the owner has.

    Attributes:
        ids: names of request fields to ids of things of the owner's.
    """

    target: Target
    ids: Mapping[str, str]

    def token(self, person: str, kind: str = "user") -> str:
        return self.target.mint.signed(self.target.mint.claims(person, kind, PERSON_SCOPES))

    async def ask(self, method: MethodInfo, person: str, kind: str = "user") -> Answer:
        metadata: Metadata = bearer(self.token(person, kind))
        return await call(self.target.channel, method, request_for(method, self.ids), metadata)

    def touching(self) -> list[MethodInfo]:
        """The methods whose requests can name a thing of the owner's."""
        return [method for method in self.target.methods if _names(request_for(method, self.ids), self.ids)]

    async def snapshot(self) -> dict[str, bytes]:
        """All that the owner can read, by method."""
        seen = {}
        for method in self.target.methods:
            person = expected(descriptor_of(method), Caller(USER, scopes=PERSON_SCOPES)).admitted
            if method.reads_only and person:
                answer = await self.ask(method, OWNER)
                if answer.code is grpc.StatusCode.OK:
                    seen[method.path] = answer.content
        return seen


def _names(message: Message, ids: Mapping[str, str]) -> bool:
    for field, value in message.ListFields():
        values = value if field.is_repeated else [value]
        if field.name in ids or field.name.removesuffix("s") in ids:
            return True
        if field.message_type is not None and any(
            _names(each, ids) for each in values if isinstance(each, Message)
        ):
            return True
    return False


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(target: Target) -> World:
    world = World(target, {})
    token = world.token(OWNER)
    channel: Any = grpc.aio.insecure_channel(
        target.platform.address, options=[("grpc.use_local_subchannel_pool", 1)]
    )
    async with Client(channel, StaticToken(token)) as client:
        async with client.ingest.record(
            "cycling", ["heart_rate"], title=f"Ride {SECRET}", start=START_MS
        ) as recording:
            for second in range(30):
                await recording.add(START_MS + 1000 * second, heart_rate=100 + second)
        workout_id = recording.workout_id
        file = await client.files.upload(f"{SECRET}\n".encode(), name=f"{SECRET}.gpx")
    ids = {
        "workout_id": workout_id or "",
        "recording_id": recording.recording_id,
        "file_id": file.file.file_id,
        "user_id": OWNER,
        **await _gear(target, bearer(token)),
        **await _zone(target, bearer(token)),
    }
    assert all(ids.values()), ids
    return World(target, ids)


async def _gear(target: Target, metadata: Metadata) -> dict[str, str]:
    stub: Any = gear_service_pb2_grpc.GearServiceStub(target.channel)
    gear = gear_pb2.Gear(name=f"Bike {SECRET}", kind=gear_pb2.GEAR_KIND_BIKE)
    request = gear_service_pb2.CreateGearRequest(gear=gear, request_id="one")
    created = await stub.CreateGear(request, metadata=metadata, timeout=20)
    return {"gear_id": created.gear.gear_id}


async def _zone(target: Target, metadata: Metadata) -> dict[str, str]:
    stub: Any = privacy_service_pb2_grpc.PrivacyServiceStub(target.channel)
    request = privacy_service_pb2.CreatePrivacyZoneRequest(request_id="one")
    request.zone.name = f"Home {SECRET}"
    request.zone.latitude_deg, request.zone.longitude_deg, request.zone.radius_m = 48.2, 16.4, 400
    created = await stub.CreatePrivacyZone(request, metadata=metadata, timeout=20)
    return {"zone_id": created.zone.zone_id}


async def test_the_owner_sees_what_is_theirs(world: World) -> None:
    seen = await world.snapshot()
    telling = {path.rpartition("/")[2] for path, content in seen.items() if SECRET.encode() in content}
    assert {"GetWorkout", "ListWorkouts", "GetGear", "ListGear", "ListPrivacyZones"} <= telling


@pytest.mark.parametrize("kind", ["user", "device"])
async def test_a_stranger_sees_nothing_of_it(world: World, kind: str) -> None:
    telling = []
    for method in world.target.methods:
        if method.reads_only:
            answer = await world.ask(method, STRANGER, kind)
            if SECRET.encode() in answer.content:
                telling.append(method.path)
    assert telling == []


async def test_a_thing_of_anothers_is_answered_like_one_that_does_not_exist(world: World) -> None:
    nothing = {
        name: value[:-4] + "0000" if name != "user_id" else user_id("void")
        for name, value in world.ids.items()
    }
    different = []
    for method in world.touching():
        if not method.reads_only:
            continue
        metadata = bearer(world.token(STRANGER))
        real = await call(world.target.channel, method, request_for(method, world.ids), metadata)
        void = await call(world.target.channel, method, request_for(method, nothing), metadata)
        if (real.code, real.reason) != (void.code, void.reason):
            different.append(f"{method.path}: {real}, and of nothing {void}")
    assert different == []


async def test_nothing_that_a_stranger_does_changes_it(world: World) -> None:
    first = await world.snapshot()
    second = await world.snapshot()
    steady = {path: content for path, content in second.items() if first.get(path) == content}
    assert len(steady) > 10
    told = []
    for method in world.touching():
        if not method.reads_only:
            answer = await world.ask(method, STRANGER)
            if SECRET.encode() in answer.content:
                told.append(method.path)
    after = await world.snapshot()
    assert told == []
    assert [path for path, content in steady.items() if after.get(path) != content] == []


async def test_a_service_that_acts_for_nobody_sees_nothing_of_it(world: World) -> None:
    claims = world.target.mint.claims("service:profile", "service", PERSON_SCOPES)
    metadata = bearer(world.target.mint.signed(claims))
    telling = []
    for method in world.target.methods:
        if method.reads_only:
            answer = await call(world.target.channel, method, request_for(method, world.ids), metadata)
            if SECRET.encode() in answer.content:
                telling.append(method.path)
    assert telling == []


async def test_the_answers_of_the_owner_come_back_after_all_of_this(world: World) -> None:
    async def there() -> bool:
        seen = await world.snapshot()
        return any(SECRET.encode() in content for content in seen.values())

    await eventually(there)
