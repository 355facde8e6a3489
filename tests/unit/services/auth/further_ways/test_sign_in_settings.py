"""Settings of the further ways in: what would be a hole is refused at the start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import ValidationError

from services.auth.federation.provider import ClientCredentials
from services.auth.sign_in_settings import ProviderSettings, SignInSettings

GENERIC: dict[str, Any] = {"name": "p", "issuer": "https://id.example.org", "client_id": "c"}
APPLE: dict[str, Any] = {
    "name": "apple",
    "preset": "apple",
    "client_id": "org.example.app",
    "private_key_file": "key.pem",
    "team_id": "TEAM",
    "key_id": "KEY",
}


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "http://id.example.org"},
        {"issuer": ""},
        {"algorithms": ["none"]},
        {"algorithms": ["HS256"]},
        {"algorithms": []},
        {"name": "No Name"},
        {"team_id": "T"},
        {"preset": "apple"},
        {"secret": "in the settings"},
    ],
)
def test_a_provider_that_would_be_a_hole_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ProviderSettings(**(GENERIC | change))


def test_presets_know_their_issuer_and_vouch_for_addresses() -> None:
    google = ProviderSettings(name="google", preset="google", client_id="c")
    assert (google.issuer_url, google.vouches) == ("https://accounts.google.com", True)
    assert ProviderSettings(**APPLE).issuer_url == "https://appleid.apple.com"
    assert not ProviderSettings(**GENERIC).vouches


def test_several_providers_need_redirect_uris_of_their_own() -> None:
    two = [
        ProviderSettings(**GENERIC),
        ProviderSettings(**(GENERIC | {"name": "q", "issuer": "https://q.org"})),
    ]
    with pytest.raises(ValidationError):
        SignInSettings(providers=tuple(two), provider_redirect_uris=("https://app.example.org/back",))
    SignInSettings(providers=tuple(two), provider_redirect_uris=("https://app.example.org/back/{provider}",))


def test_two_names_for_one_issuer_are_refused() -> None:
    twice = [ProviderSettings(**GENERIC), ProviderSettings(**(GENERIC | {"name": "q"}))]
    with pytest.raises(ValidationError):
        SignInSettings(providers=tuple(twice))


@pytest.mark.parametrize("uri", ["http://app.example.org/back", "javascript:alert(1)", "https://a.org/#x"])
def test_people_are_not_sent_back_in_the_clear(uri: str) -> None:
    with pytest.raises(ValidationError):
        SignInSettings(provider_redirect_uris=(uri,))


@pytest.mark.parametrize("uri", ["https://app.org/back", "org.example.app:/back", "http://127.0.0.1:7/back"])
def test_pages_apps_and_this_machine_are_places_to_come_back_to(uri: str) -> None:
    SignInSettings(provider_redirect_uris=(uri,))


@pytest.mark.parametrize("origin", ["https://evil.org", "http://app.example.org", "https://notexample.org"])
def test_passkeys_are_used_at_their_domain_alone(origin: str) -> None:
    with pytest.raises(ValidationError):
        SignInSettings(passkey_domain="example.org", passkey_origins=(origin,))
    SignInSettings(passkey_domain="example.org", passkey_origins=("https://app.example.org",))


def test_the_client_secret_of_apple_is_a_token_that_we_sign(tmp_path: Path) -> None:
    key = ECKey.generate_key("P-256")
    (tmp_path / "key.pem").write_bytes(key.as_pem(private=True))
    settings = ProviderSettings(**(APPLE | {"private_key_file": str(tmp_path / "key.pem")}))
    secret = ClientCredentials(settings, lambda: 1_780_000_000).secret()
    token = jwt.decode(secret or "", key, algorithms=["ES256"])
    assert token.header["kid"] == "KEY"
    assert token.claims == {
        "iss": "TEAM",
        "iat": 1_780_000_000,
        "exp": 1_780_000_300,
        "aud": "https://appleid.apple.com",
        "sub": "org.example.app",
    }
