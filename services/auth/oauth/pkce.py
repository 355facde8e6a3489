"""Proof key for code exchange (RFC 7636), by SHA-256 alone: a code is of no use to whoever intercepts it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

METHOD = "S256"
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def is_challenge(text: str) -> bool:
    """Whether it can be the hash of a verifier."""
    return _CHALLENGE.fullmatch(text) is not None


def challenge_of(verifier: str) -> str:
    """What a client sends ahead of its verifier."""
    digest = hashlib.sha256(verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def matches(challenge: str, verifier: str) -> bool:
    """Whether whoever has the verifier made the challenge."""
    return _VERIFIER.fullmatch(verifier) is not None and hmac.compare_digest(
        challenge_of(verifier), challenge
    )
