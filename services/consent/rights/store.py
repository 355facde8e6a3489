"""The SQL of rights: requests, the archives of exports, restrictions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, select, update

from pulsemesh.consent.v1 import rights_pb2
from services.chassis.database import insert_for, raise_signal
from services.consent.tables import restrictions, rights_pieces, rights_requests

REQUESTED = "rights-requested"
"""The signal after a commit with a new request."""

_OPEN = (rights_pb2.RIGHTS_STATE_WAITING, rights_pb2.RIGHTS_STATE_RUNNING)
_columns = rights_requests.c


def open_request(conn: Connection, user_id: str, kind: int) -> Row[Any] | None:
    """A person's request of a kind that is not done."""
    query = select(rights_requests).where(
        _columns.user_id == user_id, _columns.kind == kind, _columns.state.in_(_OPEN)
    )
    return conn.execute(query.order_by(_columns.request_pk).limit(1)).one_or_none()


def add(
    conn: Connection, *, rights_request_id: str, user_id: str, kind: int, now_ms: int, due_ms: int
) -> Row[Any]:
    """A new request, which waits."""
    statement = insert(rights_requests).values(
        rights_request_id=rights_request_id,
        user_id=user_id,
        kind=kind,
        state=rights_pb2.RIGHTS_STATE_WAITING,
        created_ms=now_ms,
        due_ms=due_ms,
        attempts=0,
        size_bytes=0,
        progress=b"",
    )
    raise_signal(conn, REQUESTED)
    return conn.execute(statement.returning(rights_requests)).one()


def find(conn: Connection, rights_request_id: str, *, lock: bool = False) -> Row[Any] | None:
    """A request by its id."""
    query = select(rights_requests).where(_columns.rights_request_id == rights_request_id)
    return conn.execute(query.with_for_update() if lock else query).one_or_none()


def of_person(conn: Connection, user_id: str, before_pk: int | None, limit: int) -> list[Row[Any]]:
    """A person's requests, the newest first."""
    query = select(rights_requests).where(_columns.user_id == user_id)
    if before_pk is not None:
        query = query.where(_columns.request_pk < before_pk)
    return list(conn.execute(query.order_by(_columns.request_pk.desc()).limit(limit)))


def due(conn: Connection, now_ms: int) -> list[Row[Any]]:
    """Requests to work on now, the oldest first."""
    query = select(rights_requests).where(_columns.state.in_(_OPEN), _columns.due_ms <= now_ms)
    return list(conn.execute(query.order_by(_columns.request_pk).limit(16)))


def unfinished(conn: Connection) -> list[Row[Any]]:
    """Every request that is not over, the oldest first."""
    query = select(rights_requests).where(_columns.state.in_(_OPEN))
    return list(conn.execute(query.order_by(_columns.request_pk)))


def retry_now(conn: Connection, rights_request_id: str, now_ms: int) -> bool:
    """Let a request that is worked on be due now; False when there is none."""
    statement = (
        update(rights_requests)
        .where(
            _columns.rights_request_id == rights_request_id,
            _columns.state == rights_pb2.RIGHTS_STATE_RUNNING,
        )
        .values(due_ms=now_ms)
    )
    raise_signal(conn, REQUESTED)
    return bool(conn.execute(statement).rowcount)


def note(conn: Connection, /, request_pk: int, progress: rights_pb2.RightsRequest, **values: Any) -> bool:
    """Write how far a request is, and other columns; False when it is worked on no more."""
    statement = (
        update(rights_requests)
        .where(_columns.request_pk == request_pk, _columns.state == rights_pb2.RIGHTS_STATE_RUNNING)
        .values(progress=progress.SerializeToString(), **values)
    )
    return bool(conn.execute(statement).rowcount)


def begin(conn: Connection, request_pk: int) -> bool:
    """Mark a request as worked on; False when it was cancelled, or done, meanwhile."""
    statement = (
        update(rights_requests)
        .where(_columns.request_pk == request_pk, _columns.state.in_(_OPEN))
        .values(state=rights_pb2.RIGHTS_STATE_RUNNING)
    )
    return bool(conn.execute(statement).rowcount)


def put_off(conn: Connection, request_pk: int, due_ms: int) -> None:
    """Try again later."""
    conn.execute(
        update(rights_requests)
        .where(_columns.request_pk == request_pk)
        .values(due_ms=due_ms, attempts=_columns.attempts + 1)
    )


def cancel(conn: Connection, request_pk: int, now_ms: int) -> bool:
    """Take back a request that waits; False when it is too late."""
    statement = (
        update(rights_requests)
        .where(_columns.request_pk == request_pk, _columns.state == rights_pb2.RIGHTS_STATE_WAITING)
        .values(state=rights_pb2.RIGHTS_STATE_CANCELLED, done_ms=now_ms)
    )
    return bool(conn.execute(statement).rowcount)


def keep_pieces(conn: Connection, request_pk: int, first_byte: int, contents: Iterable[bytes]) -> int:
    """Add pieces of an archive from `first_byte`; returns where the next one begins."""
    for content in contents:
        conn.execute(
            insert(rights_pieces).values(request_pk=request_pk, first_byte=first_byte, content=content)
        )
        first_byte += len(content)
    return first_byte


def drop_pieces(conn: Connection, request_pk: int) -> None:
    """Forget what was kept of an archive."""
    conn.execute(delete(rights_pieces).where(rights_pieces.c.request_pk == request_pk))


def piece_at(conn: Connection, request_pk: int, offset: int) -> tuple[int, bytes] | None:
    """The piece in which a byte lies: where it begins, and its content."""
    row = conn.execute(
        select(rights_pieces.c.first_byte, rights_pieces.c.content)
        .where(rights_pieces.c.request_pk == request_pk, rights_pieces.c.first_byte <= offset)
        .order_by(rights_pieces.c.first_byte.desc())
        .limit(1)
    ).one_or_none()
    if row is None or offset >= row.first_byte + len(row.content):
        return None
    return row.first_byte, bytes(row.content)


def forget_expired(conn: Connection, now_ms: int) -> int:
    """Drop the archives whose time is over; returns how many requests had one."""
    over = select(_columns.request_pk).where(_columns.expires_ms <= now_ms)
    conn.execute(delete(rights_pieces).where(rights_pieces.c.request_pk.in_(over)))
    statement = (
        update(rights_requests)
        .where(_columns.expires_ms <= now_ms, _columns.size_bytes > 0)
        .values(size_bytes=0)
    )
    return conn.execute(statement).rowcount


def at_work_erasing() -> ColumnElement[bool]:
    """The condition for requests that erase somebody now. They name that person until all is done."""
    return and_(
        _columns.kind == rights_pb2.RIGHTS_KIND_ERASURE, _columns.state == rights_pb2.RIGHTS_STATE_RUNNING
    )


def end_exports(conn: Connection, user_id: str, now_ms: int) -> int:
    """Cancel the exports of a person that are not done: nobody will fetch them. How many there were."""
    statement = (
        update(rights_requests)
        .where(
            _columns.user_id == user_id,
            _columns.kind == rights_pb2.RIGHTS_KIND_EXPORT,
            _columns.state.in_(_OPEN),
        )
        .values(state=rights_pb2.RIGHTS_STATE_CANCELLED, done_ms=now_ms)
    )
    return conn.execute(statement).rowcount


def hurry(conn: Connection, request_pk: int, due_ms: int) -> None:
    """Bring a request that waits forward to `due_ms`; it is never put off by this."""
    statement = (
        update(rights_requests)
        .where(
            _columns.request_pk == request_pk,
            _columns.state == rights_pb2.RIGHTS_STATE_WAITING,
            _columns.due_ms > due_ms,
        )
        .values(due_ms=due_ms)
    )
    if conn.execute(statement).rowcount:
        raise_signal(conn, REQUESTED)


def restricted_ms(conn: Connection, user_id: str) -> int | None:
    """Since when a person's data is only stored; None: it is not restricted."""
    query = select(restrictions.c.restricted_ms).where(restrictions.c.user_id == user_id)
    return conn.execute(query).scalar_one_or_none()


def restrict(conn: Connection, user_id: str, now_ms: int) -> None:
    """Restrict from now on; a repeat keeps the first time."""
    row = {"user_id": user_id, "restricted_ms": now_ms}
    conn.execute(insert_for(conn, restrictions).on_conflict_do_nothing(), row)


def lift(conn: Connection, user_id: str) -> None:
    """Restrict no more."""
    conn.execute(delete(restrictions).where(restrictions.c.user_id == user_id))
