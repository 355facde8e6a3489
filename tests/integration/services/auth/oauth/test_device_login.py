"""The SDK's half of the device grant, against the real provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from pulsemesh.auth.v1 import device_grant_service_pb2 as wire
from pulsemesh.oauth import DeviceLogin, LoginDenied, LoginExpired, OAuthFailure, begin_device_login
from pulsemesh.oauth.http import OAuthHttp
from tests.integration.services.auth.conftest import bearer
from tests.integration.services.auth.oauth.conftest import EDGE, Provider

Step = Callable[[], Awaitable[None]]


async def login_with(provider: Provider, *steps: Step) -> DeviceLogin:
    """A login whose pauses move the provider's clock; before each question the next step happens."""
    waiting = list(steps)

    async def sleep(seconds: float) -> None:
        provider.rig.clock.advance(seconds)
        if waiting:
            await waiting.pop(0)()

    return await begin_device_login(OAuthHttp(provider.issuer), EDGE, device_name="shed", sleep=sleep)


async def nothing() -> None:
    return


async def test_a_program_waits_for_its_tokens(provider: Provider) -> None:
    owner = await provider.rig.sign_up()

    async def approve() -> None:
        request = wire.ApproveDeviceRequest(user_code=login.shown.user_code)
        await provider.devices.ApproveDevice(request, metadata=bearer(owner))

    login = await login_with(provider, nothing, nothing, approve)
    tokens = await login.tokens()
    assert tokens.user_id == owner.user_id
    assert (await provider.rig.refresh(tokens.refresh_token)).session_id == tokens.session_id


async def test_a_program_slows_down_when_it_is_told_to(provider: Provider) -> None:
    owner = await provider.rig.sign_up()

    async def hurry() -> None:
        provider.rig.clock.advance(-4.9)

    async def approve() -> None:
        request = wire.ApproveDeviceRequest(user_code=login.shown.user_code)
        await provider.devices.ApproveDevice(request, metadata=bearer(owner))

    login = await login_with(provider, nothing, hurry, nothing, approve)
    assert (await login.tokens()).user_id == owner.user_id


async def test_a_program_that_is_turned_away_says_so(provider: Provider) -> None:
    owner = await provider.rig.sign_up()

    async def deny() -> None:
        request = wire.DenyDeviceRequest(user_code=login.shown.user_code)
        await provider.devices.DenyDevice(request, metadata=bearer(owner))

    login = await login_with(provider, deny)
    with pytest.raises(LoginDenied):
        await login.tokens()


async def test_a_program_gives_up_with_its_code(provider: Provider) -> None:
    async def hours() -> None:
        provider.rig.clock.advance(3_600)

    login = await login_with(provider, hours)
    with pytest.raises(LoginExpired):
        await login.tokens()


async def test_a_server_that_calls_itself_otherwise_is_not_believed(provider: Provider) -> None:
    port = provider.issuer.rpartition(":")[2]
    with pytest.raises(OAuthFailure, match="calls itself"):
        await OAuthHttp(f"http://localhost:{port}").metadata()


def test_secrets_do_not_travel_in_the_clear() -> None:
    with pytest.raises(OAuthFailure, match="not encrypted"):
        OAuthHttp("http://auth.example.org")


async def test_secrets_do_not_go_elsewhere() -> None:
    with pytest.raises(OAuthFailure, match="is not at"):
        await OAuthHttp("https://auth.example.org").post("https://auth.example.org.evil.example/token", {})
