"""Answers to requests that may come again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from services.profile.tables import answers


def find(conn: Connection, user_id: str, request_id: str) -> Row[Any] | None:
    """The first answer to the request of that id."""
    return conn.execute(
        select(answers).where(answers.c.user_id == user_id, answers.c.request_id == request_id)
    ).one_or_none()


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered to a request."""

    request_sha256: bytes
    response: bytes


def keep(conn: Connection, user_id: str, request_id: str, answer: Answer, now_ms: int) -> None:
    """Keep the first answer to a request."""
    conn.execute(
        insert(answers).values(
            user_id=user_id,
            request_id=request_id,
            request_sha256=answer.request_sha256,
            response=answer.response,
            answered_ms=now_ms,
        )
    )


def delete_before(conn: Connection, before_ms: int) -> int:
    """Forget answers that nobody will ask for again; how many there were."""
    return conn.execute(delete(answers).where(answers.c.answered_ms < before_ms)).rowcount
