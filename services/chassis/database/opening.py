"""From a URL to a database."""

from __future__ import annotations

import re
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from services.chassis.database.port import Database
from services.chassis.database.sqlite import SqliteDatabase

_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,62}")


def open_database(url: str, *, schema: str, pool_size: int = 8, readers: int = 4) -> Database:
    """Open a service's database. Needs no server yet: connections are made when used.

    Args:
        url: ``sqlite:///<directory>``, in which the service's file is ``<schema>.db`` (four slashes for an
        absolute
            path), or ``postgresql://user:password@host/database``.
        schema: the service's name: its schema on PostgreSQL, its file on SQLite.
        pool_size: the most connections that this process opens to PostgreSQL for this schema.
        readers: the threads, and so the simultaneous read transactions, on SQLite.

    Raises:
        ValueError: the URL or the schema cannot be used.
        DatabaseInUse: another process serves the SQLite file.
    """
    if not _SCHEMA.fullmatch(schema):
        raise ValueError(f"not a schema name: {schema!r}")
    parsed = _parse(url)
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise ValueError(
                "an SQLite URL must name a directory, as in sqlite:///var/data: memory is not durable"
            )
        return SqliteDatabase(Path(parsed.database) / f"{schema}.db", schema=schema, readers=readers)
    if kind == "postgresql":
        # Here, since a start on SQLite does without SQLAlchemy's half for asyncio.
        from services.chassis.database.postgresql import PostgresqlDatabase  # noqa: PLC0415

        return PostgresqlDatabase(
            parsed.set(drivername="postgresql+asyncpg"), schema=schema, pool_size=pool_size
        )
    raise ValueError(f"not a database that is supported: {kind} (sqlite or postgresql)")


def _parse(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError:
        # The message must not repeat the URL: it may hold a password.
        raise ValueError("not a database URL: expected sqlite:///<directory> or postgresql://…") from None
