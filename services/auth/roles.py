"""Which roles of staff a person holds."""

from __future__ import annotations

from sqlalchemy import Connection


def roles_of(conn: Connection, user_id: str) -> frozenset[str]:
    """Store function: the roles that a person holds now; nobody holds any until staff are kept."""
    return frozenset()
