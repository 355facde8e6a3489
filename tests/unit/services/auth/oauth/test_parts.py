"""The parts of the provider that need no server: codes, addresses, parameters, keys, texts, scopes."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import pulsemesh
from services.auth.oauth import parameters, pkce, redirecting, user_codes
from services.auth.oauth.api_keys import is_whole, with_checksum
from services.auth.oauth.client_authentication import read_credentials
from services.auth.oauth.errors import OAuthError
from services.auth.oauth.first_party import first_party_clients
from services.auth.oauth.service_clients import load_service_clients
from services.auth.oauth.web.metadata import metadata_document
from services.auth.oauth.web.texts import language_of, names, text
from services.auth.scopes import PERSON_SCOPES, THIRD_PARTY_SCOPES
from services.auth.secret_tokens import new_token
from services.chassis.policy import default_registry
from services.chassis.settings import SettingsError


def test_codes_are_read_however_they_are_typed() -> None:
    code = user_codes.new_user_code()
    for typed in (code, user_codes.shown(code), code.lower(), f" {code[:3]} {code[3:]}\t"):
        assert user_codes.normalised(typed) == code


@given(st.text(max_size=40))
def test_what_is_no_code_is_none(typed: str) -> None:
    found = user_codes.normalised(typed)
    assert found is None or (len(found) == user_codes.LENGTH and set(found) <= set(user_codes.ALPHABET))


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example.org/callback",
        "https://app.example.org:8443/callback?tenant=1",
        "http://127.0.0.1/callback",
        "http://[::1]:4711/callback",
        "org.example.app:/callback",
    ],
)
def test_addresses_that_can_be_registered(uri: str) -> None:
    assert redirecting.problem_of(uri) is None
    assert redirecting.same(uri, uri)


@pytest.mark.parametrize(
    "uri",
    [
        "http://app.example.org/callback",
        "http://localhost/callback",
        "http://127.0.0.1.evil.example/",
        "http://127.0.0.1@evil.example/",
        "https://*.example.org/",
        "https://user@app.example.org/",
        "https://app.example.org/#fragment",
        "https://app.example.org/\\evil",
        "https://app.example.org/ x",
        "https://localhost/",
        "javascript:alert(1)",
        "data:text/html,x",
        "app:/callback",
        "",
        "https://app.example.org/" + "x" * 400,
    ],
)
def test_addresses_that_cannot_be_registered(uri: str) -> None:
    assert redirecting.problem_of(uri) is not None


@pytest.mark.parametrize(
    ("given_uri", "same"),
    [
        ("http://127.0.0.1:4711/callback", True),
        ("http://127.0.0.1/callback", True),
        ("http://127.0.0.1:4711/callback/", False),
        ("http://127.0.0.1:4711/other", False),
        ("http://[::1]:4711/callback", False),
        ("http://localhost:4711/callback", False),
        ("https://127.0.0.1:4711/callback", False),
        ("http://127.0.0.1:4711@evil.example/callback", False),
        ("http://127.0.0.1.evil.example/callback", False),
        ("http://127.0.0.1:/callback", False),
    ],
)
def test_only_the_port_of_a_loopback_address_is_free(given_uri: str, same: bool) -> None:
    assert redirecting.same("http://127.0.0.1/callback", given_uri) is same


@given(st.text(max_size=60))
def test_no_text_but_its_own_is_an_address_of_the_web(text_: str) -> None:
    registered = "https://app.example.org/callback"
    assert redirecting.same(registered, registered + text_) is (text_ == "")
    assert redirecting.same(registered, text_) is (text_ == registered)


def test_a_verifier_matches_its_own_challenge_alone() -> None:
    # The example of RFC 7636, appendix B.
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert pkce.challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    assert pkce.matches(pkce.challenge_of(verifier), verifier)
    assert not pkce.matches(pkce.challenge_of(verifier), verifier + "x")
    assert not pkce.matches(pkce.challenge_of("short"), "short")


@given(st.text(max_size=200))
def test_any_query_is_read_or_refused(query: str) -> None:
    try:
        found = parameters.read(query)
    except OAuthError:
        return
    assert all(found.values())


@given(st.text(max_size=100))
def test_any_authorization_header_is_read_or_refused(header: str) -> None:
    with pytest.raises(OAuthError):
        read_credentials(f"Digest {header}", {})
    try:
        assert read_credentials(f"Basic {header}", {}).secret is not None
    except OAuthError:
        return


def test_a_key_knows_its_checksum() -> None:
    key = with_checksum(new_token("pmk"))
    assert is_whole(key)
    assert not is_whole(key[:-1] + ("A" if key[-1] != "A" else "B"))
    assert not is_whole("pmk_")


def test_there_are_the_same_texts_in_every_language() -> None:
    assert names("en") == names("ru")
    assert language_of("ru") == "ru"
    assert language_of("de, fr;q=0.5") == "en"
    assert text("en", "signed_in_as", email="a@b") == "You are signed in as a@b."


def test_our_own_programs_are_public_and_can_take_no_account_over_by_a_code() -> None:
    clients = first_party_clients("https://auth.example.org")
    assert all(not client.confidential and client.first_party for client in clients.values())
    typed = [client for client in clients.values() if any("device_code" in grant for grant in client.grants)]
    assert len(typed) == 2
    assert all(not client.scopes & {"account", "rights", "consent.write"} for client in typed)


def test_the_scopes_of_the_contracts_are_those_that_exist() -> None:
    folder = Path(pulsemesh.__path__[0])
    modules = [
        ".".join(("pulsemesh", *path.relative_to(folder).with_suffix("").parts))
        for path in folder.glob("*/v1/*_service_pb2.py")
    ]
    services = [
        service.full_name
        for module in modules
        for service in importlib.import_module(module).DESCRIPTOR.services_by_name.values()
    ]
    policies = [method.policy for method in default_registry().methods(services)]
    used = {scope for policy in policies if policy is not None for scope in policy.scopes}
    assert {"ingest", "account"} <= used <= PERSON_SCOPES


def test_the_metadata_list_what_other_peoples_programs_may_have() -> None:
    document = metadata_document("https://auth.example.org")
    assert set(document["scopes_supported"]) == THIRD_PARTY_SCOPES
    assert not {"account", "rights", "consent.write"} & THIRD_PARTY_SCOPES


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"Importer": {"secret_sha256": "00" * 32}},
        {"importer": {"secret_sha256": "00" * 31}},
        {"importer": {"secret_sha256": "no"}},
        {"importer": {"scopes": ["workout.read"]}},
        {"importer": {"secret_sha256": "00" * 32, "scopes": ["nothing.such"]}},
        {"importer": {"secret_sha256": "00" * 32, "secret": "x"}},
        {"importer": None},
    ],
)
def test_a_file_of_services_that_makes_no_sense_is_refused(tmp_path: Path, document: object) -> None:
    path = tmp_path / "services.json"
    path.write_text(json.dumps(document))
    with pytest.raises(SettingsError, match="SERVICE_CLIENTS_FILE"):
        load_service_clients(path)
