"""Settings of the profile service, remembered and forgotten."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.profile.v1 import events_pb2, privacy_pb2, privacy_service_pb2
from pulsemesh.profile.v1.privacy_service_pb2_grpc import (
    PrivacyServiceServicer,
    add_PrivacyServiceServicer_to_server,
)
from services.chassis.cache.in_process import InProcessCache
from services.chassis.privacy import ServicePrivacy


class Profiles(PrivacyServiceServicer):
    """A profile service that counts how often it is asked."""

    def __init__(self) -> None:
        self.version = 1
        self.asked = 0
        self.down = False

    async def GetPrivacy(self, request: Any, context: Any) -> Any:
        self.asked += 1
        if self.down:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "down")
        settings = privacy_pb2.PrivacySettings(version=self.version)
        return privacy_service_pb2.GetPrivacyResponse(settings=settings)


@pytest.fixture
async def profiles() -> Any:
    server, servicer = grpc.aio.server(), Profiles()
    add_PrivacyServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield servicer, ServicePrivacy(lambda: channel, InProcessCache())
    await server.stop(None)


async def forget(privacy: ServicePrivacy, version: int) -> None:
    event = events_pb2.PrivacyChanged(user_id="eu_ann", version=version)
    await privacy.forget(None, Envelope(payload=event.SerializeToString()))  # type: ignore[arg-type]


async def test_settings_are_asked_for_once(profiles: Any) -> None:
    service, privacy = profiles
    assert (await privacy.settings("eu_ann")) == (await privacy.settings("eu_ann"))
    assert service.asked == 1


async def test_changed_settings_are_read_anew(profiles: Any) -> None:
    service, privacy = profiles
    await privacy.settings("eu_ann")
    service.version = 2
    await forget(privacy, 2)
    assert (await privacy.settings("eu_ann")).version == 2


async def test_an_answer_from_before_the_change_is_not_believed(profiles: Any) -> None:
    _, privacy = profiles
    await forget(privacy, 2)
    assert await privacy.settings("eu_ann") is None


async def test_events_out_of_order_do_not_bring_old_settings_back(profiles: Any) -> None:
    service, privacy = profiles
    await forget(privacy, 3)
    await forget(privacy, 2)
    service.version = 2
    assert await privacy.settings("eu_ann") is None


async def test_while_the_profile_service_is_away_nothing_is_known(profiles: Any) -> None:
    service, privacy = profiles
    service.down = True
    assert await privacy.settings("eu_ann") is None
    service.down = False
    assert (await privacy.settings("eu_ann")).version == 1
