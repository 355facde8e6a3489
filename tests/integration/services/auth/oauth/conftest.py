"""The provider over real HTTP, beside the auth domain's stubs."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from pulsemesh.auth.v1 import device_grant_service_pb2 as device_wire
from pulsemesh.auth.v1 import (
    device_grant_service_pb2_grpc,
    oauth_app_service_pb2_grpc,
    session_pb2,
)
from pulsemesh.auth.v1 import oauth_app_service_pb2 as app_wire
from services.auth.oauth.clients import DEVICE
from services.auth.oauth.pkce import challenge_of
from services.auth.oauth.web.server import HttpServer
from tests.integration.services.auth.conftest import EMAIL, PASSWORD, Rig, bearer, running_rig

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
    apps: Any
    authorised: Any

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
async def running_provider(
    directory: Path, auth: dict[str, Any] | None = None, *, url: str = ""
) -> AsyncIterator[Provider]:
    """The provider on a free port."""
    settings = {"http_listen": "127.0.0.1:0"} | (auth or {})
    async with running_rig(directory, url or f"sqlite:///{directory}", auth=settings) as rig:
        server = next(task for task in rig.module.background if isinstance(task, HttpServer))
        serving = asyncio.create_task(server.run())
        devices = device_grant_service_pb2_grpc.DeviceGrantServiceStub(rig.channel)
        async with httpx.AsyncClient(base_url=f"http://{server.address}", trust_env=False) as http:
            apps = oauth_app_service_pb2_grpc.OAuthAppServiceStub(rig.channel)
            authorised = oauth_app_service_pb2_grpc.AuthorisedAppServiceStub(rig.channel)
            yield Provider(rig, http, devices, apps, authorised)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[Provider]:
    async with running_provider(tmp_path) as running:
        yield running


CALLBACK = "https://app.example.org/callback"
VERIFIER = "v" * 43 + "-one-of-a-hundred-and-twenty-eight"


@dataclass
class ThirdParty:
    """Somebody's app, and what it does to get in."""

    provider: Provider
    client_id: str
    secret: str = ""

    @property
    def auth(self) -> tuple[str, str] | None:
        return (self.client_id, self.secret) if self.secret else None

    def query(self, **changed: str | None) -> str:
        """The query of its authorisation request; None leaves a parameter out."""
        values: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "state": "the state",
            "scope": "workout.read",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
        }
        return urlencode({name: value for name, value in (values | changed).items() if value is not None})

    def address(self, **changed: str | None) -> str:
        return f"/oauth/authorize?{self.query(**changed)}"

    async def redeem(self, code: str, **changed: str) -> httpx.Response:
        """Exchange a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        } | changed
        if not self.secret:
            form = {"client_id": self.client_id} | form
        return await self.provider.token(self.auth, **form)


@dataclass
class Browser:
    """Keeps cookies, shows forms and sends them."""

    http: httpx.AsyncClient
    page: httpx.Response | None = None

    async def open(self, address: str, **headers: str) -> httpx.Response:
        self.page = await self.http.get(address, headers=headers)
        return self.page

    def fields(self) -> dict[str, str]:
        """The hidden fields of the page's first form."""
        assert self.page is not None
        form = re.search(r"<form.*?</form>", self.page.text, re.DOTALL)
        assert form is not None, self.page.text
        found = re.findall(r'name="([^"]+)"(?: type="[a-z]+")? value="([^"]*)"', form.group(0))
        return {name: unescape(value) for name, value in found if name != "action"}

    def address(self) -> str:
        """Where the page's first form goes."""
        assert self.page is not None
        found = re.search(r'<form method="post" action="([^"]+)"', self.page.text)
        assert found is not None, self.page.text
        return unescape(found.group(1))

    async def send(
        self, action: str, *, headers: dict[str, str] | None = None, **fields: str
    ) -> httpx.Response:
        """Fill in the page's first form, and follow where it leads on our pages."""
        data = self.fields() | fields | {"action": action}
        answer = await self.http.post(self.address(), data=data, headers=headers)
        location = answer.headers.get("location", "")
        if answer.status_code == 303 and location.startswith("/"):
            return await self.open(location)
        self.page = answer
        return answer

    async def sign_in(self, address: str, email: str = EMAIL) -> httpx.Response:
        """Open a page and sign in there."""
        await self.open(address)
        return await self.send("sign_in", email=email, password=PASSWORD)


def answer_of(response: httpx.Response) -> dict[str, str]:
    """The parameters with which a browser is sent back to an app."""
    assert response.status_code == 303, response.text
    location = response.headers["location"]
    assert location.startswith(f"{CALLBACK}?"), location
    return dict(parse_qsl(urlsplit(location).query))


async def register(
    provider: Provider, owner: session_pb2.Tokens, *, confidential: bool = True, **more: Any
) -> ThirdParty:
    """An app of somebody."""
    values: dict[str, Any] = {
        "request_id": uuid.uuid4().hex,
        "name": "Stride",
        "redirect_uris": [CALLBACK],
        "scopes": ["workout.read", "profile.read"],
    }
    request = app_wire.RegisterAppRequest(confidential=confidential, **(values | more))
    made = await provider.apps.RegisterApp(request, metadata=bearer(owner))
    return ThirdParty(provider, made.app.client_id, made.client_secret)


@pytest.fixture
async def app(provider: Provider) -> ThirdParty:
    """A confidential app of somebody else than Ann."""
    author = await provider.rig.sign_up("author@example.org")
    return await register(provider, author)


@pytest.fixture
async def browser(provider: Provider) -> AsyncIterator[Browser]:
    async with httpx.AsyncClient(base_url=provider.issuer, trust_env=False) as http:
        yield Browser(http)


async def code_for(app: ThirdParty, browser: Browser, **changed: str | None) -> str:
    """The code that an app gets when Ann, who has an account, signs in and allows it."""
    await browser.sign_in(app.address(**changed))
    return answer_of(await browser.send("allow"))["code"]
