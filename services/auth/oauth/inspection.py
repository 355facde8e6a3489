"""What a token is worth, and making it worth nothing: revocation, introspection, userinfo."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection

from pulsemesh.auth.v1.events_pb2 import SessionEndReason
from pulsemesh.policy.v1.policy_pb2 import Access
from services.auth import sessions
from services.auth.keyring import Keyring
from services.auth.oauth.clients import Client
from services.auth.oauth.errors import InvalidClient, OAuthError
from services.auth.secret_tokens import fingerprint
from services.auth.sessions import REFRESH_PREFIX
from services.auth.store import sessions as store
from services.auth.store.sessions import SessionRow
from services.chassis.auth import JwksAuthenticator, Principal
from services.chassis.database import Database
from services.chassis.errors import Unauthenticated

_INACTIVE: dict[str, Any] = {"active": False}


class _OwnKeys:
    """The provider's keys as verifiers fetch them."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def fetch(self) -> bytes:
        return self._keyring.public_set()


class Inspection:
    """The use cases."""

    def __init__(
        self, database: Database, keyring: Keyring, *, token_issuer: str, clock_ms: Callable[[], int]
    ) -> None:
        """
        Args:
            token_issuer: the claim `iss` of access tokens.
        """
        self._database = database
        self._clock_ms = clock_ms
        self._issuer = token_issuer
        self._authenticator = JwksAuthenticator(
            _OwnKeys(keyring), issuer=token_issuer, leeway_s=0, clock_s=lambda: clock_ms() / 1000
        )

    async def revoke(self, client: Client, token: str) -> None:
        """End the session of a token of this client, whichever of its tokens it is; others change nothing."""
        session_id = await self._session_id(token)
        async with self._database.write() as transaction:
            await transaction.run(self._revoke, client, token, session_id)

    async def _session_id(self, token: str) -> str:
        if token.startswith(f"{REFRESH_PREFIX}_"):
            return ""
        principal = await self._principal(token)
        return "" if principal is None else principal.session_id

    def _revoke(self, conn: Connection, client: Client, token: str, session_id: str) -> None:
        # A token that was used names its session still: the answer with the next one may have been lost.
        session = _find(conn, token, session_id, used_too=True)
        if session is not None and session.client_id == client.client_id:
            reason = SessionEndReason.SESSION_END_REASON_SIGNED_OUT
            sessions.end_session(conn, session.session_id, reason, self._clock_ms())

    async def introspect(self, client: Client, token: str) -> dict[str, Any]:
        """What a token says, to a client that proved which one it is (RFC 7662).

        A client looks into its own tokens only, unless operators let it into all of them.

        Raises:
            InvalidClient: it is a public client, which proves nothing.
        """
        if not client.confidential:
            raise InvalidClient(challenged=True)
        principal = None if token.startswith(f"{REFRESH_PREFIX}_") else await self._principal(token)
        session_id = "" if principal is None else principal.session_id
        async with self._database.write() as transaction:
            session = await transaction.run(_find, token, session_id)
        if session is None:
            return _INACTIVE
        if session.client_id != client.client_id and not client.introspects:
            return _INACTIVE
        if min(session.expires_ms, session.ends_ms) <= self._clock_ms():
            return _INACTIVE
        if principal is not None:
            return _described(session, self._issuer, principal)
        return _described(session, self._issuer, None)

    async def userinfo(self, authorization: Sequence[str]) -> dict[str, Any]:
        """Whose token it is.

        Raises:
            OAuthError: the token is missing, wrong, or nobody's (RFC 6750).
        """
        if not authorization:
            raise OAuthError(
                "invalid_token", "a token is needed", status=401, headers={"www-authenticate": "Bearer"}
            )
        scheme, _, token = authorization[0].partition(" ")
        principal = None
        if len(authorization) == 1 and scheme.lower() == "bearer":
            principal = await self._principal(token.strip())
        session = None
        if principal is not None:
            async with self._database.read() as view:
                session = await view.run(store.find, principal.session_id)
        if principal is None or session is None or not principal.user_id:
            headers = {"www-authenticate": 'Bearer error="invalid_token"'}
            raise OAuthError("invalid_token", "the token is not valid", status=401, headers=headers)
        return {"sub": principal.user_id}

    async def _principal(self, token: str) -> Principal | None:
        try:
            return await self._authenticator.authenticate(token)
        except Unauthenticated:
            return None


def _find(conn: Connection, token: str, session_id: str, *, used_too: bool = False) -> SessionRow | None:
    """Store function: the session of an access token by its id, or of a refresh token.

    Args:
        used_too: of a refresh token that is not good any more, too.
    """
    if session_id:
        return store.find(conn, session_id)
    found = store.lock_by_token(conn, fingerprint(token))
    return None if found is None or (found[1].used_ms is not None and not used_too) else found[0]


def _described(session: SessionRow, issuer: str, principal: Principal | None) -> dict[str, Any]:
    described: dict[str, Any] = {
        "active": True,
        "client_id": session.client_id,
        "sub": session.user_id,
        "sid": session.session_id,
        "iss": issuer,
        "scope": " ".join(sorted(session.scopes)),
        "exp": min(session.expires_ms, session.ends_ms) // 1000,
    }
    if principal is not None:
        described |= {
            "token_type": "Bearer",
            "scope": " ".join(sorted(principal.scopes)),
            "exp": int(principal.expires_at_s),
            "iat": int(principal.issued_at_s),
            "kind": Access.Name(principal.kind).removeprefix("ACCESS_").lower(),
        }
    return described
