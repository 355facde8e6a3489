"""Refresh tokens of programs: rotation, theft, and who may use which."""

from __future__ import annotations

import grpc

from pulsemesh.auth.v1 import session_service_pb2
from services.auth.sessions import DEVICE_GRACE_MS
from tests.integration.services.auth.conftest import refused
from tests.integration.services.auth.oauth.conftest import EDGE, Provider


async def test_a_gateway_that_lost_its_power_gets_the_same_answer_hours_later(provider: Provider) -> None:
    tokens = await provider.paired(await provider.rig.sign_up())
    lost = await provider.refresh(tokens["refresh_token"])
    provider.rig.clock.advance(DEVICE_GRACE_MS / 1000 - 60)
    again = await provider.refresh(tokens["refresh_token"])
    assert again.json()["refresh_token"] == lost.json()["refresh_token"]


async def test_refresh_reuse_ends_the_session(provider: Provider) -> None:
    tokens = await provider.paired(await provider.rig.sign_up())
    second = (await provider.refresh(tokens["refresh_token"])).json()
    third = (await provider.refresh(second["refresh_token"])).json()
    assert (await provider.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await provider.refresh(third["refresh_token"])).json()["error"] == "invalid_grant"


async def test_a_refresh_token_of_another_client_is_refused(provider: Provider) -> None:
    tokens = await provider.paired(await provider.rig.sign_up())
    answer = await provider.refresh(tokens["refresh_token"], client_id="pulsemesh-cli")
    assert answer.json()["error"] == "invalid_grant"
    assert (await provider.refresh(tokens["refresh_token"])).status_code == 200


async def test_scopes_do_not_grow_on_refresh(provider: Provider) -> None:
    owner = await provider.rig.sign_up()
    begun = await provider.begin_device(scope="ingest")
    await provider.approve(begun, owner)
    tokens = (await provider.poll(begun)).json()
    more = await provider.refresh(tokens["refresh_token"], scope="ingest workout.read")
    assert more.json()["error"] == "invalid_scope"
    assert (await provider.refresh(tokens["refresh_token"])).json()["scope"] == "ingest"


async def test_a_program_may_ask_for_less_than_it_was_granted(provider: Provider) -> None:
    tokens = await provider.paired(await provider.rig.sign_up())
    less = (await provider.refresh(tokens["refresh_token"], scope="ingest")).json()
    assert less["scope"] == "ingest"
    assert (await provider.refresh(less["refresh_token"])).json()["scope"] == "ingest workout.read"


async def test_a_revoked_refresh_token_leads_nowhere(provider: Provider) -> None:
    tokens = await provider.paired(await provider.rig.sign_up())
    revoked = await provider.http.post(
        "/oauth/revoke", data={"client_id": EDGE, "token": tokens["refresh_token"]}
    )
    assert (revoked.status_code, revoked.text) == (200, "")
    assert (await provider.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_revoking_an_access_token_ends_its_session(provider: Provider) -> None:
    tokens = await provider.paired(await provider.rig.sign_up())
    form = {"client_id": EDGE, "token": tokens["access_token"]}
    assert (await provider.http.post("/oauth/revoke", data=form)).status_code == 200
    assert (await provider.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"


async def test_revoking_what_is_anothers_or_nothing_changes_nothing(provider: Provider) -> None:
    tokens = await provider.paired(await provider.rig.sign_up())
    for client_id, token in (
        ("pulsemesh-cli", tokens["refresh_token"]),
        ("pulsemesh-cli", tokens["access_token"]),
        (EDGE, "pmr_unknown"),
        (EDGE, "no token at all"),
    ):
        answer = await provider.http.post("/oauth/revoke", data={"client_id": client_id, "token": token})
        assert answer.status_code == 200
    assert (await provider.refresh(tokens["refresh_token"])).status_code == 200


async def test_a_session_that_its_owner_ended_is_over_for_the_device(provider: Provider) -> None:
    tokens = await provider.paired(await provider.rig.sign_up())
    await provider.rig.sessions.SignOut(
        session_service_pb2.SignOutRequest(refresh_token=tokens["refresh_token"])
    )
    assert (await provider.refresh(tokens["refresh_token"])).json()["error"] == "invalid_grant"
    call = provider.rig.refresh(tokens["refresh_token"])
    assert (await refused(call))[0] is grpc.StatusCode.UNAUTHENTICATED
