"""Devices that wait to be let in, in the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, select, update

from services.auth.tables import oauth_device_grants as table
from services.chassis.database import insert_for

PENDING = 1
APPROVED = 2
DENIED = 3


@dataclass(frozen=True, slots=True)
class DeviceGrant:
    """A device that asked. Times are milliseconds since 1970 UTC."""

    device_code_sha256: bytes
    user_code_mac: bytes
    client_id: str
    device_name: str
    place: str
    scopes: frozenset[str]
    state: int
    user_id: str | None
    methods: frozenset[str]
    interval_s: int
    polled_ms: int
    created_ms: int
    expires_ms: int


def add(conn: Connection, grant: DeviceGrant) -> bool:
    """Keep a new one; False when its user code is another's just now."""
    values = {name: getattr(grant, name) for name in DeviceGrant.__slots__}
    values["scopes"] = " ".join(sorted(grant.scopes))
    values["methods"] = " ".join(sorted(grant.methods))
    return conn.execute(insert_for(conn, table).values(values).on_conflict_do_nothing()).rowcount == 1


def lock(conn: Connection, device_code_sha256: bytes) -> DeviceGrant | None:
    """By the device's code; nobody else changes it until the commit."""
    return _lock(conn, table.c.device_code_sha256 == device_code_sha256)


def lock_by_user_code(conn: Connection, user_code_mac: bytes, now_ms: int) -> DeviceGrant | None:
    """By the person's code, unless it is out of date."""
    return _lock(conn, (table.c.user_code_mac == user_code_mac) & (table.c.expires_ms > now_ms))


def _lock(conn: Connection, which: ColumnElement[bool]) -> DeviceGrant | None:
    row = conn.execute(select(table).where(which).with_for_update()).first()
    if row is None:
        return None
    values = dict(row._mapping)
    values["scopes"] = frozenset(row.scopes.split())
    values["methods"] = frozenset(row.methods.split())
    return DeviceGrant(**values)


def change(conn: Connection, device_code_sha256: bytes, **values: Any) -> None:
    """Set columns."""
    conn.execute(update(table).where(table.c.device_code_sha256 == device_code_sha256).values(values))


def remove(conn: Connection, device_code_sha256: bytes) -> None:
    """It is over."""
    conn.execute(delete(table).where(table.c.device_code_sha256 == device_code_sha256))


def forget(conn: Connection, before_ms: int) -> int:
    """Drop those that are out of date for so long that their device has given up too."""
    return conn.execute(delete(table).where(table.c.expires_ms <= before_ms)).rowcount
