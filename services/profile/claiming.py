"""Handles: asking for one, getting one, being found by one. Store functions."""

from __future__ import annotations

from sqlalchemy import Connection

from pulsemesh.profile.v1 import profile_pb2
from pulsemesh.profile.v1 import profile_service_pb2 as wire
from services.chassis import outbox
from services.chassis.errors import InvalidField
from services.profile import events, handles
from services.profile.errors import HandleChangedRecently, HandleTaken
from services.profile.messages import profile_message
from services.profile.store import handles as store
from services.profile.store import profiles


def check(conn: Connection, user_id: str, text: str, now_ms: int) -> wire.CheckHandleResponse:
    """Whether a person could have a handle now."""
    handle = handles.written(text)
    if handle is None:
        return wire.CheckHandleResponse(state=wire.CheckHandleResponse.STATE_MALFORMED)
    return wire.CheckHandleResponse(state=_state(conn, user_id, handle, now_ms), handle=handle)


def claim(conn: Connection, user_id: str, text: str, now_ms: int) -> profile_pb2.Profile:
    """Give a person a handle; the one before leads on to them.

    Raises:
        InvalidField: it is no handle.
        HandleTaken, HandleChangedRecently
    """
    handle = handles.written(text)
    if handle is None:
        raise InvalidField(
            "handle", f"must be {handles.SHORTEST} to {handles.LONGEST} of a to z, 0 to 9 and _"
        )
    row = profiles.lock(conn, user_id, now_ms)
    current = store.of_person(conn, user_id)
    if current is not None and current.handle == handle:
        return profile_message(row, current, now_ms)
    if current is not None and current.claimed_ms + handles.CHANGED_AT_MOST_EVERY_MS > now_ms:
        raise HandleChangedRecently(current.claimed_ms + handles.CHANGED_AT_MOST_EVERY_MS)
    if _state(conn, user_id, handle, now_ms) != wire.CheckHandleResponse.STATE_AVAILABLE:
        raise HandleTaken(handle)
    store.release(conn, user_id, now_ms)
    if not store.claim(conn, user_id, handle, now_ms, now_ms - handles.LEADS_ON_FOR_MS):
        raise HandleTaken(handle)
    after = profiles.change(conn, row, {}, now_ms)
    outbox.append(conn, events.profile_changed(user_id, ["handle"], now_ms))
    return profile_message(after, store.of_person(conn, user_id), now_ms)


def person_of(conn: Connection, text: str, now_ms: int) -> str | None:
    """Whom a handle leads to."""
    handle = handles.written(text)
    row = store.find(conn, handle, now_ms - handles.LEADS_ON_FOR_MS) if handle else None
    return None if row is None else str(row.user_id)


def _state(
    conn: Connection, user_id: str, handle: str, now_ms: int
) -> wire.CheckHandleResponse.State.ValueType:
    """A handle that the person gave up lately is theirs to take again."""
    if handles.reserved(handle):
        return wire.CheckHandleResponse.STATE_RESERVED
    held = store.holder_of_likeness(conn, handles.likeness(handle), now_ms - handles.LEADS_ON_FOR_MS)
    if held is None:
        return wire.CheckHandleResponse.STATE_AVAILABLE
    if held.user_id != user_id:
        return wire.CheckHandleResponse.STATE_TAKEN
    yours = held.handle == handle and held.released_ms is None
    return wire.CheckHandleResponse.STATE_YOURS if yours else wire.CheckHandleResponse.STATE_AVAILABLE
