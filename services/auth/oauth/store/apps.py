"""Apps that people registered, in the database."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from services.auth.tables import oauth_apps as table
from services.chassis.database import insert_for


@dataclass(frozen=True, slots=True)
class App:
    """A registered program. Times are milliseconds since 1970 UTC."""

    client_id: str
    owner_id: str
    request_id: str
    name: str
    homepage: str
    confidential: bool
    redirect_uris: tuple[str, ...]
    scopes: frozenset[str]
    secret_sha256: bytes | None = field(repr=False)
    former_secret_sha256: bytes | None = field(repr=False)
    former_until_ms: int | None
    suspended_ms: int | None
    created_ms: int
    version: int


def add(conn: Connection, app: App) -> bool:
    """Keep a new one; False when its owner's request made one already."""
    values = _values(app)
    return conn.execute(insert_for(conn, table).values(values).on_conflict_do_nothing()).rowcount == 1


def find(conn: Connection, client_id: str) -> App | None:
    """By its client id."""
    return _one(conn.execute(select(table).where(table.c.client_id == client_id)).first())


def lock(conn: Connection, client_id: str) -> App | None:
    """By its client id; nobody else changes it until the commit."""
    return _one(conn.execute(select(table).where(table.c.client_id == client_id).with_for_update()).first())


def find_by_request(conn: Connection, owner_id: str, request_id: str) -> App | None:
    """The one that a request made."""
    statement = select(table).where(table.c.owner_id == owner_id, table.c.request_id == request_id)
    return _one(conn.execute(statement).first())


def of_owner(conn: Connection, owner_id: str) -> list[App]:
    """Those of a person, the oldest first."""
    statement = (
        select(table).where(table.c.owner_id == owner_id).order_by(table.c.created_ms, table.c.client_id)
    )
    return [_app(row) for row in conn.execute(statement)]


def count_of_owner(conn: Connection, owner_id: str) -> int:
    """How many a person has."""
    return int(conn.scalar(select(func.count()).select_from(table).where(table.c.owner_id == owner_id)) or 0)


def names_of(conn: Connection, client_ids: list[str]) -> dict[str, App]:
    """Those among these client ids that are apps of people."""
    statement = select(table).where(table.c.client_id.in_(client_ids))
    return {row.client_id: _app(row) for row in conn.execute(statement)}


def change(conn: Connection, client_id: str, **values: Any) -> None:
    """Set columns, and count the change."""
    values["version"] = table.c.version + 1
    conn.execute(update(table).where(table.c.client_id == client_id).values(values))


def remove(conn: Connection, client_id: str) -> bool:
    """Drop an app; False when there is none."""
    return conn.execute(delete(table).where(table.c.client_id == client_id)).rowcount == 1


def encoded(uris: tuple[str, ...] | list[str]) -> str:
    """Addresses as they are kept."""
    return json.dumps(list(uris))


def _values(app: App) -> dict[str, Any]:
    values = {name: getattr(app, name) for name in App.__slots__}
    return values | {"redirect_uris": encoded(app.redirect_uris), "scopes": " ".join(sorted(app.scopes))}


def _one(row: Row[Any] | None) -> App | None:
    return None if row is None else _app(row)


def _app(row: Row[Any]) -> App:
    values = {name: getattr(row, name) for name in App.__slots__}
    values["redirect_uris"] = tuple(json.loads(row.redirect_uris))
    values["scopes"] = frozenset(row.scopes.split())
    return App(**values)
