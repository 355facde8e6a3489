"""Sign-ups that wait for their code, in the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, select, update

from services.auth.tables import sign_ups
from services.chassis.database import insert_for


@dataclass(frozen=True, slots=True)
class SignUp:
    """One sign-up. Times are milliseconds since 1970 UTC."""

    sign_up_sha256: bytes
    email: str
    decoy: bool
    password_hash: str
    country: str
    language: str
    birth_date: str | None
    at_least_years: int
    code_mac: bytes
    token_sha256: bytes
    wrong_codes: int
    mails: int
    mailed_ms: int
    expires_ms: int


def add(conn: Connection, sign_up: SignUp) -> bool:
    """Keep a new one; False when it is there already."""
    values = {name: getattr(sign_up, name) for name in SignUp.__slots__}
    return conn.execute(insert_for(conn, sign_ups).values(values).on_conflict_do_nothing()).rowcount == 1


def lock(conn: Connection, sign_up_sha256: bytes, now_ms: int) -> SignUp | None:
    """By its name, unless it is over; nobody else changes it until the commit."""
    return _lock(conn, sign_ups.c.sign_up_sha256 == sign_up_sha256, now_ms)


def lock_by_token(conn: Connection, token_sha256: bytes, now_ms: int) -> SignUp | None:
    """By the token of its mail."""
    return _lock(conn, sign_ups.c.token_sha256 == token_sha256, now_ms)


def _lock(conn: Connection, which: ColumnElement[bool], now_ms: int) -> SignUp | None:
    statement = select(sign_ups).where(which, sign_ups.c.expires_ms > now_ms).with_for_update()
    row = conn.execute(statement).first()
    return None if row is None else SignUp(**row._mapping)


def change(conn: Connection, sign_up_sha256: bytes, /, **values: Any) -> None:
    """Set columns."""
    conn.execute(update(sign_ups).where(sign_ups.c.sign_up_sha256 == sign_up_sha256).values(values))


def remove(conn: Connection, sign_up_sha256: bytes) -> None:
    """It is over."""
    conn.execute(delete(sign_ups).where(sign_ups.c.sign_up_sha256 == sign_up_sha256))


def remove_of(conn: Connection, email: str) -> None:
    """Every one of an address is over."""
    conn.execute(delete(sign_ups).where(sign_ups.c.email == email))


def forget(conn: Connection, now_ms: int) -> int:
    """Drop those that nobody ended in time."""
    return conn.execute(delete(sign_ups).where(sign_ups.c.expires_ms <= now_ms)).rowcount
