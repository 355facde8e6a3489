"""Apps of other people, what people allowed them, and keys of partners."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import grpc
import pytest

from pulsemesh.auth.v1 import api_key_service_pb2 as key_wire
from pulsemesh.auth.v1 import api_key_service_pb2_grpc, session_pb2
from pulsemesh.auth.v1 import oauth_app_service_pb2 as wire
from pulsemesh.policy.v1.policy_pb2 import Access
from services.auth.oauth.api_keys import is_whole
from services.auth.oauth.apps import FORMER_SECRET_MS, MOST_APPS
from services.auth.sessions import APP_PREFIX
from services.auth.tables import oauth_apps
from services.chassis.auth import Principal
from services.chassis.errors import Unauthenticated
from tests.integration.services.auth.conftest import bearer, eventually, following, refused
from tests.integration.services.auth.oauth.conftest import (
    CALLBACK,
    Browser,
    Provider,
    ThirdParty,
    code_for,
    register,
    running_provider,
)


def request(**more: Any) -> wire.RegisterAppRequest:
    values: dict[str, Any] = {
        "request_id": "one",
        "name": "Stride",
        "confidential": True,
        "redirect_uris": [CALLBACK],
        "scopes": ["workout.read"],
    }
    return wire.RegisterAppRequest(**(values | more))


def staff(provider: Provider, *roles: str) -> tuple[tuple[str, str], ...]:
    """The metadata of somebody who holds these roles."""
    servicer: Any = provider.rig.module.servicers[0][1]
    issued = servicer._issuer.access_token(
        subject="eu_01M84C5DSPYK4MW44NGAHG4FMC", kind="staff", client_id="pulsemesh-staff", roles=roles
    )
    return bearer(issued.access_token)


async def test_a_repeated_registration_finds_the_app_and_gives_it_another_secret(provider: Provider) -> None:
    author = await provider.rig.sign_up()
    first = await provider.apps.RegisterApp(request(), metadata=bearer(author))
    second = await provider.apps.RegisterApp(request(), metadata=bearer(author))
    assert first.app.client_id == second.app.client_id
    assert first.app.client_id.startswith(APP_PREFIX)
    assert first.client_secret != second.client_secret
    secrets = [row["secret_sha256"] for row in await provider.rig.rows(oauth_apps)]
    assert secrets == [hashlib.sha256(second.client_secret.encode()).digest()]


async def test_what_no_app_may_have_is_refused(provider: Provider) -> None:
    author = await provider.rig.sign_up()
    for wrong in (
        {"redirect_uris": ["http://app.example.org/callback"]},
        {"redirect_uris": ["https://*.example.org/callback"]},
        {"scopes": ["account"]},
        {"scopes": ["nothing.such"]},
        {"name": "Pulse Mesh Support"},
        {"name": "a\u202eb"},
    ):
        call = provider.apps.RegisterApp(request(**wrong), metadata=bearer(author))
        assert (await refused(call))[0] is grpc.StatusCode.INVALID_ARGUMENT, wrong


async def test_nobody_has_endless_apps(provider: Provider) -> None:
    author = await provider.rig.sign_up()
    for number in range(MOST_APPS):
        await provider.apps.RegisterApp(request(request_id=f"{number}"), metadata=bearer(author))
    call = provider.apps.RegisterApp(request(request_id="more"), metadata=bearer(author))
    assert (await refused(call))[1] == "TOO_MANY_APPS"


async def test_an_app_belongs_to_its_author(provider: Provider, app: ThirdParty) -> None:
    stranger = await provider.rig.sign_up()
    update = wire.UpdateAppRequest(
        client_id=app.client_id, name="Mine", redirect_uris=[CALLBACK], scopes=["workout.read"]
    )
    rotate = wire.RotateAppSecretRequest(client_id=app.client_id)
    for call in (
        provider.apps.UpdateApp(update, metadata=bearer(stranger)),
        provider.apps.RotateAppSecret(rotate, metadata=bearer(stranger)),
    ):
        assert (await refused(call))[0] is grpc.StatusCode.NOT_FOUND
    delete = wire.DeleteAppRequest(client_id=app.client_id)
    await provider.apps.DeleteApp(delete, metadata=bearer(stranger))
    assert len(await provider.rig.rows(oauth_apps)) == 1
    listed = await provider.apps.ListApps(wire.ListAppsRequest(), metadata=bearer(stranger))
    assert list(listed.apps) == []


async def test_a_change_that_knows_nothing_of_another_is_refused(provider: Provider) -> None:
    author = await provider.rig.sign_up()
    made = (await provider.apps.RegisterApp(request(), metadata=bearer(author))).app
    update = wire.UpdateAppRequest(
        client_id=made.client_id,
        etag=made.etag,
        name="Stride 2",
        redirect_uris=[CALLBACK],
        scopes=["workout.read"],
    )
    changed = (await provider.apps.UpdateApp(update, metadata=bearer(author))).app
    assert changed.name == "Stride 2"
    assert (await refused(provider.apps.UpdateApp(update, metadata=bearer(author))))[1] == "ETAG_MISMATCH"


async def test_the_secret_before_holds_for_a_day(provider: Provider) -> None:
    author = await provider.rig.sign_up()
    app = await register(provider, author)
    rotate = wire.RotateAppSecretRequest(client_id=app.client_id)
    new = (await provider.apps.RotateAppSecret(rotate, metadata=bearer(author))).client_secret

    async def error(secret: str) -> str:
        answer = await provider.token(
            (app.client_id, secret), grant_type="refresh_token", refresh_token="unknown"
        )
        return str(answer.json()["error"])

    assert [await error(app.secret), await error(new)] == ["invalid_grant", "invalid_grant"]
    provider.rig.clock.advance(FORMER_SECRET_MS / 1000 + 1)
    assert [await error(app.secret), await error(new)] == ["invalid_client", "invalid_grant"]


async def allowed(
    provider: Provider, app: ThirdParty, browser: Browser
) -> tuple[session_pb2.Tokens, dict[str, Any]]:
    """Ann's own tokens, and those of an app that she let in."""
    ann = await provider.rig.sign_up()
    return ann, (await app.redeem(await code_for(app, browser))).json()


async def refresh(app: ThirdParty, tokens: dict[str, Any]) -> str:
    answer = await app.provider.token(
        app.auth, grant_type="refresh_token", refresh_token=tokens["refresh_token"]
    )
    return str(answer.json().get("error", ""))


async def test_a_person_sees_and_withdraws_what_an_app_may_do(
    provider: Provider, app: ThirdParty, browser: Browser
) -> None:
    ann, tokens = await allowed(provider, app, browser)
    listed = await provider.authorised.ListAuthorisedApps(
        wire.ListAuthorisedAppsRequest(), metadata=bearer(ann)
    )
    assert [(each.name, list(each.scopes), each.first_party) for each in listed.apps] == [
        ("Stride", ["workout.read"], False)
    ]
    async with following(provider.rig):
        withdrawn = await provider.authorised.WithdrawApp(
            wire.WithdrawAppRequest(client_id=app.client_id), metadata=bearer(ann)
        )
        assert withdrawn.ended_sessions == 1
        await eventually(lambda: len(provider.rig.revocations) == 1)
    with pytest.raises(Unauthenticated):
        provider.rig.revocations.require_current(_principal(tokens))
    assert await refresh(app, tokens) == "invalid_grant"
    # And the person is asked again.
    assert "Let Stride in?" in (await browser.open(app.address())).text


def _principal(tokens: dict[str, Any]) -> Principal:
    return Principal(tokens["sub"], Access.ACCESS_USER, session_id=tokens["sid"])


async def test_a_code_on_its_way_is_void_once_the_person_withdrew(
    provider: Provider, app: ThirdParty, browser: Browser
) -> None:
    ann = await provider.rig.sign_up()
    code = await code_for(app, browser)
    await provider.authorised.WithdrawApp(
        wire.WithdrawAppRequest(client_id=app.client_id), metadata=bearer(ann)
    )
    assert (await app.redeem(code)).json()["error"] == "invalid_grant"


async def test_deleting_an_app_ends_its_sessions(provider: Provider, browser: Browser) -> None:
    author = await provider.rig.sign_up("author@example.org")
    app = await register(provider, author)
    _, tokens = await allowed(provider, app, browser)
    await provider.apps.DeleteApp(wire.DeleteAppRequest(client_id=app.client_id), metadata=bearer(author))
    assert await refresh(app, tokens) == "invalid_client"


async def test_a_suspended_app_gets_nothing(provider: Provider, app: ThirdParty, browser: Browser) -> None:
    _, tokens = await allowed(provider, app, browser)
    suspend = wire.SuspendAppRequest(client_id=app.client_id, suspended=True)
    assert (await refused(provider.apps.SuspendApp(suspend, metadata=staff(provider, "support"))))[0] is (
        grpc.StatusCode.PERMISSION_DENIED
    )
    answer = await provider.apps.SuspendApp(suspend, metadata=staff(provider, "moderator"))
    assert answer.app.suspended
    assert await refresh(app, tokens) == "invalid_client"
    assert (await browser.open(app.address())).status_code == 400
    suspend.suspended = False
    await provider.apps.SuspendApp(suspend, metadata=staff(provider, "moderator"))
    assert await refresh(app, tokens) == "invalid_grant"


async def test_an_apps_refresh_token_goes_on_with_its_secret_alone(
    provider: Provider, app: ThirdParty, browser: Browser
) -> None:
    _, tokens = await allowed(provider, app, browser)
    # Not by the way of the platform's own programs, which prove nothing.
    assert (await refused(provider.rig.refresh(tokens["refresh_token"])))[1] == "SESSION_ENDED"
    assert await refresh(app, tokens) == ""


async def test_a_partner_exchanges_a_key_for_a_token(provider: Provider) -> None:
    stub = api_key_service_pb2_grpc.ApiKeyServiceStub(provider.rig.channel)
    operator = staff(provider, "operator")
    create = key_wire.CreateApiKeyRequest(
        request_id="one", partner="trailbook", name="nightly", scopes=["workout.read"]
    )
    made = await stub.CreateApiKey(create, metadata=operator)
    assert is_whole(made.key)
    assert made.key.startswith(made.api_key.prefix)
    auth = (made.api_key.key_id, made.key)
    answer = (await provider.token(auth, grant_type="client_credentials")).json()
    assert (answer["scope"], "refresh_token" in answer) == ("workout.read", False)
    more = await provider.token(auth, grant_type="client_credentials", scope="workout.write")
    assert more.json()["error"] == "invalid_scope"
    listed = (await stub.ListApiKeys(key_wire.ListApiKeysRequest(), metadata=operator)).api_keys
    assert [(each.partner, each.HasField("last_used_at")) for each in listed] == [("trailbook", True)]
    revoke = key_wire.RevokeApiKeyRequest(key_id=made.api_key.key_id)
    assert (await stub.RevokeApiKey(revoke, metadata=operator)).found
    assert (await provider.token(auth, grant_type="client_credentials")).status_code == 401


async def test_a_key_runs_out(provider: Provider) -> None:
    stub = api_key_service_pb2_grpc.ApiKeyServiceStub(provider.rig.channel)
    create = key_wire.CreateApiKeyRequest(
        request_id="one", partner="trailbook", name="trial", scopes=["workout.read"], days=1
    )
    made = await stub.CreateApiKey(create, metadata=staff(provider, "operator"))
    provider.rig.clock.advance(86_400)
    answer = await provider.token((made.api_key.key_id, made.key), grant_type="client_credentials")
    assert answer.status_code == 401


async def test_a_configured_service_gets_its_token(tmp_path: Path, monkeypatch: Any) -> None:
    secret = "s" * 43
    entry = {"secret_sha256": hashlib.sha256(secret.encode()).hexdigest(), "scopes": ["workout.read"]}
    path = tmp_path / "services.json"
    path.write_text(json.dumps({"importer": entry}))
    monkeypatch.setenv("PULSEMESH_OAUTH_SERVICE_CLIENTS_FILE", str(path))
    async with running_provider(tmp_path) as provider:
        answer = await provider.token(("service-importer", secret), grant_type="client_credentials")
        assert answer.json()["scope"] == "workout.read"
        wrong = await provider.token(("service-importer", "wrong"), grant_type="client_credentials")
        assert wrong.status_code == 401
