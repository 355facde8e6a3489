"""The provider over real HTTP, beside the auth domain's stubs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from pulsemesh.auth.v1 import device_grant_service_pb2 as device_wire
from pulsemesh.auth.v1 import device_grant_service_pb2_grpc, session_pb2
from services.auth.oauth.clients import DEVICE
from services.auth.oauth.web.server import HttpServer
from tests.integration.services.auth.conftest import Rig, bearer, running_rig

EDGE = "pulsemesh-edge"


@dataclass
class Provider:
    """The running provider.

    Attributes:
        http: follows no redirects.
    """

    rig: Rig
    http: httpx.AsyncClient
    devices: Any

    @property
    def issuer(self) -> str:
        return str(self.http.base_url).rstrip("/")

    async def token(self, auth: tuple[str, str] | None = None, **form: str) -> httpx.Response:
        """Ask the token endpoint."""
        return await self.http.post("/oauth/token", data=form, auth=auth or httpx.USE_CLIENT_DEFAULT)

    async def refresh(self, refresh_token: str, *, client_id: str = EDGE, **more: str) -> httpx.Response:
        """Go on with a session."""
        form = {"client_id": client_id, "grant_type": "refresh_token", "refresh_token": refresh_token}
        return await self.token(None, **form, **more)

    async def begin_device(self, client_id: str = EDGE, **more: str) -> dict[str, Any]:
        """What a device gets that asks to be let in."""
        answer = await self.http.post("/oauth/device_authorization", data={"client_id": client_id, **more})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def poll(self, begun: dict[str, Any], client_id: str = EDGE) -> httpx.Response:
        """A device asks whether it was let in, after the time that it shall wait."""
        self.rig.clock.advance(begun["interval"])
        return await self.token(client_id=client_id, grant_type=DEVICE, device_code=begun["device_code"])

    async def approve(self, begun: dict[str, Any], owner: session_pb2.Tokens) -> None:
        """Let a device in."""
        request = device_wire.ApproveDeviceRequest(user_code=begun["user_code"])
        await self.devices.ApproveDevice(request, metadata=bearer(owner))

    async def paired(self, owner: session_pb2.Tokens, client_id: str = EDGE) -> dict[str, Any]:
        """The tokens of a device that was let in."""
        begun = await self.begin_device(client_id)
        await self.approve(begun, owner)
        answer = await self.poll(begun, client_id)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@asynccontextmanager
async def running_provider(directory: Path, auth: dict[str, Any] | None = None) -> AsyncIterator[Provider]:
    """The provider on a free port."""
    settings = {"http_listen": "127.0.0.1:0"} | (auth or {})
    async with running_rig(directory, f"sqlite:///{directory}", auth=settings) as rig:
        server = next(task for task in rig.module.background if isinstance(task, HttpServer))
        serving = asyncio.create_task(server.run())
        devices = device_grant_service_pb2_grpc.DeviceGrantServiceStub(rig.channel)
        async with httpx.AsyncClient(base_url=f"http://{server.address}", trust_env=False) as http:
            yield Provider(rig, http, devices)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[Provider]:
    async with running_provider(tmp_path) as running:
        yield running
