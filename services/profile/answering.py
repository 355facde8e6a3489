"""A request that comes again gets its first answer: a store function around the work."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import Message
from sqlalchemy import Connection

from services.chassis.errors import RequestIdReused
from services.profile.store import answers

Response = TypeVar("Response", bound=Message)


def once(
    conn: Connection,
    user_id: str,
    request: Message,
    work: Callable[[int], Response],
    *,
    answer: type[Response],
    now_ms: int,
) -> Response:
    """The answer of `work`, or the one of type `answer` that was given to the same request before.

    Call it under a lock of the person, so that of two equal requests the second sees the first one's answer.

    Raises:
        RequestIdReused: another request had the same id.
    """
    request_id = str(getattr(request, "request_id", ""))
    if not request_id:
        return work(now_ms)
    digest = hashlib.sha256(
        request.DESCRIPTOR.full_name.encode() + b"\0" + request.SerializeToString(deterministic=True)
    ).digest()
    kept = answers.find(conn, user_id, request_id)
    if kept is not None:
        if bytes(kept.request_sha256) != digest:
            raise RequestIdReused(request_id)
        return answer.FromString(bytes(kept.response))
    response = work(now_ms)
    kept_answer = answers.Answer(digest, response.SerializeToString())
    answers.keep(conn, user_id, request_id, kept_answer, now_ms)
    return response
