"""Second factors and recovery codes, in the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from services.auth.tables import recovery_codes, second_factors
from services.chassis.database import insert_for


@dataclass(frozen=True, slots=True)
class SecondFactorRow:
    """What a person set up; the secrets are sealed."""

    user_id: str
    totp_secret: bytes | None = None
    totp_since_ms: int | None = None
    totp_last_step: int = 0
    pending_secret: bytes | None = None
    pending_expires_ms: int = 0
    passkey_required: bool = False


def find(conn: Connection, user_id: str) -> SecondFactorRow:
    """What a person set up, which may be nothing."""
    row = conn.execute(select(second_factors).where(second_factors.c.user_id == user_id)).first()
    return SecondFactorRow(user_id) if row is None else SecondFactorRow(**row._mapping)


def lock(conn: Connection, user_id: str) -> SecondFactorRow:
    """What a person set up; nobody else changes it until the commit."""
    values = {name: getattr(SecondFactorRow(user_id), name) for name in SecondFactorRow.__slots__}
    # The row must exist to be locked.
    conn.execute(insert_for(conn, second_factors).values(values).on_conflict_do_nothing())
    row = conn.execute(
        select(second_factors).where(second_factors.c.user_id == user_id).with_for_update()
    ).one()
    return SecondFactorRow(**row._mapping)


def change(conn: Connection, user_id: str, /, **values: Any) -> None:
    """Set columns of a row that was locked."""
    conn.execute(update(second_factors).where(second_factors.c.user_id == user_id).values(values))


def use_step(conn: Connection, user_id: str, step: int) -> bool:
    """Take the code of a step; False when it, or a later one, was taken already."""
    table = second_factors
    statement = (
        update(table)
        .where(table.c.user_id == user_id, table.c.totp_last_step < step)
        .values(totp_last_step=step)
    )
    return conn.execute(statement).rowcount == 1


def put_codes(conn: Connection, user_id: str, fingerprints: Iterable[bytes]) -> None:
    """Replace the recovery codes."""
    conn.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    rows = [{"user_id": user_id, "code_sha256": each} for each in fingerprints]
    if rows:
        conn.execute(insert(recovery_codes), rows)


def use_code(conn: Connection, user_id: str, fingerprint: bytes) -> bool:
    """Take a recovery code; False when there is none such."""
    table = recovery_codes
    statement = delete(table).where(table.c.user_id == user_id, table.c.code_sha256 == fingerprint)
    return conn.execute(statement).rowcount == 1


def codes_left(conn: Connection, user_id: str) -> int:
    """How many recovery codes were not used."""
    table = recovery_codes
    counted = select(func.count()).select_from(table).where(table.c.user_id == user_id)
    return int(conn.scalar(counted) or 0)
