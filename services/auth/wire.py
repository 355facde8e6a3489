"""From what the service keeps to the contract's messages."""

from __future__ import annotations

from collections.abc import Iterable

from pulsemesh.auth.v1 import account_pb2, session_pb2
from services.auth.sessions import OpenedSession
from services.auth.signing_in import SignInResult
from services.auth.store.accounts import Account
from services.auth.store.sessions import SessionRow
from services.auth.tokens import IssuedToken, TokenIssuer

STAFF_TOKEN_S = 300
"""Roles are read anew so often, at the least."""


def access_token_of(session: SessionRow, issuer: TokenIssuer, roles: Iterable[str] = ()) -> IssuedToken:
    """An access token of a session.

    Args:
        roles: of staff, as they are now: for sessions of the kind "staff".
    """
    return issuer.access_token(
        subject=session.user_id,
        kind=session.kind,
        scopes=session.scopes,
        client_id=session.client_id,
        session_id=session.session_id,
        methods=session.methods,
        authenticated_at_s=session.authenticated_ms // 1000,
        roles=roles if session.kind == "staff" else (),
        lifetime_s=min(STAFF_TOKEN_S, issuer.lifetime_s) if session.kind == "staff" else None,
    )


def tokens_message(
    opened: OpenedSession, issuer: TokenIssuer, roles: Iterable[str] = ()
) -> session_pb2.Tokens:
    """What a client gets when a session opens or goes on."""
    session = opened.session
    issued = access_token_of(session, issuer, roles)
    message = session_pb2.Tokens(
        access_token=issued.access_token,
        refresh_token=opened.refresh_token,
        user_id=session.user_id,
        session_id=session.session_id,
        scopes=sorted(session.scopes),
    )
    message.access_expires_at.FromSeconds(issued.expires_at_s)
    message.refresh_expires_at.FromMilliseconds(session.expires_ms)
    return message


def sign_in_result_message(
    result: SignInResult, issuer: TokenIssuer, roles: Iterable[str] = ()
) -> session_pb2.SignInResult:
    """What came of a way to sign in."""
    if result.opened is not None:
        return session_pb2.SignInResult(tokens=tokens_message(result.opened, issuer, roles))
    challenge = result.challenge
    assert challenge is not None
    asked = session_pb2.SecondFactorChallenge(challenge=challenge.challenge, methods=challenge.methods)
    asked.expires_at.FromMilliseconds(challenge.expires_ms)
    return session_pb2.SignInResult(second_factor=asked)


def session_message(session: SessionRow, current_session_id: str) -> session_pb2.Session:
    """A session as its owner sees it."""
    message = session_pb2.Session(
        session_id=session.session_id,
        device_name=session.device_name,
        client_id=session.client_id,
        place=session.place,
        current=session.session_id == current_session_id,
        methods=sorted(session.methods),
        scopes=sorted(session.scopes),
    )
    message.created_at.FromMilliseconds(session.created_ms)
    message.last_used_at.FromMilliseconds(session.used_ms // 60_000 * 60_000)
    message.expires_at.FromMilliseconds(min(session.expires_ms, session.ends_ms))
    return message


def account_message(account: Account, pending_email: str = "") -> account_pb2.Account:
    """An account as its owner sees it."""
    message = account_pb2.Account(
        user_id=account.user_id,
        email=account.email or "",
        pending_email=pending_email,
        country=account.country,
        language=account.language,
        has_password=account.password_hash is not None,
    )
    message.created_at.FromMilliseconds(account.created_ms)
    if account.deletion_requested_ms is not None:
        message.deletion_requested_at.FromMilliseconds(account.deletion_requested_ms)
    return message
