"""Which second proofs a person has."""

from __future__ import annotations

from sqlalchemy import Connection

STRONG_METHODS = frozenset({"otp", "rec", "hwk", "swk", "mfa"})
"""Names of RFC 8176 (and "rec", a recovery code) that need no second proof beside them."""


def second_factors_of(conn: Connection, user_id: str) -> tuple[str, ...]:
    """Store function: "totp", "recovery_code", "passkey", as far as the person has them; else empty."""
    return ()
