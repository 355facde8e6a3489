"""Accounts, in the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from services.auth.tables import accounts
from services.chassis.database import insert_for

ACTIVE = 1
DELETING = 2
"""The person asked for erasure: nobody signs in any more."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account. Times are milliseconds since 1970 UTC."""

    user_id: str
    email: str | None
    password_hash: str | None
    password_changed_ms: int | None
    country: str
    language: str
    birth_date: str | None
    at_least_years: int
    state: int
    created_ms: int
    deletion_requested_ms: int | None

    @property
    def active(self) -> bool:
        """Whether it can be signed in to."""
        return self.state == ACTIVE


def add(conn: Connection, account: Account) -> bool:
    """Keep a new account; False when its address has one already."""
    values = {name: getattr(account, name) for name in Account.__slots__}
    statement = insert_for(conn, accounts).values(values).on_conflict_do_nothing(index_elements=["email"])
    return conn.execute(statement).rowcount == 1


def find(conn: Connection, user_id: str) -> Account | None:
    """By id."""
    return _one(conn.execute(select(accounts).where(accounts.c.user_id == user_id)).first())


def lock(conn: Connection, user_id: str) -> Account | None:
    """By id; nobody else changes it until the commit."""
    return _one(conn.execute(select(accounts).where(accounts.c.user_id == user_id).with_for_update()).first())


def find_by_email(conn: Connection, email: str) -> Account | None:
    """By a normalised address."""
    return _one(conn.execute(select(accounts).where(accounts.c.email == email)).first())


def change(conn: Connection, user_id: str, /, **values: Any) -> None:
    """Set columns."""
    conn.execute(update(accounts).where(accounts.c.user_id == user_id).values(values))


def remove(conn: Connection, user_id: str) -> bool:
    """Drop an account with what hangs on it; False when there is none."""
    return conn.execute(delete(accounts).where(accounts.c.user_id == user_id)).rowcount == 1


def _one(row: Row[Any] | None) -> Account | None:
    return None if row is None else Account(**{name: getattr(row, name) for name in Account.__slots__})
