"""Authorisation codes: a person is asked, a program gets tokens, and each attack on the way fails.

docs/oauth.md has the table of attacks with these tests' names; `test_documentation.py` compares.
"""

from __future__ import annotations

from urllib.parse import quote, urlencode

import pytest

from services.auth.oauth.authorization_codes import LIFETIME_MS
from tests.integration.services.auth.conftest import bearer
from tests.integration.services.auth.oauth.conftest import (
    CALLBACK,
    Browser,
    Provider,
    ThirdParty,
    answer_of,
    code_for,
    register,
)


@pytest.fixture(autouse=True)
async def _ann(provider: Provider) -> None:
    await provider.rig.sign_up()


async def test_a_person_allows_an_app_and_it_gets_tokens(app: ThirdParty, browser: Browser) -> None:
    shown = await browser.sign_in(app.address())
    assert "Let Stride in?" in shown.text
    assert "See your workouts" in shown.text
    assert "ann@example.org" in shown.text
    answer = answer_of(await browser.send("allow"))
    tokens = (await app.redeem(answer["code"])).json()
    assert tokens["scope"] == "workout.read"
    refreshed = await app.provider.token(
        app.auth, grant_type="refresh_token", refresh_token=tokens["refresh_token"]
    )
    assert refreshed.status_code == 200


async def test_a_person_refuses(app: ThirdParty, browser: Browser) -> None:
    await browser.sign_in(app.address())
    answer = answer_of(await browser.send("deny"))
    assert (answer["error"], answer["state"]) == ("access_denied", "the state")


async def test_a_person_who_allowed_it_is_not_asked_again(app: ThirdParty, browser: Browser) -> None:
    await code_for(app, browser)
    assert "code" in answer_of(await browser.open(app.address()))
    more = await browser.open(app.address(scope="workout.read profile.read"))
    assert "See your profile" in more.text
    again = await browser.open(app.address(prompt="consent"))
    assert again.status_code == 200


async def test_an_app_on_the_persons_machine_is_always_asked_about(
    provider: Provider, browser: Browser
) -> None:
    author = await provider.rig.sign_up("other@example.org")
    app = await register(provider, author, confidential=False, redirect_uris=["http://127.0.0.1/callback"])
    address = app.address(redirect_uri="http://127.0.0.1:4711/callback")
    await browser.sign_in(address)
    assert (
        (await browser.send("allow")).headers["location"].startswith("http://127.0.0.1:4711/callback?code=")
    )
    assert "Let Stride in?" in (await browser.open(address)).text


async def test_without_asking_an_app_hears_that_it_must_ask(app: ThirdParty, browser: Browser) -> None:
    assert answer_of(await browser.open(app.address(prompt="none")))["error"] == "login_required"
    await browser.sign_in(app.address())
    assert answer_of(await browser.open(app.address(prompt="none")))["error"] == "consent_required"


async def test_a_wrong_password_is_no_sign_in(app: ThirdParty, browser: Browser) -> None:
    await browser.open(app.address())
    answer = await browser.send("sign_in", email="ann@example.org", password="wrong")
    assert answer.status_code == 401
    assert "Let Stride in?" not in answer.text


async def test_signing_out_ends_the_browsers_session(app: ThirdParty, browser: Browser) -> None:
    shown = await browser.sign_in(app.address())
    browser.page = shown
    await browser.send("sign_out")
    assert 'name="password"' in (await browser.open(app.address())).text


# Open redirect and redirect-URI tricks


TRICKS = [
    "https://evil.example/callback",
    "https://app.example.org.evil.example/callback",
    "https://evil.app.example.org/callback",
    "https://app.example.org@evil.example/callback",
    "https://user@app.example.org/callback",
    "https://app.example.org:8443/callback",
    "https://app.example.org/callback/../other",
    "https://app.example.org/callback%2f..",
    "https://app.example.org/callback#fragment",
    "https://app.example.org/callback?more=1",
    "https://app.example.org/Callback",
    "HTTPS://app.example.org/callback",
    "http://app.example.org/callback",
    "//app.example.org/callback",
    "/callback",
    "https://app.example.org/callback/",
    "https://app.example.org/callback\n",
    "javascript:alert(1)",
]


async def test_no_redirect_to_an_address_that_is_not_registered(app: ThirdParty, browser: Browser) -> None:
    for given in TRICKS:
        answer = await browser.open(app.address(redirect_uri=given))
        assert (answer.status_code, "location" in answer.headers) == (400, False), given


async def test_no_redirect_for_an_unknown_client(app: ThirdParty, browser: Browser) -> None:
    answer = await browser.open(app.address(client_id="app-unknown"))
    assert answer.status_code == 400
    assert "location" not in answer.headers


async def test_signing_in_leads_nowhere_but_back(app: ThirdParty, browser: Browser) -> None:
    await browser.open(app.address())
    data = browser.fields() | {
        "action": "sign_in",
        "email": "ann@example.org",
        "password": "correct horse battery",
    }
    answer = await browser.http.post(browser.address(), data=data | {"return": "https://evil.example"})
    assert answer.headers["location"] == app.address()


# Code injection, PKCE


async def test_no_code_without_pkce(app: ThirdParty, browser: Browser) -> None:
    answer = answer_of(await browser.open(app.address(code_challenge=None, code_challenge_method=None)))
    assert answer["error"] == "invalid_request"


async def test_plain_pkce_is_refused(app: ThirdParty, browser: Browser) -> None:
    for method in ("plain", "s256", None):
        answer = answer_of(await browser.open(app.address(code_challenge_method=method)))
        assert answer["error"] == "invalid_request", method


async def test_an_injected_code_is_of_no_use(app: ThirdParty, browser: Browser) -> None:
    stolen = await code_for(app, browser)
    refused = await app.redeem(stolen, code_verifier="w" * 43)
    assert refused.json()["error"] == "invalid_grant"
    # And there is no second try.
    assert (await app.redeem(stolen)).json()["error"] == "invalid_grant"


async def test_a_code_without_its_verifier_is_refused(app: ThirdParty, browser: Browser) -> None:
    code = await code_for(app, browser)
    assert (await app.redeem(code, code_verifier="")).json()["error"] == "invalid_request"


# Mix-up


@pytest.mark.parametrize("action", ["allow", "deny"])
async def test_every_answer_names_its_issuer(
    provider: Provider, app: ThirdParty, browser: Browser, action: str
) -> None:
    await browser.sign_in(app.address())
    answer = answer_of(await browser.send(action))
    assert (answer["iss"], answer["state"]) == (provider.issuer, "the state")


async def test_errors_name_their_issuer_too(provider: Provider, app: ThirdParty, browser: Browser) -> None:
    answer = answer_of(await browser.open(app.address(response_type="token")))
    assert (answer["error"], answer["iss"]) == ("unsupported_response_type", provider.issuer)


# Codes


async def test_a_code_that_comes_twice_ends_what_came_of_it(app: ThirdParty, browser: Browser) -> None:
    code = await code_for(app, browser)
    tokens = (await app.redeem(code)).json()
    assert (await app.redeem(code)).json()["error"] == "invalid_grant"
    refreshed = await app.provider.token(
        app.auth, grant_type="refresh_token", refresh_token=tokens["refresh_token"]
    )
    assert refreshed.json()["error"] == "invalid_grant"


async def test_a_code_is_good_for_a_minute(app: ThirdParty, browser: Browser) -> None:
    code = await code_for(app, browser)
    app.provider.rig.clock.advance(LIFETIME_MS / 1000)
    assert (await app.redeem(code)).json()["error"] == "invalid_grant"


async def test_a_code_of_another_client_is_refused(
    provider: Provider, app: ThirdParty, browser: Browser
) -> None:
    other = await register(provider, await provider.rig.sign_up("other@example.org"))
    code = await code_for(app, browser)
    assert (await other.redeem(code)).json()["error"] == "invalid_grant"
    assert (await app.redeem(code)).status_code == 200


async def test_a_code_is_bound_to_its_address(provider: Provider, browser: Browser) -> None:
    author = await provider.rig.sign_up("other@example.org")
    second = "https://app.example.org/second"
    app = await register(provider, author, redirect_uris=[CALLBACK, second])
    code = await code_for(app, browser)
    assert (await app.redeem(code, redirect_uri=second)).json()["error"] == "invalid_grant"


async def test_a_code_is_not_redeemed_without_the_secret(app: ThirdParty, browser: Browser) -> None:
    code = await code_for(app, browser)
    stranger = ThirdParty(app.provider, app.client_id)
    assert (await stranger.redeem(code)).status_code == 401
    wrong = ThirdParty(app.provider, app.client_id, "pms_wrong")
    answer = await wrong.redeem(code)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"].startswith("Basic")


# Cross-site requests


async def test_a_form_without_our_token_allows_nothing(app: ThirdParty, browser: Browser) -> None:
    await browser.sign_in(app.address())
    answer = await browser.send("allow", form_token="")
    assert (answer.status_code, "location" in answer.headers) == (403, False)


async def test_a_form_of_another_browser_allows_nothing(
    provider: Provider, app: ThirdParty, browser: Browser
) -> None:
    import httpx

    async with httpx.AsyncClient(base_url=provider.issuer, trust_env=False) as http:
        attacker = Browser(http)
        await provider.rig.sign_up("evil@example.org")
        await attacker.sign_in(app.address(), "evil@example.org")
        theirs = attacker.fields()["form_token"]
    await browser.sign_in(app.address())
    assert (await browser.send("allow", form_token=theirs)).status_code == 403


async def test_a_form_allows_what_it_was_shown_for_and_nothing_else(
    app: ThirdParty, browser: Browser
) -> None:
    await browser.sign_in(app.address())
    data = browser.fields() | {"action": "allow"}
    more = app.address(scope="workout.read profile.read")
    answer = await browser.http.post(more, data=data)
    assert (answer.status_code, "location" in answer.headers) == (403, False)


async def test_a_form_from_another_site_is_refused(app: ThirdParty, browser: Browser) -> None:
    shown = await browser.sign_in(app.address())
    for headers in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ):
        browser.page = shown
        assert (await browser.send("allow", headers=headers)).status_code == 403, headers


async def test_nobody_is_signed_in_by_a_form_of_somebody_else(app: ThirdParty, browser: Browser) -> None:
    data = {"action": "sign_in", "email": "ann@example.org", "password": "correct horse battery"}
    answer = await browser.http.post(app.address(), data=data)
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


async def test_signing_in_gives_cookies_that_nobody_knew(app: ThirdParty, browser: Browser) -> None:
    await browser.open(app.address())
    before = dict(browser.http.cookies)
    await browser.sign_in(app.address())
    after = dict(browser.http.cookies)
    assert after["pulsemesh_form"] != before["pulsemesh_form"]
    assert after["pulsemesh_browser"]


async def test_cookies_are_kept_from_scripts_and_other_sites(app: ThirdParty, browser: Browser) -> None:
    await browser.open(app.address())
    data = browser.fields() | {
        "action": "sign_in",
        "email": "ann@example.org",
        "password": "correct horse battery",
    }
    answer = await browser.http.post(browser.address(), data=data)
    cookies = answer.headers.get_list("set-cookie")
    assert len(cookies) == 2
    assert all("HttpOnly" in each and "SameSite=lax" in each for each in cookies)


# Frames, scripts, referrers


async def test_no_page_can_be_framed_or_run_scripts(app: ThirdParty, browser: Browser) -> None:
    for page in (
        await browser.open(app.address()),
        await browser.sign_in(app.address()),
        await browser.open("/oauth/device"),
        await browser.open("/oauth/authorize"),
    ):
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert page.headers["x-frame-options"] == "DENY"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "same-origin"


async def test_a_consent_leads_to_the_app_alone(app: ThirdParty, browser: Browser) -> None:
    shown = await browser.sign_in(app.address())
    policy = shown.headers["content-security-policy"]
    assert "form-action 'self' https://app.example.org;" in policy


async def test_what_an_app_calls_itself_is_text(provider: Provider, browser: Browser) -> None:
    author = await provider.rig.sign_up("other@example.org")
    app = await register(provider, author, name="<script>alert(1)</script>")
    shown = await browser.sign_in(app.address(state='"><script>'))
    assert "<script" not in shown.text
    assert "&lt;script&gt;" in shown.text


# Parameters


async def test_a_parameter_that_comes_twice_is_refused(app: ThirdParty, browser: Browser) -> None:
    for name in ("client_id", "redirect_uri", "scope", "code_challenge", "state"):
        answer = await browser.open(f"{app.address()}&{urlencode({name: 'other'})}")
        assert (answer.status_code, "location" in answer.headers) == (400, False), name


async def test_an_app_gets_no_scope_beyond_what_it_registered(app: ThirdParty, browser: Browser) -> None:
    for scope in ("workout.read account", "workout.write", "nothing.such", "workout.read  profile.read"):
        assert answer_of(await browser.open(app.address(scope=scope)))["error"] == "invalid_scope"


async def test_requests_by_reference_are_refused(app: ThirdParty, browser: Browser) -> None:
    for name in ("request", "request_uri"):
        answer = answer_of(await browser.open(app.address(**{name: "https://evil.example/request"})))
        assert answer["error"] == f"{name}_not_supported"


async def test_an_endless_state_is_not_carried_along(app: ThirdParty, browser: Browser) -> None:
    answer = answer_of(await browser.open(app.address(state="x" * 1_001)))
    assert answer["error"] == "invalid_request"
    assert "state" not in answer


async def test_header_injection_by_state_stays_in_the_address(app: ThirdParty, browser: Browser) -> None:
    address = app.address(state=None) + "&state=" + quote("a\r\nset-cookie: evil=1")
    await browser.sign_in(address)
    answer = await browser.send("allow")
    assert answer_of(answer)["state"] == "a\r\nset-cookie: evil=1"
    assert "evil" not in answer.headers.get("set-cookie", "")


async def test_a_first_party_client_is_asked_about_like_any_other(browser: Browser) -> None:
    query = {
        "response_type": "code",
        "client_id": "pulsemesh-mobile",
        "redirect_uri": "org.pulsemesh.mobile:/callback",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
    }
    shown = await browser.sign_in(f"/oauth/authorize?{urlencode(query)}")
    assert "Let Pulsemesh for phones in?" in shown.text
    assert "form-action 'self' org.pulsemesh.mobile:;" in shown.headers["content-security-policy"]


async def test_the_session_of_a_browser_is_in_the_list_of_sessions(
    provider: Provider, app: ThirdParty, browser: Browser
) -> None:
    from pulsemesh.auth.v1 import session_service_pb2 as wire

    await browser.sign_in(app.address())
    ann = await provider.rig.sign_in()
    listed = await provider.rig.sessions.ListSessions(wire.ListSessionsRequest(), metadata=bearer(ann))
    ours = next(each for each in listed.sessions if each.client_id == "pulsemesh-pages")
    await provider.rig.sessions.EndSession(
        wire.EndSessionRequest(session_id=ours.session_id), metadata=bearer(ann)
    )
    assert 'name="password"' in (await browser.open(app.address())).text
