"""Believing an ID token (OpenID Connect Core, section 3.1.3.7). Pure: keys and time come from the caller."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.auth.federation.errors import ProviderRefused
from services.auth.sign_in_settings import ProviderSettings

SKEW_S = 60
OLDEST_S = 600
"""A token comes straight from the token endpoint: one from earlier is somebody's souvenir."""
MAX_TOKEN_CHARACTERS = 32_768
_MAX_SUBJECT = 255
_KEY_TYPES = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
_HASHES = {"256": "sha256", "384": "sha384", "512": "sha512", "Ed25519": "sha512"}


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a provider says that it was.

    Attributes:
        subject: its name for the person: this alone says who it is.
        email: as the provider gives it; empty when it gives none.
        email_verified: the provider says that it is theirs.
    """

    issuer: str
    subject: str
    email: str
    email_verified: bool


def key_id_of(id_token: str) -> str | None:
    """The key that a token says it is signed with; None when it names none.

    Raises:
        ProviderRefused: it is no token.
    """
    header = _header(id_token)
    key_id = header.get("kid")
    return key_id if isinstance(key_id, str) else None


def identity_of(
    id_token: str, settings: ProviderSettings, keys: KeySet, *, nonce: str, access_token: str, now_s: float
) -> Identity:
    """Whom a token names, once it is proved to be this provider's, for us, and for this attempt.

    Raises:
        ProviderRefused: it is not.
    """
    header = _header(id_token)
    claims = _signed_claims(id_token, header, settings, keys)
    _require(claims.get("iss") == settings.issuer_url, "another issuer's token")
    _require_audience(claims, settings.client_id)
    _require_time(claims, now_s)
    given = claims.get("nonce")
    right_nonce = isinstance(given, str) and hmac.compare_digest(given.encode(), nonce.encode())
    _require(right_nonce, "the token of another attempt")
    if "at_hash" in claims:
        expected = access_token_hash(access_token, str(header["alg"]))
        _require(claims["at_hash"] == expected, "the token of another access token")
    subject = claims.get("sub")
    _require(isinstance(subject, str) and 0 < len(subject) <= _MAX_SUBJECT, "a token of nobody")
    email = claims.get("email")
    said = claims.get("email_verified")
    verified = said is True or said == "true"  # Apple writes the word
    return Identity(settings.issuer_url, str(subject), email if isinstance(email, str) else "", verified)


def access_token_hash(access_token: str, algorithm: str) -> str:
    """The claim `at_hash`: the left half of the access token's hash."""
    name = _HASHES[algorithm if algorithm in _HASHES else algorithm[-3:]]
    digest = hashlib.new(name, access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _signed_claims(
    id_token: str, header: Mapping[str, Any], settings: ProviderSettings, keys: KeySet
) -> dict[str, Any]:
    algorithm, key_id = header.get("alg"), header.get("kid")
    # Our list, not the token's word: "none", and keyed hashes with a public key for the key, end here.
    _require(algorithm in settings.algorithms, "an algorithm that is not taken")
    fitting = [
        key
        for key in keys.keys
        if (key_id is None or key.kid == key_id)
        and key.get("alg") in (None, algorithm)
        and key.key_type == _KEY_TYPES[str(algorithm)[:2]]
    ]
    # Without a key id there must be nothing to choose from.
    _require(len(fitting) == 1, "no key, or no single key, that fits")
    try:
        # Headers beyond ours, such as Apple's, are no reason to refuse; `jku`, `jwk` and `x5u` are never
        # looked at: keys come from where the settings say.
        registry = jws.JWSRegistry(algorithms=[str(algorithm)], strict_check_header=False)
        signed = jws.deserialize_compact(id_token, fitting[0], registry=registry)
        claims = json.loads(signed.payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise ProviderRefused("a signature that is not the provider's") from None
    _require(isinstance(claims, dict), "no claims")
    return dict(claims)


def _require_audience(claims: Mapping[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    # Others that may use the token beside us are others that could have got it for themselves.
    _require(audience in (client_id, [client_id]), "a token for somebody else")
    _require(claims.get("azp", client_id) == client_id, "a token that somebody else asked for")


def _require_time(claims: Mapping[str, Any], now_s: float) -> None:
    expires, issued, earliest = claims.get("exp"), claims.get("iat"), claims.get("nbf", 0)
    _require(_is_time(expires) and float(str(expires)) + SKEW_S > now_s, "a token that is over")
    _require(_is_time(issued), "a token without a time")
    age_s = now_s - float(str(issued))
    _require(-SKEW_S <= age_s <= OLDEST_S, "a token from another time")
    _require(_is_time(earliest) and float(str(earliest)) - SKEW_S <= now_s, "a token from another time")


def _is_time(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def _header(id_token: str) -> dict[str, Any]:
    _require(len(id_token) <= MAX_TOKEN_CHARACTERS and id_token.count(".") == 2, "no token")
    first = id_token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (ValueError, RecursionError):
        raise ProviderRefused("no token") from None
    _require(isinstance(header, dict) and isinstance(header.get("alg"), str), "no token")
    _require("crit" not in header, "a token with demands of its own")
    return dict(header)


def _require(held: object, otherwise: str) -> None:
    if not held:
        raise ProviderRefused(otherwise)
