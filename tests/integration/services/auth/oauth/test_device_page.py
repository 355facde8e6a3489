"""Typing a device's code in a browser."""

from __future__ import annotations

import pytest

from services.auth.oauth.device_pairing import GUESSES_OF_PERSON
from tests.integration.services.auth.oauth.conftest import EDGE, Browser, Provider


@pytest.fixture(autouse=True)
async def _ann(provider: Provider) -> None:
    await provider.rig.sign_up()


async def test_a_person_lets_a_device_in(provider: Provider, browser: Browser) -> None:
    begun = await provider.begin_device(device_name="shed")
    await browser.sign_in("/oauth/device")
    await browser.send("look", user_code=begun["user_code"].lower().replace("-", " "))
    done = await browser.send("allow")
    assert "The device is let in." in done.text
    assert (await provider.poll(begun)).json()["scope"] == "ingest workout.read"


async def test_a_person_turns_a_device_away(provider: Provider, browser: Browser) -> None:
    begun = await provider.begin_device()
    await browser.sign_in("/oauth/device")
    await browser.send("look", user_code=begun["user_code"])
    await browser.send("deny")
    assert (await provider.poll(begun)).json()["error"] == "access_denied"


async def test_the_page_names_client_device_scopes_and_warns_of_phishing(
    provider: Provider, browser: Browser
) -> None:
    begun = await provider.begin_device(device_name="shed <b>")
    await browser.sign_in("/oauth/device")
    shown = (await browser.send("look", user_code=begun["user_code"])).text
    assert "Pulsemesh sensor gateway on a device that calls itself “shed &lt;b&gt;” asks to:" in shown
    assert "Record workouts for you and send files" in shown
    assert "127.0.0.0/24" in shown
    assert "If somebody sent you this code or asked you to type it, refuse" in shown


async def test_the_page_speaks_the_browsers_language(provider: Provider, browser: Browser) -> None:
    begun = await provider.begin_device()
    browser.http.headers["accept-language"] = "fr, ru-RU;q=0.9, en;q=0.5"
    await browser.sign_in("/oauth/device")
    shown = (await browser.send("look", user_code=begun["user_code"])).text
    assert "Записывать ваши тренировки" in shown
    assert 'lang="ru"' in shown


async def test_following_a_link_confirms_nothing(provider: Provider, browser: Browser) -> None:
    begun = await provider.begin_device()
    shown = await browser.sign_in(f"/oauth/device?user_code={begun['user_code']}")
    assert f'value="{begun["user_code"]}"' in shown.text
    assert (await provider.poll(begun)).json()["error"] == "authorization_pending"


async def test_a_form_of_another_site_lets_no_device_in(provider: Provider, browser: Browser) -> None:
    begun = await provider.begin_device()
    await browser.sign_in("/oauth/device")
    data = {"action": "allow", "user_code": begun["user_code"]}
    assert (await browser.http.post("/oauth/device", data=data)).status_code == 403
    headers = {"origin": "https://evil.example"}
    assert (await browser.send("allow", headers=headers, user_code=begun["user_code"])).status_code == 403
    assert (await provider.poll(begun)).json()["error"] == "authorization_pending"


async def test_guessing_codes_in_a_browser_is_slowed_down(provider: Provider, browser: Browser) -> None:
    begun = await provider.begin_device()
    await browser.sign_in("/oauth/device")
    for _ in range(GUESSES_OF_PERSON.free + 1):
        assert (await browser.send("look", user_code="BBBB-BBBB")).status_code == 404
    assert (await browser.send("look", user_code=begun["user_code"])).status_code == 429


async def test_a_code_of_nonsense_is_unknown(browser: Browser) -> None:
    await browser.sign_in("/oauth/device")
    assert (await browser.send("look", user_code="<script>")).status_code == 404


async def test_a_device_name_that_cannot_be_shown_is_refused(provider: Provider) -> None:
    for name in ("a\u202egpj.exe", "x" * 81):
        form = {"client_id": EDGE, "device_name": name}
        answer = await provider.http.post("/oauth/device_authorization", data=form)
        assert answer.json()["error"] == "invalid_request"
