"""Sessions: opened by every way in, kept alive by rotating refresh tokens, ended for good.

The rules of refresh tokens (RFC 9700, section 4.14):

- A token is good once. Its use makes the next one; only the newest leads on.
- A token that comes again is a theft, by whoever holds the other copy: the session ends, and its owner is
  told.
- But an answer can be lost, and an honest client then asks again with the token it has. So for `GRACE_MS`
  after its use, and only as long as its successor was not used, a token of the same client is answered with
  that same successor. Nothing is gained by a thief: both hold one and the same token then, and whichever uses
  it second after that ends the session.
- A sensor gateway loses its power as a matter of course, and what it had not yet written is gone: for it the
  same holds for `DEVICE_GRACE_MS`.
- The successor follows from the token and a salt, so that it can be answered again without being kept; the
  salt goes as soon as the successor is used.

Everything here runs in the caller's transaction; nothing commits.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from sqlalchemy import Connection

from pulsemesh.auth.v1 import events_pb2
from pulsemesh.ulid import new_ulid
from services.auth import events
from services.auth.places import place_of
from services.auth.scopes import known_scopes
from services.auth.secret_tokens import fingerprint, new_token, successor
from services.auth.store import revocations
from services.auth.store import sessions as store
from services.auth.store.sessions import RefreshRow, SessionRow
from services.chassis import outbox

REFRESH_PREFIX = "pmr"
IDLE_MS = 90 * 86_400_000
"""A session that is not used for so long ends."""
LONGEST_MS = 400 * 86_400_000
"""The longest a session lasts, however often it is used."""
STAFF_IDLE_MS = 30 * 60_000
"""A session as staff that is not used for so long ends."""
STAFF_LONGEST_MS = 12 * 3_600_000
"""A day's work: staff prove who they are anew every day."""
GRACE_MS = 10_000
DEVICE_GRACE_MS = 86_400_000
APP_PREFIX = "app-"
"""What the client ids of other people's programs begin with."""
REVOKED_FOR_MS = 86_400_000
"""Revocations are kept for a day: far longer than access tokens live, for the sake of streams of a process
that was cut off from us."""
_TOUCH_MS = 60_000
_SALT_BYTES = 16

EndReason = events_pb2.SessionEndReason


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session that was just opened, or went on.

    Attributes:
        refresh_token: the only copy; we keep its hash.
        session: as it stands now.
    """

    session_id: str
    refresh_token: str = field(repr=False)
    session: SessionRow


class Refusal(Enum):
    """Why a refresh token leads nowhere."""

    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REUSED = "reused"


@dataclass(frozen=True, slots=True)
class Rotation:
    """What came of a refresh token: either it went on, or it was refused.

    A refusal has effects of its own (the session ended), so it is a value: commit first, raise then.
    """

    opened: OpenedSession | None = None
    refusal: Refusal | None = None
    session: SessionRow | None = None


def open_session(
    conn: Connection,
    *,
    user_id: str,
    kind: str,
    client_id: str,
    scopes: Iterable[str],
    methods: Iterable[str],
    device_name: str,
    peer: str,
    now_ms: int,
) -> OpenedSession:
    """Open a session for a person who proved who they are, or for a program that they let in.

    Args:
        kind: the claim `kind` of its access tokens: "user", "device" or "staff".
        methods: how the person proved it, by the names of RFC 8176.
        peer: the caller's address as gRPC writes it.

    Raises:
        UnknownScopes: see `services.auth.scopes`.
    """
    token = new_token(REFRESH_PREFIX)
    session = SessionRow(
        session_id=new_ulid(now_ms),
        user_id=user_id,
        kind=kind,
        client_id=client_id,
        scopes=known_scopes(scopes),
        methods=frozenset(methods),
        device_name=device_name.strip(),
        place=place_of(peer),
        created_ms=now_ms,
        authenticated_ms=now_ms,
        used_ms=now_ms,
        expires_ms=now_ms + _idle_ms(kind),
        ends_ms=now_ms + (STAFF_LONGEST_MS if kind == "staff" else LONGEST_MS),
    )
    store.add(conn, session, fingerprint(token))
    outbox.append(conn, events.session_opened(session, now_ms))
    return OpenedSession(session.session_id, token, session)


def _idle_ms(kind: str) -> int:
    return STAFF_IDLE_MS if kind == "staff" else IDLE_MS


def rotate(
    conn: Connection, refresh_token: str, *, client_id: str | None = None, peer: str, now_ms: int
) -> Rotation:
    """Exchange a refresh token for the next one; see the rules above.

    Args:
        client_id: where the client had to prove which one it is (OAuth), the session must be its own; None
            for the platform's own programs, which cannot prove it: sessions of other people's do not go on
            so.
    """
    found = store.lock_by_token(conn, fingerprint(refresh_token))
    if found is None:
        return Rotation(refusal=Refusal.UNKNOWN)
    session, token = found
    if client_id is not None and client_id != session.client_id:
        return Rotation(refusal=Refusal.UNKNOWN)
    if client_id is None and session.client_id.startswith(APP_PREFIX):
        return Rotation(refusal=Refusal.UNKNOWN)
    if min(session.expires_ms, session.ends_ms) <= now_ms:
        end_session(conn, session.session_id, EndReason.SESSION_END_REASON_EXPIRED, now_ms)
        return Rotation(refusal=Refusal.EXPIRED, session=session)
    if token.used_ms is None:
        return _go_on(conn, found, refresh_token, peer, now_ms)
    grace_ms = DEVICE_GRACE_MS if session.kind == "device" else GRACE_MS
    if token.successor_salt is not None and now_ms - token.used_ms <= grace_ms:
        again = successor(refresh_token, token.successor_salt)
        return Rotation(OpenedSession(session.session_id, again, session))
    end_session(conn, session.session_id, EndReason.SESSION_END_REASON_REUSE, now_ms)
    return Rotation(refusal=Refusal.REUSED, session=session)


def _go_on(
    conn: Connection, found: tuple[SessionRow, RefreshRow], refresh_token: str, peer: str, now_ms: int
) -> Rotation:
    session, token = found
    salt = secrets.token_bytes(_SALT_BYTES)
    following = successor(refresh_token, salt)
    store.use_token(conn, session.session_id, token.generation, salt, now_ms)
    store.add_token(conn, session.session_id, token.generation + 1, fingerprint(following))
    if now_ms - session.used_ms >= _TOUCH_MS:
        expires_ms = min(now_ms + _idle_ms(session.kind), session.ends_ms)
        store.touch(conn, session.session_id, place_of(peer), now_ms, expires_ms)
        # A token that was replaced so long ago would have expired by itself: its coming back says nothing.
        store.forget_tokens_used_before(conn, session.session_id, now_ms - IDLE_MS)
    return Rotation(OpenedSession(session.session_id, following, session))


def end_session(
    conn: Connection, session_id: str, reason: events_pb2.SessionEndReason.ValueType, now_ms: int
) -> bool:
    """End a session: its refresh tokens lead nowhere, its access tokens are revoked.

    Returns:
        False when it had ended.
    """
    session = store.remove(conn, session_id)
    if session is None:
        return False
    revocations.revoke_session(conn, session_id, now_ms, now_ms + REVOKED_FOR_MS)
    outbox.append(conn, events.session_ended(session.user_id, session_id, reason, now_ms))
    return True


def end_all(
    conn: Connection,
    user_id: str,
    reason: events_pb2.SessionEndReason.ValueType,
    now_ms: int,
    *,
    keep_session_id: str = "",
) -> int:
    """End every session of a person, those of apps and devices included; returns how many there were.

    Args:
        keep_session_id: goes on. Without, tokens that belong to no session are revoked too.
    """
    ended = 0
    for session_id in store.ids_of_person(conn, user_id):
        if session_id != keep_session_id:
            ended += end_session(conn, session_id, reason, now_ms)
    if not keep_session_id:
        revocations.revoke_person(conn, user_id, now_ms, now_ms + REVOKED_FOR_MS)
    return ended
