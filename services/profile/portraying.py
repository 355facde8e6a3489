"""Keeping and giving pictures: store functions."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from services.chassis import outbox
from services.profile import events
from services.profile.pictures import Picture
from services.profile.store import avatars, profiles


@dataclass(frozen=True, slots=True)
class FoundPicture:
    """A picture in one size."""

    avatar_id: str
    content: bytes


def replace(conn: Connection, user_id: str, picture: Picture, now_ms: int) -> None:
    """Keep a person's picture, and no other."""
    row = profiles.lock(conn, user_id, now_ms)
    if row.avatar_id == picture.avatar_id:
        return
    avatars.replace(conn, user_id, picture.avatar_id, picture.contents)
    profiles.change(conn, row, {"avatar_id": picture.avatar_id}, now_ms)
    outbox.append(conn, events.profile_changed(user_id, ["avatar"], now_ms))


def remove(conn: Connection, user_id: str, now_ms: int) -> bool:
    """Forget a person's picture; False when there was none."""
    row = profiles.lock(conn, user_id, now_ms)
    if not row.avatar_id:
        return False
    avatars.remove(conn, user_id)
    profiles.change(conn, row, {"avatar_id": ""}, now_ms)
    outbox.append(conn, events.profile_changed(user_id, ["avatar"], now_ms))
    return True


def find(conn: Connection, user_id: str, size: int) -> FoundPicture | None:
    """A person's picture in one size."""
    row = profiles.find(conn, user_id)
    if row is None or not row.avatar_id:
        return None
    content = avatars.find(conn, user_id, row.avatar_id, size)
    return None if content is None else FoundPicture(row.avatar_id, content)
