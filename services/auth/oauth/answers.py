"""What the token endpoint answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.auth.sessions import OpenedSession
from services.auth.tokens import TokenIssuer


def token_answer(
    opened: OpenedSession, issuer: TokenIssuer, scopes: Iterable[str] | None = None
) -> dict[str, Any]:
    """The answer with which a session begins or goes on (RFC 6749, section 5.1).

    Args:
        scopes: of the access token, where they are fewer than the session's.
    """
    session = opened.session
    allowed = sorted(session.scopes if scopes is None else scopes)
    issued = issuer.access_token(
        subject=session.user_id,
        kind=session.kind,
        scopes=allowed,
        client_id=session.client_id,
        session_id=session.session_id,
        methods=session.methods,
        authenticated_at_s=session.authenticated_ms // 1000,
    )
    return {
        "access_token": issued.access_token,
        "token_type": "Bearer",
        "expires_in": issued.expires_at_s - issued.issued_at_s,
        "refresh_token": opened.refresh_token,
        "scope": " ".join(allowed),
        # Beyond RFC 6749, for our own programs: how long they may sleep, and which session they list it as.
        "refresh_expires_in": max(session.expires_ms // 1000 - issued.issued_at_s, 0),
        "sub": session.user_id,
        "sid": session.session_id,
    }
