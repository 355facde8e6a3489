"""ID tokens: only a provider's own, for us, now, for this attempt, by a key and an algorithm that we take."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from services.auth.federation.errors import ProviderRefused
from services.auth.federation.id_tokens import Identity, access_token_hash, identity_of, key_id_of
from services.auth.federation.metadata import key_set
from services.auth.sign_in_settings import ProviderSettings

ISSUER, CLIENT, NONCE, NOW_S = "https://id.example.org", "client", "nonce-1", 1_780_000_000
SETTINGS = ProviderSettings(name="p", issuer=ISSUER, client_id=CLIENT)
KEY = ECKey.generate_key("P-256", {"kid": "k1", "use": "sig"})
OTHER = ECKey.generate_key("P-256", {"kid": "k2", "use": "sig"})
RSA = RSAKey.generate_key(2048, {"kid": "r1", "use": "sig"})
CLAIMS: dict[str, Any] = {
    "iss": ISSUER,
    "aud": CLIENT,
    "sub": "person",
    "nonce": NONCE,
    "iat": NOW_S - 5,
    "exp": NOW_S + 300,
    "email": "ann@example.org",
    "email_verified": True,
}


def published(*keys: Any) -> KeySet:
    return key_set([key.as_dict(private=False) for key in keys])


def signed(key: Any = KEY, alg: str = "ES256", header: dict[str, Any] | None = None, **claims: Any) -> str:
    told = {name: value for name, value in (CLAIMS | claims).items() if value is not None}
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jwt.encode({"alg": alg, "kid": key.kid} | (header or {}), told, key, registry=registry)


def believed(token: str, keys: KeySet | None = None, settings: ProviderSettings = SETTINGS) -> Identity:
    found = published(KEY, OTHER, RSA) if keys is None else keys
    return identity_of(token, settings, found, nonce=NONCE, access_token="access", now_s=NOW_S)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def by_hand(header: dict[str, Any], signature: bytes = b"", secret: bytes | None = None) -> str:
    """A token that no library would make."""
    first = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(CLAIMS).encode())}"
    if secret is not None:
        signature = hmac.new(secret, first.encode(), hashlib.sha256).digest()
    return f"{first}.{b64(signature)}"


@pytest.mark.parametrize(("key", "alg"), [(KEY, "ES256"), (RSA, "RS256")])
def test_an_honest_token_names_its_person(key: Any, alg: str) -> None:
    assert believed(signed(key, alg)) == Identity(ISSUER, "person", "ann@example.org", True)


def test_other_headers_are_passed_over() -> None:
    assert believed(signed(header={"typ": "JWT", "x-of-theirs": "1"})).subject == "person"


def test_a_token_without_a_signature_is_refused() -> None:
    for alg in ("none", "None", "NONE"):
        with pytest.raises(ProviderRefused):
            believed(by_hand({"alg": alg, "kid": "k1"}))


@pytest.mark.parametrize("alg", ["HS256", "ES256", "RS256"])
def test_a_public_key_is_no_secret(alg: str) -> None:
    """The classic confusion: a keyed hash whose key is the published one."""
    for secret in (KEY.as_pem(private=False), RSA.as_pem(private=False), b"the client secret", b""):
        with pytest.raises(ProviderRefused):
            believed(by_hand({"alg": alg, "kid": "k1"}, secret=secret))


def test_symmetric_keys_that_are_published_are_no_keys() -> None:
    secret = b"0" * 32
    listed = [{"kty": "oct", "k": b64(secret), "kid": "k1"}, KEY.as_dict(private=True)]
    assert key_set(listed).keys == []


def test_an_algorithm_that_the_settings_do_not_take_is_refused() -> None:
    only_rsa = ProviderSettings(name="p", issuer=ISSUER, client_id=CLIENT, algorithms=("RS256",))
    with pytest.raises(ProviderRefused):
        believed(signed(), settings=only_rsa)


def test_a_key_for_another_algorithm_is_not_used() -> None:
    bound = published(RSA.import_key(RSA.as_dict(private=True) | {"alg": "PS256"}))
    with pytest.raises(ProviderRefused):
        believed(signed(RSA, "RS256"), bound)


def test_a_key_for_encryption_signs_nothing() -> None:
    for_encryption = KEY.as_dict(private=False) | {"use": "enc"}
    with pytest.raises(ProviderRefused):
        believed(signed(), key_set([for_encryption]))


def test_a_token_by_another_of_the_providers_keys_than_it_names_is_refused() -> None:
    with pytest.raises(ProviderRefused):
        believed(signed(OTHER, header={"kid": "k1"}))


def test_a_token_by_a_key_of_somebody_else_under_a_known_name_is_refused() -> None:
    strange = ECKey.generate_key("P-256", {"kid": "k1"})
    with pytest.raises(ProviderRefused):
        believed(signed(strange))


@pytest.mark.parametrize("named", ["jwk", "jku", "x5u"])
def test_a_key_that_the_token_brings_along_is_not_looked_at(named: str) -> None:
    strange = ECKey.generate_key("P-256", {"kid": "mine"})
    brought = strange.as_dict(private=False) if named == "jwk" else "https://attacker.example/keys"
    with pytest.raises(ProviderRefused):
        believed(signed(strange, header={named: brought}))


def test_without_a_name_of_the_key_there_must_be_one_key_alone() -> None:
    token = jwt.encode({"alg": "ES256"}, CLAIMS, KEY)
    assert believed(token, published(KEY)).subject == "person"
    with pytest.raises(ProviderRefused):
        believed(token, published(KEY, OTHER))


def test_two_keys_of_one_name_are_none() -> None:
    twin = ECKey.generate_key("P-256", {"kid": "k1"})
    with pytest.raises(ProviderRefused):
        believed(signed(), published(KEY, twin))


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://id.example.org/"},
        {"iss": None},
        {"aud": "another"},
        {"aud": [CLIENT, "another"]},
        {"aud": []},
        {"aud": None},
        {"azp": "another"},
        {"nonce": "nonce-2"},
        {"nonce": None},
        {"nonce": 1},
        {"exp": NOW_S - 61},
        {"exp": None},
        {"exp": "never"},
        {"exp": True},
        {"iat": NOW_S + 61},
        {"iat": NOW_S - 601},
        {"iat": None},
        {"nbf": NOW_S + 61},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"at_hash": access_token_hash("another", "ES256")},
    ],
)
def test_a_token_that_says_something_else_is_refused(claims: dict[str, Any]) -> None:
    with pytest.raises(ProviderRefused):
        believed(signed(**claims))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [CLIENT]},
        {"azp": CLIENT},
        {"exp": NOW_S - 59},
        {"iat": NOW_S + 59},
        {"at_hash": access_token_hash("access", "ES256")},
    ],
)
def test_what_is_allowed_is_taken(claims: dict[str, Any]) -> None:
    assert believed(signed(**claims)).subject == "person"


@pytest.mark.parametrize(
    ("said", "verified"), [(True, True), ("true", True), (False, False), (1, False), ("yes", False)]
)
def test_an_address_is_verified_only_when_it_is_said_so(said: Any, verified: bool) -> None:
    assert believed(signed(email_verified=said)).email_verified is verified


def test_the_hash_of_an_access_token_is_the_standards_own() -> None:
    # The left half of SHA-256 over the text, by hand.
    expected = b64(hashlib.sha256(b"access").digest()[:16])
    assert access_token_hash("access", "RS256") == expected
    assert access_token_hash("access", "Ed25519") == b64(hashlib.sha512(b"access").digest()[:32])


@given(st.text(max_size=300) | st.binary(max_size=300).map(lambda data: f"{b64(data)}.{b64(data)}.e30"))
def test_whatever_a_provider_sends_is_refused_or_believed(token: str) -> None:
    for read in (believed, key_id_of):
        try:
            read(token)
        except ProviderRefused:
            continue


@given(st.integers(0, 2**32), st.integers(1, 255))
def test_a_token_whose_signed_bytes_were_changed_is_refused(at: int, change: int) -> None:
    header, claims, signature = signed().split(".")
    changed = bytearray(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    changed[at % len(changed)] ^= change
    with pytest.raises(ProviderRefused):
        believed(f"{header}.{b64(bytes(changed))}.{signature}")


@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: st.dictionaries(st.sampled_from(["kty", "kid", "x", "n", "crv", "use"]), inner),
            max_leaves=6,
        ),
        max_size=4,
    )
)
def test_broken_keys_do_not_spoil_the_others(listed: list[Any]) -> None:
    found = key_set([*listed, KEY.as_dict(private=False)])
    assert "k1" in {key.kid for key in found.keys}


def test_ed25519_is_taken_where_the_settings_say_so() -> None:
    key = OKPKey.generate_key("Ed25519", {"kid": "e1"})
    taken = ProviderSettings(name="p", issuer=ISSUER, client_id=CLIENT, algorithms=("Ed25519",))
    assert believed(signed(key, "Ed25519"), published(key), taken).subject == "person"
