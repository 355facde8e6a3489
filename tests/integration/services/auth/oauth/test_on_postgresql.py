"""What is good once is good once where transactions run side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import httpx
import pytest

from pulsemesh.auth.v1 import device_grant_service_pb2 as wire
from services.auth.oauth.clients import DEVICE
from tests.integration.services.auth.conftest import bearer
from tests.integration.services.auth.oauth.conftest import (
    EDGE,
    Browser,
    Provider,
    code_for,
    register,
    running_provider,
)


@pytest.fixture
async def provider(tmp_path: Path, postgres_url: str) -> AsyncIterator[Provider]:
    async with running_provider(tmp_path, url=postgres_url) as running:
        yield running


async def test_a_code_is_redeemed_by_one_of_those_who_come_at_the_same_time(provider: Provider) -> None:
    await provider.rig.sign_up()
    app = await register(provider, await provider.rig.sign_up("author@example.org"))
    async with httpx.AsyncClient(base_url=provider.issuer, trust_env=False) as http:
        code = await code_for(app, Browser(http))
    answers = await asyncio.gather(*(app.redeem(code) for _ in range(4)))
    good = [answer.json() for answer in answers if answer.status_code == 200]
    assert len(good) == 1
    # The others were a reuse: what came of the code is over.
    again = await provider.token(app.auth, grant_type="refresh_token", refresh_token=good[0]["refresh_token"])
    assert again.json()["error"] == "invalid_grant"


async def test_a_device_gets_its_tokens_once_and_for_one_person(provider: Provider) -> None:
    people = [await provider.rig.sign_up(f"p{number}@example.org") for number in range(3)]
    begun = await provider.begin_device()

    async def approve(tokens: object) -> bool:
        request = wire.ApproveDeviceRequest(user_code=begun["user_code"])
        try:
            await provider.devices.ApproveDevice(request, metadata=bearer(tokens))  # type: ignore[arg-type]
        except grpc.aio.AioRpcError:
            return False
        return True

    approved = await asyncio.gather(*(approve(each) for each in people))
    assert sum(approved) == 1
    form = {"client_id": EDGE, "grant_type": DEVICE, "device_code": begun["device_code"]}
    provider.rig.clock.advance(5)
    answers = await asyncio.gather(*(provider.token(None, **form) for _ in range(4)))
    good = [answer.json() for answer in answers if answer.status_code == 200]
    assert [each["sub"] for each in good] == [people[approved.index(True)].user_id]
