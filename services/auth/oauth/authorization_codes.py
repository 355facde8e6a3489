"""Authorisation codes (RFC 6749, section 4.1): made when a person allows, used once, within a minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from pulsemesh.auth.v1.events_pb2 import SessionEndReason
from services.auth import sessions
from services.auth.oauth import answers, pkce
from services.auth.oauth.clients import Client
from services.auth.oauth.errors import InvalidGrant
from services.auth.oauth.store import codes, grants
from services.auth.oauth.store.codes import BURNT, Code
from services.auth.secret_tokens import fingerprint, new_token
from services.auth.sessions import OpenedSession
from services.auth.store import accounts
from services.auth.tokens import TokenIssuer
from services.chassis.database import Database

CODE_PREFIX = "pma"
LIFETIME_MS = 60_000
REMEMBERED_MS = 86_400_000
"""A code that comes a second time within a day is a theft."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a person allowed a program, and how the program will prove that the code is its own."""

    client: Client
    redirect_uri: str
    scopes: frozenset[str]
    code_challenge: str


class AuthorizationCodes:
    """The use cases."""

    def __init__(self, database: Database, issuer: TokenIssuer, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._issuer = issuer
        self._clock_ms = clock_ms

    async def issue(self, user_id: str, methods: frozenset[str], allowed: Allowed) -> str | None:
        """A code for what a person allowed; None when their account is over."""
        async with self._database.write() as transaction:
            return await transaction.run(self._issue, user_id, methods, allowed)

    def _issue(self, conn: Connection, user_id: str, methods: frozenset[str], allowed: Allowed) -> str | None:
        now_ms = self._clock_ms()
        account = accounts.lock(conn, user_id)
        if account is None or not account.active:
            return None
        client_id = allowed.client.client_id
        kept = grants.find(conn, user_id, client_id)
        scopes = allowed.scopes | (kept.scopes if kept is not None else frozenset())
        grants.put(conn, user_id, client_id, scopes, now_ms)
        code = new_token(CODE_PREFIX)
        codes.add(
            conn,
            Code(
                code_sha256=fingerprint(code),
                client_id=client_id,
                user_id=user_id,
                redirect_uri=allowed.redirect_uri,
                scopes=allowed.scopes,
                code_challenge=allowed.code_challenge,
                methods=methods,
                expires_ms=now_ms + LIFETIME_MS,
                session_id=None,
                forget_ms=now_ms + REMEMBERED_MS,
            ),
        )
        return code

    async def redeem(
        self, client: Client, code: str, *, redirect_uri: str, verifier: str, peer: str
    ) -> dict[str, Any]:
        """The tokens for a code.

        Raises:
            InvalidGrant: it leads nowhere. What that entails is committed.
        """
        async with self._database.write() as transaction:
            opened = await transaction.run(
                self._redeem, client, code, redirect_uri=redirect_uri, verifier=verifier, peer=peer
            )
        if opened is None:
            raise InvalidGrant
        return answers.token_answer(opened, self._issuer)

    def _redeem(
        self, conn: Connection, client: Client, code: str, *, redirect_uri: str, verifier: str, peer: str
    ) -> OpenedSession | None:
        now_ms = self._clock_ms()
        kept = codes.lock(conn, fingerprint(code))
        if kept is None:
            return None
        if kept.session_id is not None:
            self._end_what_came_of(conn, kept, now_ms)
            return None
        if kept.client_id != client.client_id or kept.expires_ms <= now_ms:
            return None
        if kept.redirect_uri != redirect_uri or not pkce.matches(kept.code_challenge, verifier):
            # Whoever got hold of a code does not get to try.
            codes.use(conn, kept.code_sha256, BURNT)
            return None
        account = accounts.lock(conn, kept.user_id)
        grant = grants.find(conn, kept.user_id, kept.client_id)
        if account is None or not account.active or grant is None or not kept.scopes <= grant.scopes:
            return None  # withdrawn meanwhile
        opened = sessions.open_session(
            conn,
            user_id=kept.user_id,
            kind=client.kind,
            client_id=client.client_id,
            scopes=kept.scopes,
            methods=kept.methods,
            device_name=client.name,
            peer=peer,
            now_ms=now_ms,
        )
        codes.use(conn, kept.code_sha256, opened.session_id)
        return opened

    @staticmethod
    def _end_what_came_of(conn: Connection, kept: Code, now_ms: int) -> None:
        """A code came a second time: one of both who had it stole it."""
        if kept.session_id:
            reason = SessionEndReason.SESSION_END_REASON_REUSE
            sessions.end_session(conn, kept.session_id, reason, now_ms)
