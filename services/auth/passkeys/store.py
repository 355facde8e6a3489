"""Passkeys and the ceremonies that make and use them, in the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from services.auth.tables import ceremonies, passkeys
from services.chassis.database import insert_for

REGISTRATION = 1
SIGN_IN = 2
SECOND_PROOF = 3


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    """A passkey. Times are milliseconds since 1970 UTC."""

    passkey_id: str
    user_id: str
    credential_id: bytes
    public_key: bytes
    sign_count: int
    name: str
    transports: str
    aaguid: str
    may_be_backed_up: bool
    backed_up: bool
    created_ms: int
    used_ms: int | None


@dataclass(frozen=True, slots=True)
class Ceremony:
    """An attempt to make or use a passkey.

    Attributes:
        purpose: `REGISTRATION`, `SIGN_IN` or `SECOND_PROOF`.
        user_id: whose; None for a sign-in that names nobody.
        sign_in_sha256: the sign-in that awaits this as its second proof.
    """

    ceremony_sha256: bytes
    purpose: int
    challenge: bytes
    user_id: str | None
    sign_in_sha256: bytes | None
    expires_ms: int


def begin(conn: Connection, ceremony: Ceremony) -> None:
    """Keep a new attempt."""
    conn.execute(insert(ceremonies).values({name: getattr(ceremony, name) for name in Ceremony.__slots__}))


def take(conn: Connection, ceremony_sha256: bytes, now_ms: int) -> Ceremony | None:
    """The attempt, which is over by this; None when it was over."""
    table = ceremonies
    row = conn.execute(
        delete(table).where(table.c.ceremony_sha256 == ceremony_sha256).returning(*table.c)
    ).first()
    return None if row is None or row.expires_ms <= now_ms else Ceremony(**row._mapping)


def forget(conn: Connection, now_ms: int) -> int:
    """Drop attempts that nobody ended in time."""
    return conn.execute(delete(ceremonies).where(ceremonies.c.expires_ms <= now_ms)).rowcount


def add(conn: Connection, passkey: PasskeyRow) -> bool:
    """Keep a new passkey; False when somebody has it."""
    values = {name: getattr(passkey, name) for name in PasskeyRow.__slots__}
    statement = insert_for(conn, passkeys).values(values)
    return conn.execute(statement.on_conflict_do_nothing(index_elements=["credential_id"])).rowcount == 1


def find_by_credential(conn: Connection, credential_id: bytes) -> PasskeyRow | None:
    """By what its device calls it."""
    row = conn.execute(select(passkeys).where(passkeys.c.credential_id == credential_id)).first()
    return None if row is None else PasskeyRow(**row._mapping)


def lock_by_credential(conn: Connection, credential_id: bytes) -> PasskeyRow | None:
    """By what its device calls it; nobody else changes it until the commit."""
    row = conn.execute(
        select(passkeys).where(passkeys.c.credential_id == credential_id).with_for_update()
    ).first()
    return None if row is None else PasskeyRow(**row._mapping)


def find(conn: Connection, user_id: str, passkey_id: str) -> PasskeyRow | None:
    """One of a person's."""
    row = conn.execute(
        select(passkeys).where(passkeys.c.user_id == user_id, passkeys.c.passkey_id == passkey_id)
    ).first()
    return None if row is None else PasskeyRow(**row._mapping)


def of_person(conn: Connection, user_id: str) -> list[PasskeyRow]:
    """A person's, the oldest first."""
    rows = conn.execute(select(passkeys).where(passkeys.c.user_id == user_id).order_by(passkeys.c.passkey_id))
    return [PasskeyRow(**row._mapping) for row in rows]


def count(conn: Connection, user_id: str) -> int:
    """How many a person has."""
    counted = select(func.count()).select_from(passkeys).where(passkeys.c.user_id == user_id)
    return int(conn.scalar(counted) or 0)


def change(conn: Connection, passkey_id: str, /, **values: Any) -> None:
    """Set columns."""
    conn.execute(update(passkeys).where(passkeys.c.passkey_id == passkey_id).values(values))


def remove(conn: Connection, passkey_id: str) -> None:
    """Forget a passkey."""
    conn.execute(delete(passkeys).where(passkeys.c.passkey_id == passkey_id))
