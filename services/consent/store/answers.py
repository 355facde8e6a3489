"""The SQL of first answers to requests that may come again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy import Connection, delete, select

from services.chassis.database import insert_for
from services.chassis.errors import RequestIdReused
from services.consent.tables import answers

Response = TypeVar("Response", bound=Message)


def once(
    conn: Connection,
    user_id: str,
    request_id: str,
    request: Message,
    *,
    make: Callable[[], Response],
    response_class: type[Response],
    now_ms: int,
) -> Response:
    """What `make` returns; the first answer to the same request when it came before.

    To be called under a lock that the same person's requests share.

    Raises:
        RequestIdReused: the id came before with another request.
    """
    if not request_id:
        return make()
    name = request.DESCRIPTOR.full_name.encode()
    digest = hashlib.sha256(name + b"\0" + request.SerializeToString(deterministic=True)).digest()
    mine = (answers.c.user_id == user_id) & (answers.c.request_id == request_id)
    row = conn.execute(select(answers.c.request_sha256, answers.c.response).where(mine)).one_or_none()
    if row is not None:
        if bytes(row.request_sha256) != digest:
            raise RequestIdReused(request_id)
        return response_class.FromString(bytes(row.response))
    response = make()
    conn.execute(
        insert_for(conn, answers).values(
            user_id=user_id,
            request_id=request_id,
            request_sha256=digest,
            response=response.SerializeToString(),
            answered_ms=now_ms,
        )
    )
    return response


def delete_before(conn: Connection, before_ms: int) -> int:
    """Forget answers that nobody will ask for again; how many there were."""
    return conn.execute(delete(answers).where(answers.c.answered_ms < before_ms)).rowcount
