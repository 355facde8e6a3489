"""Browsers that are signed in at our pages, and forms that nobody else can fill in for them.

A browser holds two cookies: one that names its forms, from its first page on, and one that names its session,
once somebody signed in. A form carries a keyed hash over both and over the address that it is sent to, the
parameters included: a page elsewhere cannot know it, and what a person agrees to is what they were shown.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

from sqlalchemy import Connection

from pulsemesh.auth.v1.events_pb2 import SessionEndReason
from services.auth import sessions
from services.auth.oauth.store import browsers
from services.auth.secret_tokens import fingerprint, new_token
from services.auth.sessions import OpenedSession
from services.auth.store.sessions import SessionRow
from services.auth.vault import Vault
from services.chassis.database import Database

PAGES_CLIENT = "pulsemesh-pages"
"""The client id of a browser's own session, as the list of sessions shows it."""
LIFETIME_S = 12 * 3_600
_FORM_PREFIX = "pmf"
_BROWSER_PREFIX = "pmb"
_LABEL = "oauth form"


class Browsing:
    """The use cases."""

    def __init__(self, database: Database, vault: Vault, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._vault = vault
        self._clock_ms = clock_ms

    @staticmethod
    def new_form_secret() -> str:
        """What the first cookie holds."""
        return new_token(_FORM_PREFIX)

    def form_token(self, form_secret: str, cookie: str, address: str) -> str:
        """What a form carries that goes to `address`, path and query."""
        mac = self._vault.mac(_LABEL, f"{form_secret}\0{cookie}\0{address}")
        return base64.urlsafe_b64encode(mac).decode("ascii")

    def is_our_form(self, token: str, form_secret: str, cookie: str, address: str) -> bool:
        """Whether a form was made by us, for this browser as it is signed in now, and for this address."""
        try:
            mac = base64.urlsafe_b64decode(token.encode("ascii"))
        except (binascii.Error, ValueError):
            return False
        return bool(form_secret) and self._vault.matches(_LABEL, f"{form_secret}\0{cookie}\0{address}", mac)

    async def session(self, cookie: str) -> SessionRow | None:
        """Who is signed in."""
        if not cookie:
            return None
        async with self._database.read() as view:
            return await view.run(browsers.find, fingerprint(cookie), self._clock_ms())

    async def sign_in(self, opened: OpenedSession) -> str:
        """Keep a session that was just opened for a browser; returns its cookie.

        The session's refresh token goes nowhere: the cookie is what leads to it.
        """
        cookie = new_token(_BROWSER_PREFIX)
        expires_ms = self._clock_ms() + LIFETIME_S * 1000
        async with self._database.write() as transaction:
            await transaction.run(browsers.add, fingerprint(cookie), opened.session_id, expires_ms)
        return cookie

    async def sign_out(self, cookie: str) -> None:
        """End a browser's session."""
        async with self._database.write() as transaction:
            await transaction.run(self._sign_out, cookie)

    def _sign_out(self, conn: Connection, cookie: str) -> None:
        now_ms = self._clock_ms()
        session = browsers.find(conn, fingerprint(cookie), now_ms)
        if session is not None:
            reason = SessionEndReason.SESSION_END_REASON_SIGNED_OUT
            sessions.end_session(conn, session.session_id, reason, now_ms)

    async def forget(self) -> None:
        """End the sessions of browsers whose time is over."""
        async with self._database.write() as transaction:
            await transaction.run(self._forget)

    def _forget(self, conn: Connection) -> None:
        now_ms = self._clock_ms()
        for session_id in browsers.forget(conn, now_ms):
            sessions.end_session(conn, session_id, SessionEndReason.SESSION_END_REASON_EXPIRED, now_ms)
