"""Signing in by address and password."""

from __future__ import annotations

from sqlalchemy import Connection

from pulsemesh.auth.v1 import session_service_pb2 as wire
from services.auth import signing_in, throttling
from services.auth.addresses import NotAnAddress, normalised
from services.auth.errors import SignInFailed, SignInThrottled, StaffRefused
from services.auth.places import network_of
from services.auth.signing_in import RequestContext, SignInResult, StaffNeedsMore
from services.auth.store import accounts
from services.auth.store import sessions as session_store
from services.auth.store.accounts import Account
from services.auth.throttling import Subject
from services.auth.tools import Tools

_KNOWN_PLACES = 50


class SigningInByPassword:
    """The use case."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def sign_in(self, request: wire.SignInRequest) -> SignInResult:
        """A session, or a challenge. Unknown addresses cost and answer what known ones do.

        Raises:
            SignInFailed, SignInThrottled, StaffRefused: see there.
        """
        tools = self._tools
        context = RequestContext.of_call(request.client_id, request.device_name, tools.clock_ms())
        try:
            email = normalised(request.email)
        except NotAnAddress:
            email = request.email  # has no account, and is not told so
        async with tools.database.write() as transaction:
            account, subjects, blocked_ms = await transaction.run(self._attempt, email, context)
        if blocked_ms:
            raise SignInThrottled(blocked_ms / 1000)
        kept = account.password_hash if account is not None and account.active else None
        if not await tools.passwords.verify(kept, request.password) or account is None or kept is None:
            raise SignInFailed
        renewed = await tools.passwords.hash(request.password) if tools.passwords.outdated(kept) else kept
        try:
            async with tools.database.write() as transaction:
                result = await transaction.run(self._complete, account, renewed, subjects, context)
        except StaffNeedsMore:
            raise StaffRefused from None
        if result is None:
            raise SignInFailed
        return result

    def _attempt(
        self, conn: Connection, email: str, context: RequestContext
    ) -> tuple[Account | None, list[Subject], int]:
        account = accounts.find_by_email(conn, email)
        subjects = throttling.subjects_of_sign_in(
            self._tools.vault,
            email,
            context.peer,
            owner_is_here=_owner_is_here(conn, account.user_id if account else "", context.peer),
        )
        return account, subjects, throttling.attempt(conn, subjects, context.now_ms)

    def _complete(
        self,
        conn: Connection,
        account: Account,
        password_hash: str,
        subjects: list[Subject],
        context: RequestContext,
    ) -> SignInResult | None:
        now = accounts.lock(conn, account.user_id)
        if now is None or not now.active or now.password_hash != account.password_hash:
            return None  # changed while we were hashing
        if password_hash != now.password_hash:
            accounts.change(conn, now.user_id, password_hash=password_hash)
        throttling.forgive(conn, subjects, context.now_ms)
        return signing_in.complete(conn, now, {"pwd"}, context)


def _owner_is_here(conn: Connection, user_id: str, peer: str) -> bool:
    """Whether the account has a session in the caller's network."""
    known = session_store.of_person(conn, user_id, _KNOWN_PLACES)
    return network_of(peer) in {session.place for session in known}
