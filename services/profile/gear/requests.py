"""Requests that may come twice, and times that may not lie in the future. Store functions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import Connection

from services.chassis.errors import InvalidField, RequestIdReused
from services.profile.gear.store import inventory as store

_AHEAD_MS = 86_400_000
"""Clocks and time zones may put a moment so far into the future."""


class Repeatable(Protocol):
    """A request that carries a `request_id`."""

    request_id: str

    def SerializeToString(self, *, deterministic: bool = ...) -> bytes:  # noqa: N802 - protobuf's name
        """Its bytes."""
        ...


def once(conn: Connection, user_id: str, request: Repeatable, make: Callable[[], str], now_ms: int) -> str:
    """The id of what `make` makes, or of what it made when an equal request came before.

    The owner is locked: of two equal requests at once the second finds the first one's answer.

    Raises:
        RequestIdReused: another request came under that id.
    """
    request_id = request.request_id
    if not request_id:
        return make()
    kind = type(request).__name__.encode()
    digest = hashlib.sha256(kind + request.SerializeToString(deterministic=True)).digest()
    answered = store.answered(conn, user_id, request_id)
    if answered is not None:
        if bytes(answered.request_sha256) != digest:
            raise RequestIdReused(request_id)
        return str(answered.made_id)
    made_id = make()
    values = {"user_id": user_id, "request_id": request_id, "request_sha256": digest, "made_id": made_id}
    store.keep_answer(conn, {**values, "answered_ms": now_ms})
    return made_id


def moment_ms(request: Message, field: str, now_ms: int) -> int:
    """A moment of a request in Unix ms; now, where it is absent.

    Raises:
        InvalidField: it lies before 1970 or in the future.
    """
    if not request.HasField(field):
        return now_ms
    stamp: Timestamp = getattr(request, field)
    moment = stamp.ToMilliseconds()
    if not 0 < moment <= now_ms + _AHEAD_MS:
        raise InvalidField(field, "must be after 1970 and not in the future")
    return moment
