"""The moment at which an account comes into being, whichever way a person came."""

from __future__ import annotations

from sqlalchemy import Connection

from pulsemesh.ulid import new_ulid
from services.auth import events
from services.auth.store import accounts, sign_ups
from services.auth.store.accounts import ACTIVE, Account
from services.chassis import outbox


def create_account(
    conn: Connection,
    *,
    cell: str,
    email: str,
    password_hash: str | None,
    country: str,
    language: str,
    birth_date: str | None,
    at_least_years: int,
    now_ms: int,
) -> Account | None:
    """Store function: make the account of a person whose address is proved; None when it has one.

    Args:
        email: normalised.
        password_hash: None for a person who signs in by other means.
        birth_date: "2001-09-30"; None when the person only said that they are old enough.
        at_least_years: how old they are at the least.
    """
    account = Account(
        user_id=f"{cell}_{new_ulid(now_ms)}",
        email=email,
        password_hash=password_hash,
        password_changed_ms=None if password_hash is None else now_ms,
        country=country,
        language=language,
        birth_date=birth_date,
        at_least_years=at_least_years,
        state=ACTIVE,
        created_ms=now_ms,
        deletion_requested_ms=None,
    )
    if not accounts.add(conn, account):
        return None
    # Whoever else signed up with the address did not prove it: those are over.
    sign_ups.remove_of(conn, email)
    outbox.append(
        conn,
        events.account_created(account.user_id, country, language, at_least_years, now_ms),
        events.email_verified(account.user_id, now_ms),
    )
    return account
