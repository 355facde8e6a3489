"""What the part for gear checks before it calls, and its face without async."""

from __future__ import annotations

import grpc
import pytest

from pulsemesh import sync
from pulsemesh.client import Client
from pulsemesh.credentials import as_credentials
from pulsemesh.parts import gear
from pulsemesh.profile.v1 import gear_pb2


def test_every_method_has_its_face_without_async() -> None:
    core = {name for name, member in vars(gear.Gear).items() if callable(member) and name[0] != "_"}
    assert {name for name in vars(sync.Gear) if name[0] != "_"} == core


def test_kinds_and_metrics_are_known_by_name() -> None:
    assert gear.as_kind("bike") == gear_pb2.GEAR_KIND_BIKE
    assert gear.as_metric("age") == gear_pb2.WEAR_METRIC_AGE
    with pytest.raises(ValueError, match="SPACESHIP"):
        gear.as_kind("spaceship")


async def test_a_rule_is_about_one_thing() -> None:
    async with Client(grpc.aio.insecure_channel("127.0.0.1:1"), as_credentials(None)) as client:
        with pytest.raises(ValueError, match="give a sport"):
            await client.gear.set_rule([], sport="cycling", device_id="meter")
        with pytest.raises(ValueError, match="give a sport"):
            await client.gear.set_rule([])
        with pytest.raises(ValueError, match="nothing to change"):
            await client.gear.update(gear_pb2.Gear())
