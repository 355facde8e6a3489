"""Codes: those that an app shows, and those for the day on which it is gone. Pure functions."""

from __future__ import annotations

import hashlib
import hmac
import secrets

import pyotp

STEP_S = 30
WINDOW = 1
"""Steps before and after ours whose codes are taken too: clocks of phones differ, and people type slowly."""
RECOVERY_CODES = 10
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_GROUPS, _GROUP = 4, 4
_ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})


def new_secret() -> str:
    """A secret of 160 bits in base 32, as RFC 4226 recommends."""
    return pyotp.random_base32(32)


def otpauth_uri(secret: str, account: str, issuer: str) -> str:
    """What apps read from a QR code.

    Args:
        account: how the app calls the account: the address.
        issuer: the platform's name.
    """
    return pyotp.TOTP(secret, interval=STEP_S).provisioning_uri(name=account, issuer_name=issuer)


def code_at(secret: str, step: int) -> str:
    """The code of a step."""
    return pyotp.TOTP(secret, interval=STEP_S).generate_otp(step)


def accepted_step(secret: str, code: str, now_ms: int, last_step: int) -> int | None:
    """The step whose code it is, None when it is of none that may be taken.

    Args:
        last_step: the last that was taken: neither it nor an earlier one is taken again, so that a code that
            somebody saw over a shoulder is worth nothing.
    """
    present = now_ms // 1000 // STEP_S
    found = None
    for step in range(max(present - WINDOW, 0), present + WINDOW + 1):
        # All are compared, whatever comes of the first: the answer's time says nothing.
        right = hmac.compare_digest(code_at(secret, step).encode(), code.encode("utf-8", "surrogatepass"))
        if right and step > last_step and found is None:
            found = step
    return found


def new_recovery_code() -> str:
    """80 random bits: "7QXW-0V2M-…"."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))


def recovery_fingerprint(user_id: str, code: str) -> bytes:
    """What is kept of a recovery code; the same however it was typed.

    80 random bits cannot be tried, so a plain hash does; the user id keeps one from being compared with all
    people's.
    """
    plain = code.upper().translate(_ALIKE)
    return hashlib.sha256(f"recovery code\0{user_id}\0{plain}".encode("utf-8", "surrogatepass")).digest()
