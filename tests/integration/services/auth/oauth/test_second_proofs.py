"""Signing in at our pages where a password alone is not enough."""

from __future__ import annotations

import pyotp

from pulsemesh.auth.v1 import second_factor_pb2, second_factor_service_pb2_grpc
from pulsemesh.auth.v1 import second_factor_service_pb2 as wire
from tests.integration.services.auth.conftest import PASSWORD, bearer
from tests.integration.services.auth.oauth.conftest import Browser, Provider


async def set_up(provider: Provider) -> tuple[pyotp.TOTP, list[str]]:
    """Ann's authenticator app and recovery codes."""
    ann = await provider.rig.sign_up()
    stub = second_factor_service_pb2_grpc.SecondFactorServiceStub(provider.rig.channel)
    proof = second_factor_pb2.OwnerProof(password=PASSWORD)
    begun = await stub.BeginTotp(wire.BeginTotpRequest(proof=proof), metadata=bearer(ann))
    codes = pyotp.TOTP(begun.secret)
    confirm = wire.ConfirmTotpRequest(code=codes.at(int(provider.rig.clock.seconds())))
    confirmed = await stub.ConfirmTotp(confirm, metadata=bearer(ann))
    provider.rig.clock.advance(60)
    return codes, list(confirmed.recovery_codes)


async def test_a_password_alone_is_not_enough(provider: Provider, browser: Browser) -> None:
    codes, _ = await set_up(provider)
    asked = await browser.sign_in("/oauth/device")
    assert "authenticator app" in asked.text
    assert 'name="password"' in (await browser.http.get("/oauth/device")).text
    wrong = await browser.send("second", code="000000")
    assert wrong.status_code == 401
    right = await browser.send("second", code=codes.at(int(provider.rig.clock.seconds())))
    assert "The code that the device shows" in right.text


async def test_a_recovery_code_is_a_second_proof(provider: Provider, browser: Browser) -> None:
    _, recovery_codes = await set_up(provider)
    await browser.sign_in("/oauth/device")
    assert "The code that the device shows" in (await browser.send("second", code=recovery_codes[0])).text


async def test_an_attempt_that_is_over_begins_anew(provider: Provider, browser: Browser) -> None:
    await set_up(provider)
    await browser.sign_in("/oauth/device")
    answer = await browser.send("second", challenge="pmc_unknown", code="123456")
    assert (answer.status_code, 'name="password"' in answer.text) == (401, True)
