"""Secrets that a caller brings back: made here, kept as hashes alone.

A token has 256 random bits, so a plain SHA-256 is enough: there is nothing to guess, and nothing to slow
down. Codes of six digits are another matter; see `services.auth.vault`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets

CODE_DIGITS = 6


def new_token(prefix: str) -> str:
    """A new token; the prefix says what it is to whoever finds it, in a log for example."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def new_code() -> str:
    """Six random digits."""
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def fingerprint(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def successor(token: str, salt: bytes) -> str:
    """The token after `token`: always the same for the same salt, and unknown without both."""
    prefix = token.partition("_")[0]
    mac = hmac.digest(token.encode("ascii"), salt, "sha256")
    return f"{prefix}_{base64.urlsafe_b64encode(mac).rstrip(b'=').decode('ascii')}"
