"""Which roles of staff a person holds."""

from __future__ import annotations

import time

from sqlalchemy import Connection

from services.auth.staff import store


def roles_of(conn: Connection, user_id: str, now_ms: int | None = None) -> frozenset[str]:
    """Store function: the roles that a person holds now, those taken in an emergency included."""
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    return frozenset(held.role for held in store.held_by(conn, user_id, now_ms))
