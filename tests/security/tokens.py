"""Tokens of every kind, good and bad, signed by keys of the test's own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

ISSUER = "pulsemesh-eu"
LIFETIME_S = 600


class TokenMint:
    """An issuer that the platform under test believes, and forgers that it should not."""

    def __init__(self) -> None:
        self._key = ECKey.generate_key("P-256", auto_kid=True)
        self._forger = ECKey.generate_key("P-256", auto_kid=True)

    def publish(self, path: Path) -> Path:
        """Write the key set that the platform reads."""
        key = {**self._key.as_dict(private=False), "kid": self._key.kid, "alg": "ES256", "use": "sig"}
        path.write_text(json.dumps({"keys": [key]}))
        return path

    def claims(
        self, subject: str, kind: str, scopes: frozenset[str] | set[str], **more: Any
    ) -> dict[str, Any]:
        """The claims of a good token, with `more` on top; a value of None leaves a claim out."""
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": "pulsemesh",
            "sub": subject,
            "iat": now,
            "nbf": now - 1,
            "exp": now + LIFETIME_S,
            "jti": hashlib.sha256(f"{subject}{now}".encode()).hexdigest()[:16],
            "kind": kind,
            "scope": " ".join(sorted(scopes)),
            "client_id": "tests",
        }
        return {name: value for name, value in {**claims, **more}.items() if value is not None}

    def signed(self, claims: dict[str, Any], **header: Any) -> str:
        """A token with our key's signature."""
        return self._sign(self._key, claims, header)

    def forged(self, claims: dict[str, Any], **header: Any) -> str:
        """A token that names our key and was signed by another."""
        return self._sign(self._forger, claims, header)

    def unsigned(self, claims: dict[str, Any]) -> str:
        """A token of the algorithm "none"."""
        return f"{_encoded({'alg': 'none', 'kid': self._key.kid, 'typ': 'at+jwt'})}.{_encoded(claims)}."

    def signed_with_the_public_key(self, claims: dict[str, Any]) -> str:
        """A token of HS256, whose secret is what everybody can read."""
        header = {"alg": "HS256", "kid": self._key.kid, "typ": "at+jwt"}
        body = f"{_encoded(header)}.{_encoded(claims)}"
        secret = json.dumps(self._key.as_dict(private=False)).encode()
        signature = hmac.new(secret, body.encode(), hashlib.sha256).digest()
        return f"{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"

    def altered(self, claims: dict[str, Any], changed: dict[str, Any]) -> str:
        """A good token whose claims were exchanged after it was signed."""
        header, _, signature = self.signed(claims).split(".")
        return f"{header}.{_encoded(changed)}.{signature}"

    def _sign(self, key: ECKey, claims: dict[str, Any], header: dict[str, Any]) -> str:
        whole = {"alg": "ES256", "kid": self._key.kid, "typ": "at+jwt", **header}
        return jwt.encode(whole, claims, key, algorithms=["ES256"])


def _encoded(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def user_id(seed: str, cell: str = "eu") -> str:
    """A person of a cell, another for each seed."""
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    digest = hashlib.sha256(seed.encode()).digest()
    return f"{cell}_0" + "".join(alphabet[byte & 31] for byte in digest[:25])
