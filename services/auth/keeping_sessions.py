"""The use cases of sessions that run: refreshing, listing, ending."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from pulsemesh.auth.v1.events_pb2 import SessionEndReason
from services.auth import sessions
from services.auth.errors import SessionOver
from services.auth.mail.outbox import MailOutbox
from services.auth.roles import roles_of
from services.auth.secret_tokens import fingerprint
from services.auth.sessions import OpenedSession, Refusal, Rotation
from services.auth.store import accounts
from services.auth.store import sessions as store
from services.auth.store.sessions import SessionRow
from services.chassis.call import current_call
from services.chassis.database import Database

MAX_LISTED = 1_000


class KeepingSessions:
    """The use cases."""

    def __init__(self, database: Database, mail: MailOutbox, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._mail = mail
        self._clock_ms = clock_ms

    async def refresh(
        self, refresh_token: str, *, client_id: str | None = None
    ) -> tuple[OpenedSession, frozenset[str]]:
        """Go on with a session; returns it with the roles of its owner, if it is one of staff.

        Args:
            client_id: see `sessions.rotate`.

        Raises:
            SessionOver: it cannot go on. What that entailed is committed.
        """
        peer = current_call().peer
        async with self._database.write() as transaction:
            rotation, roles = await transaction.run(self._rotate, refresh_token, client_id, peer)
        if rotation.opened is None:
            raise SessionOver
        return rotation.opened, roles

    def _rotate(
        self, conn: Connection, refresh_token: str, client_id: str | None, peer: str
    ) -> tuple[Rotation, frozenset[str]]:
        now_ms = self._clock_ms()
        rotation = sessions.rotate(conn, refresh_token, client_id=client_id, peer=peer, now_ms=now_ms)
        if rotation.refusal is Refusal.REUSED and rotation.session is not None:
            self._tell_of_theft(conn, rotation.session, now_ms)
        if rotation.opened is None or rotation.opened.session.kind != "staff":
            return rotation, frozenset()
        roles = roles_of(conn, rotation.opened.session.user_id)
        if not roles:  # they hold none any more
            reason = SessionEndReason.SESSION_END_REASON_ENDED_BY_STAFF
            sessions.end_session(conn, rotation.opened.session_id, reason, now_ms)
            return Rotation(refusal=Refusal.EXPIRED), frozenset()
        return rotation, roles

    def _tell_of_theft(self, conn: Connection, session: SessionRow, now_ms: int) -> None:
        account = accounts.find(conn, session.user_id)
        if account is not None:
            device = session.device_name or session.client_id
            self._mail.notice(conn, account.email, "session_stolen", account.language, now_ms, device=device)

    async def sign_out(self, refresh_token: str) -> None:
        """End the session of a refresh token; an unknown one changes nothing."""
        async with self._database.write() as transaction:
            await transaction.run(self._sign_out, refresh_token)

    def _sign_out(self, conn: Connection, refresh_token: str) -> None:
        found = store.lock_by_token(conn, fingerprint(refresh_token))
        if found is not None:
            reason = SessionEndReason.SESSION_END_REASON_SIGNED_OUT
            sessions.end_session(conn, found[0].session_id, reason, self._clock_ms())

    async def list_of_caller(self) -> list[SessionRow]:
        """The caller's sessions, the one used last first."""
        async with self._database.read() as view:
            return await view.run(store.of_person, current_call().principal.user_id, MAX_LISTED)

    async def end(self, session_id: str) -> bool:
        """End one of the caller's sessions; False when there is none."""
        async with self._database.write() as transaction:
            return await transaction.run(self._end, current_call().principal.user_id, session_id)

    def _end(self, conn: Connection, user_id: str, session_id: str) -> bool:
        session = store.find(conn, session_id)
        if session is None or session.user_id != user_id:
            return False
        reason = SessionEndReason.SESSION_END_REASON_ENDED_BY_OWNER
        return sessions.end_session(conn, session_id, reason, self._clock_ms())

    async def end_all(self, *, keep_current: bool) -> int:
        """End the caller's sessions; returns how many there were."""
        principal = current_call().principal
        keep = principal.session_id if keep_current else ""
        reason = SessionEndReason.SESSION_END_REASON_ENDED_BY_OWNER
        now_ms = self._clock_ms()
        async with self._database.write() as transaction:
            return await transaction.run(
                sessions.end_all, principal.user_id, reason, now_ms, keep_session_id=keep
            )
