"""The pages and documents of sign-in through the gateway: plain HTTP of the auth service, unchanged."""

from __future__ import annotations

import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx
import pytest
import pytest_asyncio
from starlette.types import ASGIApp, Receive, Scope, Send

from services.auth.oauth.web.server import HttpServer
from services.gateway.binary import NoEnvoy, find_envoy
from services.gateway.process import EnvoyProcess
from services.gateway.shape import Address, Bounds
from tests.integration.services.auth.oauth.conftest import Provider, running_provider
from tests.integration.services.gateway.world import World, world

pytestmark = pytest.mark.asyncio(loop_scope="module")

CALLS_PER_MINUTE = 20
ELSEWHERE = "127.0.0.2"
"""A second address of this machine, where the whole network 127.0.0.0/8 is."""


@dataclass
class Seen:
    """What the pages are told about a call, before they answer it."""

    app: ASGIApp
    scopes: list[Scope] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        await self.app(scope, receive, send)

    def last(self) -> tuple[str, str, dict[str, str]]:
        """Address, scheme and headers of the last call."""
        scope = self.scopes[-1]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        return scope["client"][0], scope["scheme"], headers


@dataclass
class Pages:
    """The pages directly, and behind a gateway."""

    world: World
    provider: Provider
    envoy: EnvoyProcess
    seen: Seen
    http: httpx.AsyncClient


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pages(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pages]:
    try:
        find_envoy()
    except NoEnvoy as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("pages")
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(world(folder))
        provider = await stack.enter_async_context(running_provider(folder / "auth"))
        server = next(task for task in provider.rig.module.background if isinstance(task, HttpServer))
        assert server.app is not None
        seen = Seen(server.app)
        server.app = seen
        shape = made.shape(
            auth_http=Address.parse(server.address), bounds=Bounds(page_calls_per_minute=CALLS_PER_MINUTE)
        )
        envoy = await made.start_gateway(shape)
        http = await stack.enter_async_context(made.http(envoy))
        yield Pages(made, provider, envoy, seen, http)


def without_hops(headers: httpx.Headers) -> dict[str, str]:
    """Without what a server or a proxy says of itself and of the moment."""
    own = {"date", "server", "x-request-id", "transfer-encoding", "connection", "content-length"}
    return {name: value for name, value in headers.items() if name not in own | {"set-cookie"}}


async def test_the_keys_of_tokens_are_there_for_everybody(pages: Pages) -> None:
    answer = await pages.http.get("/.well-known/jwks.json")
    assert answer.status_code == httpx.codes.OK
    assert answer.content == (await pages.provider.http.get("/.well-known/jwks.json")).content
    assert answer.json()["keys"]


@pytest.mark.parametrize("name", ["oauth-authorization-server", "openid-configuration"])
async def test_programs_find_where_everything_is(pages: Pages, name: str) -> None:
    answer = await pages.http.get(f"/.well-known/{name}")
    assert answer.json() == (await pages.provider.http.get(f"/.well-known/{name}")).json()


async def test_the_device_page_keeps_the_headers_that_protect_it(pages: Pages) -> None:
    answer = await pages.http.get("/oauth/device?user_code=WDJB-MJHT")
    direct = await pages.provider.http.get("/oauth/device?user_code=WDJB-MJHT")
    assert answer.status_code == httpx.codes.OK
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert without_hops(answer.headers) == without_hops(direct.headers)
    assert "set-cookie" in answer.headers


async def test_a_bad_token_request_is_refused_in_the_words_of_rfc_6749(pages: Pages) -> None:
    answer = await pages.http.post("/oauth/token", data={"grant_type": "password", "client_id": "x"})
    direct = await pages.provider.token(grant_type="password", client_id="x")
    assert (answer.status_code, answer.json()) == (direct.status_code, direct.json())
    assert set(answer.json()) <= {"error", "error_description", "error_uri"}
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"].startswith("application/json")


async def test_credentials_of_programs_pass_though_they_are_no_access_token(pages: Pages) -> None:
    answer = await pages.http.post("/oauth/token", data={"grant_type": "x"}, auth=("somebody", "secret"))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic")


async def test_what_is_no_page_is_answered_by_the_pages(pages: Pages) -> None:
    answer = await pages.http.get("/oauth/nothing")
    direct = await pages.provider.http.get("/oauth/nothing")
    assert (answer.status_code, answer.content) == (direct.status_code, direct.content)


async def test_too_large_a_form_gets_no_further(pages: Pages) -> None:
    before = len(pages.seen.scopes)
    answer = await pages.http.post("/oauth/token", content=b"x" * (300 * 1024))
    assert answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
    assert len(pages.seen.scopes) == before


def calling_from(pages: Pages, address: str) -> httpx.AsyncClient:
    """A client with an address of its own."""
    context = ssl.create_default_context(cadata=pages.world.ca.decode())
    transport = httpx.AsyncHTTPTransport(verify=context, local_address=address)
    return httpx.AsyncClient(base_url=pages.http.base_url, transport=transport, trust_env=False, timeout=30)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the machine has one loopback address")
async def test_the_pages_are_told_the_one_true_address_and_that_it_was_https(pages: Pages) -> None:
    async with calling_from(pages, ELSEWHERE) as http:
        lies = {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "http"}
        await http.get("/.well-known/jwks.json", headers=lies | {"x-pulsemesh-user-id": "eu_x"})
    address, scheme, headers = pages.seen.last()
    assert (address, scheme) == (ELSEWHERE, "https")
    assert headers["x-forwarded-for"] == ELSEWHERE
    assert "x-pulsemesh-user-id" not in headers


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the machine has one loopback address")
async def test_an_address_that_asks_too_often_is_stopped_and_others_are_not(pages: Pages) -> None:
    asked = 0
    async with calling_from(pages, "127.0.0.3") as http:
        # The bucket fills again all the while: on a slow machine a few more calls pass.
        while (answer := await http.get("/oauth/nothing")).status_code != httpx.codes.TOO_MANY_REQUESTS:
            asked += 1
            assert asked < 10 * CALLS_PER_MINUTE
    assert asked >= CALLS_PER_MINUTE
    assert answer.json()["details"][0]["reason"] == "RATE_LIMITED"
    assert (await pages.http.get("/.well-known/jwks.json")).status_code == httpx.codes.OK
