"""Giving and taking roles. Everything runs in the caller's transaction; nothing commits."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection

from pulsemesh.auth.v1 import events_pb2
from services.auth import sessions
from services.auth.staff import store
from services.auth.staff.errors import LastSecurityAdmin, OwnRole, RoleNotForEmergencies
from services.auth.staff.roles import ROLES, SECURITY_ADMIN
from services.auth.staff.store import Grant
from services.auth.store import accounts
from services.chassis.errors import NotFound, RequestIdReused

MACHINE = "machine"
"""Who gave a role by the command on the machine itself."""


def grant(
    conn: Connection, *, request_id: str, user_id: str, role: str, by: str, reason: str, now_ms: int
) -> Grant:
    """Give a role to a person; one that is held already is answered as it is.

    Raises:
        OwnRole: to oneself.
        NotFound: there is no such account, or it is being deleted.
        RequestIdReused: the request_id made another grant.
    """
    if user_id == by:
        raise OwnRole
    wanted = Grant(request_id, user_id, role, by, now_ms, reason)
    repeated = _repeated(conn, wanted)
    if repeated is not None:
        return repeated
    account = accounts.lock(conn, user_id)
    if account is None or not account.active:
        raise NotFound("account", user_id)
    for held in store.held_by(conn, user_id, now_ms):
        if held.role == role and held.expires_ms is None:
            return held
    store.add(conn, wanted)
    return wanted


def take(
    conn: Connection, *, request_id: str, user_id: str, role: str, reason: str, lasts_ms: int, now_ms: int
) -> Grant:
    """Take a role for oneself for a while, in an emergency.

    Raises:
        RoleNotForEmergencies: see `services.auth.staff.roles`.
        RequestIdReused: the request_id made another grant.
    """
    if not ROLES[role].for_emergencies:
        raise RoleNotForEmergencies(role)
    wanted = Grant(
        request_id,
        user_id,
        role,
        user_id,
        now_ms,
        reason,
        expires_ms=now_ms + lasts_ms,
        emergency=True,
    )
    repeated = _repeated(conn, wanted)
    if repeated is not None:
        return repeated
    store.add(conn, wanted)
    return wanted


def revoke(conn: Connection, *, user_id: str, role: str, by: str, reason: str, now_ms: int) -> bool:
    """Take a role away, emergencies included, and end the person's sessions as staff.

    Returns:
        False when the person did not hold it.

    Raises:
        LastSecurityAdmin: nobody would be left who could give roles.
    """
    if role == SECURITY_ADMIN:
        holders = {held.user_id for held in store.lock_holders(conn, role, now_ms)}
        if holders == {user_id}:
            raise LastSecurityAdmin
    ending = [held for held in store.held_by(conn, user_id, now_ms) if held.role == role]
    for held in ending:
        store.end(conn, held.grant_id, by, reason, now_ms)
    if ending:
        _end_sessions(conn, user_id, now_ms)
    return bool(ending)


def roles_held(conn: Connection, user_id: str, now_ms: int) -> frozenset[str]:
    """The roles that a person holds now."""
    return frozenset(held.role for held in store.held_by(conn, user_id, now_ms))


def _end_sessions(conn: Connection, user_id: str, now_ms: int) -> None:
    reason = events_pb2.SessionEndReason.SESSION_END_REASON_ENDED_BY_STAFF
    for session_id in store.staff_sessions_of(conn, user_id):
        sessions.end_session(conn, session_id, reason, now_ms)


def _repeated(conn: Connection, wanted: Grant) -> Grant | None:
    """The grant that this request made before."""
    found = store.find(conn, wanted.grant_id)
    if found is None:
        return None
    same = replace(
        wanted,
        granted_ms=found.granted_ms,
        expires_ms=found.expires_ms,
        ended_ms=found.ended_ms,
        ended_by=found.ended_by,
        end_reason=found.end_reason,
    )
    if found != same:
        raise RequestIdReused(wanted.grant_id)
    return found
