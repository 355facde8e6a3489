"""The few statements that SQLAlchemy Core spells per dialect."""

from __future__ import annotations

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

DialectInsert = postgresql.Insert | sqlite.Insert


def insert_for(connection: Connection, table: Table) -> DialectInsert:
    """An INSERT with ``on_conflict_do_nothing`` and ``…_do_update``, for the connection's dialect."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
