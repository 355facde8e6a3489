"""The whole way with a certified provider: its pages, its checks of our PKCE, its keys and tokens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest

from pulsemesh.auth.v1 import federation_service_pb2 as wire
from tests.fixtures.openid_server import CLIENT_ID, CLIENT_SECRET, openid_server, walk_through
from tests.integration.services.auth.conftest import refused, running_rig
from tests.integration.services.auth.further_ways.conftest import Ways
from tests.integration.services.auth.further_ways.provider import settings_json

REDIRECT = "https://app.example.org/back/real"


@pytest.fixture
async def ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ways]:
    secret = tmp_path / "secret"
    secret.write_text(CLIENT_SECRET)
    with openid_server(REDIRECT) as issuer:
        listed = settings_json(("real", issuer), secret_file=str(secret), client_id=CLIENT_ID)
        monkeypatch.setenv("PULSEMESH_SIGN_IN_PROVIDERS", listed)
        monkeypatch.setenv("PULSEMESH_SIGN_IN_PROVIDER_REDIRECT_URIS", f'["{REDIRECT}"]')
        async with running_rig(tmp_path, f"sqlite:///{tmp_path}") as rig:
            yield Ways(rig)


async def come(ways: Ways, login: str) -> wire.FinishSignInResponse:
    """From start to finish, through the provider's pages."""
    started = await start(ways)
    answer = wire.ProviderAnswer(**await walk_through(started.authorization_url, login))
    request = wire.FinishSignInRequest(attempt=started.attempt, answer=answer)
    return await ways.federation.FinishSignIn(request)  # type: ignore[no-any-return]


async def start(ways: Ways) -> wire.StartSignInResponse:
    request = wire.StartSignInRequest(provider="real", redirect_uri=REDIRECT)
    return await ways.federation.StartSignIn(request)  # type: ignore[no-any-return]


async def test_a_person_signs_up_and_in_and_codes_are_good_once_and_for_their_attempt(ways: Ways) -> None:
    """One scenario, for one start of the provider."""
    offered = (await come(ways, "ann")).sign_up
    assert offered.email == "ann@example.org"
    request = wire.SignUpWithProviderRequest(sign_up=offered.sign_up, at_least_years=18, country="DE")
    made = (await ways.federation.SignUpWithProvider(request)).tokens
    assert (await come(ways, "ann")).result.tokens.user_id == made.user_id

    unproved = await refused(come(ways, "unverified"))
    assert unproved[:2] == (grpc.StatusCode.FAILED_PRECONDITION, "ADDRESS_NOT_PROVED")

    mine, theirs = await start(ways), await start(ways)
    stolen = await walk_through(theirs.authorization_url, "ann")
    answer = await walk_through(mine.authorization_url, "mallory") | {"code": stolen["code"]}
    injected = wire.FinishSignInRequest(attempt=mine.attempt, answer=wire.ProviderAnswer(**answer))
    outcome = await refused(ways.federation.FinishSignIn(injected))
    assert outcome[:2] == (grpc.StatusCode.UNAUTHENTICATED, "PROVIDER_REFUSED")
