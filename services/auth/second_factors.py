"""Which second proofs a person has."""

from __future__ import annotations

from sqlalchemy import Connection

from services.auth.passkeys import store as passkey_store
from services.auth.totp import store as totp_store

STRONG_METHODS = frozenset({"otp", "rec", "hwk", "swk", "mfa"})
"""Names of RFC 8176 (and "rec", a recovery code) that need no second proof beside them."""


def second_factors_of(conn: Connection, user_id: str) -> tuple[str, ...]:
    """Store function: "totp", "recovery_code", "passkey", as far as the person has them; else empty.

    A passkey alone is a way to sign in, not a duty: it is a second proof beside an app for codes, or where
    the person said that it shall be.
    """
    row = totp_store.find(conn, user_id)
    passkeys = passkey_store.count(conn, user_id)
    totp = row.totp_secret is not None
    if not totp and not (row.passkey_required and passkeys):
        return ()
    held = [name for name, has in (("totp", totp), ("passkey", passkeys)) if has]
    if totp_store.codes_left(conn, user_id):
        held.append("recovery_code")
    return tuple(held)
