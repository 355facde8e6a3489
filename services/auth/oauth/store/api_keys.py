"""Keys of partners, in the database."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from services.auth.tables import api_keys as table


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key, as it is known: by its hash. Times are milliseconds since 1970 UTC."""

    key_id: str
    key_sha256: bytes = field(repr=False)
    partner: str
    name: str
    prefix: str
    scopes: frozenset[str]
    request_id: str
    created_ms: int
    expires_ms: int
    revoked_ms: int | None
    used_ms: int | None

    def good(self, now_ms: int) -> bool:
        """Whether it gets tokens."""
        return self.revoked_ms is None and self.expires_ms > now_ms


def add(conn: Connection, key: ApiKey) -> None:
    """Keep a new one."""
    values = {name: getattr(key, name) for name in ApiKey.__slots__}
    conn.execute(insert(table).values(values | {"scopes": " ".join(sorted(key.scopes))}))


def find(conn: Connection, key_id: str) -> ApiKey | None:
    """By its id."""
    return _one(conn.execute(select(table).where(table.c.key_id == key_id)).first())


def find_by_request(conn: Connection, partner: str, request_id: str) -> ApiKey | None:
    """The one that a request made; nobody else changes it until the commit."""
    statement = select(table).where(table.c.partner == partner, table.c.request_id == request_id)
    return _one(conn.execute(statement.with_for_update()).first())


def of_partner(conn: Connection, partner: str, limit: int) -> list[ApiKey]:
    """Those of a partner, or of all when it is empty, the oldest first."""
    statement = select(table).order_by(table.c.key_id).limit(limit)
    if partner:
        statement = statement.where(table.c.partner == partner)
    return [_key(row) for row in conn.execute(statement)]


def count_good(conn: Connection, partner: str, now_ms: int) -> int:
    """How many of a partner's keys get tokens."""
    statement = (
        select(func.count())
        .select_from(table)
        .where(table.c.partner == partner, table.c.revoked_ms.is_(None), table.c.expires_ms > now_ms)
    )
    return int(conn.scalar(statement) or 0)


def change(conn: Connection, key_id: str, **values: Any) -> bool:
    """Set columns; False when there is no such key."""
    return conn.execute(update(table).where(table.c.key_id == key_id).values(values)).rowcount == 1


def _one(row: Row[Any] | None) -> ApiKey | None:
    return None if row is None else _key(row)


def _key(row: Row[Any]) -> ApiKey:
    values = {name: getattr(row, name) for name in ApiKey.__slots__}
    return ApiKey(**(values | {"scopes": frozenset(row.scopes.split())}))
