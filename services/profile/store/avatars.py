"""Pictures."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select

from services.profile.tables import avatars


def replace(conn: Connection, user_id: str, avatar_id: str, contents: Mapping[int, bytes]) -> None:
    """Keep a person's picture in its sizes, and no other. Call it under the profile's lock."""
    remove(conn, user_id)
    rows = [
        {"user_id": user_id, "avatar_id": avatar_id, "size": size, "content": content}
        for size, content in contents.items()
    ]
    conn.execute(insert(avatars), rows)


def remove(conn: Connection, user_id: str) -> None:
    """Forget a person's picture."""
    conn.execute(delete(avatars).where(avatars.c.user_id == user_id))


def find(conn: Connection, user_id: str, avatar_id: str, size: int) -> bytes | None:
    """A picture in one size."""
    content = conn.execute(
        select(avatars.c.content).where(
            avatars.c.user_id == user_id, avatars.c.avatar_id == avatar_id, avatars.c.size == size
        )
    ).scalar_one_or_none()
    return None if content is None else bytes(content)
