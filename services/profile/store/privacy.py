"""What people chose that others may see, and their zones."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from services.chassis.database import insert_for
from services.profile.tables import privacy, privacy_rules, privacy_zones

SECRET_BYTES = 32


def find(conn: Connection, user_id: str) -> Row[Any] | None:
    """Version and secret; None for somebody who never chose anything."""
    return conn.execute(select(privacy).where(privacy.c.user_id == user_id)).one_or_none()


def lock(conn: Connection, user_id: str) -> Row[Any]:
    """The same, made where there is none; until the transaction ends nobody else changes it."""
    conn.execute(
        insert_for(conn, privacy)
        .values(user_id=user_id, version=0, secret=secrets.token_bytes(SECRET_BYTES))
        .on_conflict_do_nothing()
    )
    return conn.execute(select(privacy).where(privacy.c.user_id == user_id).with_for_update()).one()


def count_up(conn: Connection, row: Row[Any]) -> int:
    """The next version of what is locked."""
    version = int(row.version) + 1
    conn.execute(update(privacy).where(privacy.c.user_id == row.user_id).values(version=version))
    return version


def rules(conn: Connection, user_id: str) -> dict[int, int]:
    """From aspect to audience, for what was chosen."""
    rows = conn.execute(
        select(privacy_rules.c.aspect, privacy_rules.c.audience)
        .where(privacy_rules.c.user_id == user_id)
        .order_by(privacy_rules.c.aspect)
    )
    return {row.aspect: row.audience for row in rows}


def choose(conn: Connection, user_id: str, chosen: Mapping[int, int]) -> None:
    """Keep audiences; others stay."""
    for aspect, audience in chosen.items():
        new = insert_for(conn, privacy_rules).values(user_id=user_id, aspect=aspect, audience=audience)
        conn.execute(
            new.on_conflict_do_update(
                index_elements=["user_id", "aspect"], set_={"audience": new.excluded.audience}
            )
        )


def zones(conn: Connection, user_id: str) -> Sequence[Row[Any]]:
    """A person's zones, the oldest first."""
    return conn.execute(
        select(privacy_zones).where(privacy_zones.c.user_id == user_id).order_by(privacy_zones.c.zone_id)
    ).all()


def add_zone(conn: Connection, values: Mapping[str, Any]) -> None:
    """Add a zone."""
    conn.execute(insert(privacy_zones).values(**values))


def remove_zone(conn: Connection, user_id: str, zone_id: str) -> bool:
    """Forget a zone; False when there was none."""
    return bool(
        conn.execute(
            delete(privacy_zones).where(
                privacy_zones.c.user_id == user_id, privacy_zones.c.zone_id == zone_id
            )
        ).rowcount
    )
