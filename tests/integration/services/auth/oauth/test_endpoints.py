"""The endpoints that programs call: what they tell, and what they refuse."""

from __future__ import annotations

import json

import httpx
import pytest

from services.auth.oauth.web.metadata import metadata_document
from services.auth.oauth.web.requests import MAX_BODY_BYTES
from services.auth.scopes import THIRD_PARTY_SCOPES
from services.chassis.auth import JwksAuthenticator
from tests.integration.services.auth.oauth.conftest import (
    EDGE,
    Browser,
    Provider,
    ThirdParty,
    code_for,
    register,
)

FORM = {"content-type": "application/x-www-form-urlencoded"}


def error_of(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, str(answer.json()["error"])


async def test_the_metadata_say_where_everything_is(provider: Provider) -> None:
    for name in ("oauth-authorization-server", "openid-configuration"):
        answer = await provider.http.get(f"/.well-known/{name}")
        assert answer.json() == metadata_document(provider.issuer)
    found = answer.json()
    assert found["issuer"] == provider.issuer
    assert found["scopes_supported"] == sorted(THIRD_PARTY_SCOPES)
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert "password" not in found["grant_types_supported"]
    assert "implicit" not in found["grant_types_supported"]
    for endpoint in (value for name, value in found.items() if name.endswith("_endpoint")):
        assert (await provider.http.get(endpoint)).status_code != 404


async def test_the_published_keys_prove_the_tokens(provider: Provider) -> None:
    tokens = await provider.paired(await provider.rig.sign_up())

    class Published:
        async def fetch(self) -> bytes:
            return (await provider.http.get("/.well-known/jwks.json")).content

    proving = JwksAuthenticator(Published(), issuer="pulsemesh-eu", clock_s=provider.rig.clock.seconds)
    principal = await proving.authenticate(tokens["access_token"])
    assert principal.scopes == {"ingest", "workout.read"}
    assert principal.client_id == EDGE
    public = (await provider.http.get("/.well-known/jwks.json")).json()
    assert all("d" not in key for key in public["keys"])


async def test_parameters_in_the_address_are_refused(provider: Provider) -> None:
    for path in ("token", "device_authorization", "revoke", "introspect"):
        answer = await provider.http.post(f"/oauth/{path}?client_id={EDGE}", data={"client_id": EDGE})
        assert error_of(answer) == (400, "invalid_request")
    assert error_of(await provider.http.get("/oauth/userinfo?access_token=x")) == (400, "invalid_request")


async def test_a_form_parameter_that_comes_twice_is_refused(provider: Provider) -> None:
    for twice in ("client_id=pulsemesh-edge&client_id=pulsemesh-cli", "client_id=x&scope=a&scope=a"):
        answer = await provider.http.post("/oauth/token", content=f"grant_type=x&{twice}", headers=FORM)
        assert error_of(answer) == (400, "invalid_request")


async def test_another_content_type_is_refused(provider: Provider) -> None:
    form = {"client_id": EDGE, "grant_type": "refresh_token"}
    assert error_of(await provider.http.post("/oauth/token", json=form)) == (400, "invalid_request")
    files = await provider.http.post("/oauth/token", data=form, files={"file": b"x"})
    assert error_of(files) == (400, "invalid_request")


async def test_an_oversized_form_is_refused(provider: Provider) -> None:
    content = b"client_id=" + b"x" * MAX_BODY_BYTES
    answer = await provider.http.post("/oauth/token", content=content, headers=FORM)
    assert error_of(answer) == (413, "invalid_request")
    many = "&".join(f"p{number}=1" for number in range(33))
    assert error_of(await provider.http.post("/oauth/token", content=many, headers=FORM)) == (
        400,
        "invalid_request",
    )


async def test_what_is_no_form_is_refused(provider: Provider) -> None:
    for content in (b"\xff\xfe", b"client_id=%ff", b"client_id=a%00b", b""):
        answer = await provider.http.post("/oauth/token", content=content, headers=FORM)
        assert answer.status_code in {400, 401}, content


async def test_only_the_grants_of_the_metadata_are_taken(provider: Provider) -> None:
    for grant in ("password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer"):
        answer = await provider.token(client_id=EDGE, grant_type=grant, username="a", password="b")
        assert error_of(answer) == (400, "unsupported_grant_type")


async def test_a_client_uses_its_own_grants_alone(provider: Provider) -> None:
    answer = await provider.token(
        client_id=EDGE, grant_type="authorization_code", code="x", redirect_uri="x", code_verifier="x"
    )
    assert error_of(answer) == (400, "unauthorized_client")
    answer = await provider.token(client_id="pulsemesh-cli", grant_type="client_credentials")
    assert error_of(answer) == (400, "unauthorized_client")


async def test_an_unknown_client_is_refused(provider: Provider) -> None:
    answer = await provider.token(client_id="nobody", grant_type="refresh_token", refresh_token="x")
    assert error_of(answer) == (401, "invalid_client")


async def test_a_secret_in_the_body_is_refused(app: ThirdParty) -> None:
    answer = await app.provider.token(
        client_id=app.client_id, client_secret=app.secret, grant_type="refresh_token", refresh_token="x"
    )
    assert error_of(answer) == (400, "invalid_request")


async def test_a_client_is_one_client(app: ThirdParty) -> None:
    answer = await app.provider.token(app.auth, client_id=EDGE, grant_type="refresh_token", refresh_token="x")
    assert error_of(answer) == (400, "invalid_request")


async def test_a_public_client_has_no_secret(provider: Provider) -> None:
    answer = await provider.token((EDGE, "x"), grant_type="refresh_token", refresh_token="x")
    assert error_of(answer) == (401, "invalid_client")


async def test_strangers_do_not_look_into_tokens(
    provider: Provider, app: ThirdParty, browser: Browser
) -> None:
    await provider.rig.sign_up()
    tokens = (await app.redeem(await code_for(app, browser))).json()
    form = {"token": tokens["access_token"]}
    assert (await provider.http.post("/oauth/introspect", data=form)).status_code == 401
    public = await provider.http.post("/oauth/introspect", data=form | {"client_id": EDGE})
    assert error_of(public) == (401, "invalid_client")
    other = await register(provider, await provider.rig.sign_up("other@example.org"))
    assert other.auth is not None
    answer = await provider.http.post("/oauth/introspect", data=form, auth=other.auth)
    assert answer.json() == {"active": False}


async def test_an_app_looks_into_its_own_tokens(
    provider: Provider, app: ThirdParty, browser: Browser
) -> None:
    await provider.rig.sign_up()
    tokens = (await app.redeem(await code_for(app, browser))).json()
    assert app.auth is not None
    for kind in ("access_token", "refresh_token"):
        answer = await provider.http.post("/oauth/introspect", data={"token": tokens[kind]}, auth=app.auth)
        found = answer.json()
        assert (found["active"], found["scope"], found["sub"]) == (True, "workout.read", tokens["sub"])
    await provider.http.post("/oauth/revoke", data={"token": tokens["refresh_token"]}, auth=app.auth)
    for kind in ("access_token", "refresh_token"):
        answer = await provider.http.post("/oauth/introspect", data={"token": tokens[kind]}, auth=app.auth)
        assert answer.json() == {"active": False}


async def test_userinfo_says_whose_token_it_is(provider: Provider) -> None:
    owner = await provider.rig.sign_up()
    tokens = await provider.paired(owner)
    headers = {"authorization": f"Bearer {tokens['access_token']}"}
    assert (await provider.http.get("/oauth/userinfo", headers=headers)).json() == {"sub": owner.user_id}
    await provider.http.post("/oauth/revoke", data={"client_id": EDGE, "token": tokens["refresh_token"]})
    refused = await provider.http.get("/oauth/userinfo", headers=headers)
    assert (refused.status_code, "invalid_token" in refused.headers["www-authenticate"]) == (401, True)


async def test_what_is_not_there_is_said_in_json(provider: Provider) -> None:
    assert error_of(await provider.http.get("/oauth/nothing")) == (404, "invalid_request")
    assert error_of(await provider.http.get("/oauth/token")) == (405, "invalid_request")


@pytest.mark.parametrize("path", ["/oauth/token", "/.well-known/jwks.json"])
async def test_pages_of_other_sites_never_send_our_cookies_along(provider: Provider, path: str) -> None:
    answer = await provider.http.get(path, headers={"origin": "https://app.example.org"})
    assert "access-control-allow-credentials" not in answer.headers


async def test_descriptions_are_ascii_without_quotes(provider: Provider) -> None:
    answer = await provider.token(client_id=EDGE, grant_type="“”")
    description = answer.json()["error_description"]
    assert description.isascii()
    assert not set('"\\') & set(description)
    assert json.loads(answer.text)
