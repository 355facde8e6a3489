"""Asking for an export or an erasure, and taking that back: store functions, each part of a transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row

from pulsemesh.consent.v1 import rights_pb2
from pulsemesh.ulid import new_ulid
from services.consent.rights import store
from services.consent.rights.errors import RightsRequestBegun, RightsRequestNotFound
from services.consent.store import people


def request(conn: Connection, user_id: str, kind: int, now_ms: int, due_ms: int) -> Row[Any]:
    """The person's open request of this kind, or a new one."""
    people.lock(conn, user_id, now_ms)  # two requests at once must not both find none
    found = store.open_request(conn, user_id, kind)
    if found is not None:
        return found
    return store.add(
        conn, rights_request_id=new_ulid(now_ms), user_id=user_id, kind=kind, now_ms=now_ms, due_ms=due_ms
    )


def request_now(conn: Connection, user_id: str, now_ms: int) -> Row[Any]:
    """The erasure of an account that nobody can sign in to any more: it begins at once, and nobody waits for
    exports.
    """
    row = request(conn, user_id, rights_pb2.RIGHTS_KIND_ERASURE, now_ms, now_ms)
    store.hurry(conn, row.request_pk, now_ms)
    store.end_exports(conn, user_id, now_ms)
    return row


def cancel(conn: Connection, user_id: str, rights_request_id: str, now_ms: int) -> Row[Any]:
    """Take a request back; a repeat changes nothing.

    Raises:
        RightsRequestNotFound, RightsRequestBegun
    """
    row = owned(conn, user_id, rights_request_id, lock=True)
    if row.state != rights_pb2.RIGHTS_STATE_CANCELLED and not store.cancel(conn, row.request_pk, now_ms):
        raise RightsRequestBegun
    return owned(conn, user_id, rights_request_id)


def owned(conn: Connection, user_id: str, rights_request_id: str, *, lock: bool = False) -> Row[Any]:
    """A person's own request.

    Raises:
        RightsRequestNotFound
    """
    row = store.find(conn, rights_request_id, lock=lock)
    if row is None or row.user_id != user_id:
        raise RightsRequestNotFound(rights_request_id)
    return row


def report(conn: Connection, rights_request_id: str) -> Row[Any]:
    """An erasure by its id alone.

    Raises:
        RightsRequestNotFound: there is none, or it is no erasure.
    """
    row = store.find(conn, rights_request_id)
    if row is None or row.kind != rights_pb2.RIGHTS_KIND_ERASURE:
        raise RightsRequestNotFound(rights_request_id)
    return row
