"""Apps of other people: registering, changing, deleting, suspending."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import Connection

from pulsemesh.auth.v1 import oauth_app_service_pb2 as wire
from pulsemesh.auth.v1.events_pb2 import SessionEndReason
from pulsemesh.ulid import new_ulid
from services.auth import sessions
from services.auth.errors import AccountNotFound
from services.auth.oauth import redirecting
from services.auth.oauth.failures import TooMany
from services.auth.oauth.store import apps as store
from services.auth.oauth.store import grants
from services.auth.oauth.store.apps import App
from services.auth.scopes import THIRD_PARTY_SCOPES
from services.auth.secret_tokens import fingerprint, new_token
from services.auth.sessions import APP_PREFIX
from services.auth.store import accounts
from services.chassis.database import Database
from services.chassis.errors import EtagMismatch, InvalidField, InvalidRequest, NotFound

MOST_APPS = 20
SECRET_PREFIX = "pms"
FORMER_SECRET_MS = 86_400_000
"""So long an app's servers have to take up its next secret."""
_IMITATED = ("pulsemesh",)


class Apps:
    """The use cases."""

    def __init__(self, database: Database, clock_ms: Callable[[], int]) -> None:
        self._database = database
        self._clock_ms = clock_ms

    async def register(self, owner_id: str, request: wire.RegisterAppRequest) -> tuple[App, str]:
        """A new app and its secret, empty where it has none; see the contract for repeats.

        Raises:
            InvalidRequest, TooMany, AccountNotFound: see there.
        """
        _check(request.name, request.redirect_uris, request.scopes)
        async with self._database.write() as transaction:
            return await transaction.run(self._register, owner_id, request)

    def _register(self, conn: Connection, owner_id: str, request: wire.RegisterAppRequest) -> tuple[App, str]:
        account = accounts.lock(conn, owner_id)
        if account is None or not account.active:
            raise AccountNotFound(owner_id)
        now_ms = self._clock_ms()
        known = store.find_by_request(conn, owner_id, request.request_id)
        if known is not None:
            if not known.confidential:
                return known, ""
            secret = new_token(SECRET_PREFIX)
            store.change(conn, known.client_id, secret_sha256=fingerprint(secret))
            return _found(conn, known.client_id), secret
        if store.count_of_owner(conn, owner_id) >= MOST_APPS:
            raise TooMany("apps", MOST_APPS)
        secret = new_token(SECRET_PREFIX) if request.confidential else ""
        app = App(
            client_id=f"{APP_PREFIX}{new_ulid(now_ms).lower()}",
            owner_id=owner_id,
            request_id=request.request_id,
            name=_tidy(request.name),
            homepage=request.homepage,
            confidential=request.confidential,
            redirect_uris=tuple(request.redirect_uris),
            scopes=frozenset(request.scopes),
            secret_sha256=fingerprint(secret) if secret else None,
            former_secret_sha256=None,
            former_until_ms=None,
            suspended_ms=None,
            created_ms=now_ms,
            version=1,
        )
        store.add(conn, app)
        return app, secret

    async def of_owner(self, owner_id: str) -> list[App]:
        """A person's apps."""
        async with self._database.read() as view:
            return await view.run(store.of_owner, owner_id)

    async def update(self, owner_id: str, request: wire.UpdateAppRequest) -> App:
        """Change an app.

        Raises:
            InvalidRequest, NotFound, EtagMismatch: see there.
        """
        _check(request.name, request.redirect_uris, request.scopes)
        async with self._database.write() as transaction:
            return await transaction.run(self._update, owner_id, request)

    def _update(self, conn: Connection, owner_id: str, request: wire.UpdateAppRequest) -> App:
        app = _owned(conn, owner_id, request.client_id)
        if request.etag and request.etag != etag(app):
            raise EtagMismatch("app", app.client_id, etag(app))
        store.change(
            conn,
            app.client_id,
            name=_tidy(request.name),
            homepage=request.homepage,
            redirect_uris=store.encoded(list(request.redirect_uris)),
            scopes=" ".join(sorted(request.scopes)),
        )
        return _found(conn, app.client_id)

    async def rotate_secret(self, owner_id: str, client_id: str, *, at_once: bool) -> str:
        """Another secret.

        Raises:
            NotFound: the person has no such app.
            InvalidField: it is one that cannot keep a secret.
        """
        async with self._database.write() as transaction:
            return await transaction.run(self._rotate, owner_id, client_id, at_once)

    def _rotate(self, conn: Connection, owner_id: str, client_id: str, at_once: bool) -> str:
        app = _owned(conn, owner_id, client_id)
        if not app.confidential:
            raise InvalidField("client_id", "is of an app without a secret")
        secret = new_token(SECRET_PREFIX)
        store.change(
            conn,
            client_id,
            secret_sha256=fingerprint(secret),
            former_secret_sha256=None if at_once else app.secret_sha256,
            former_until_ms=None if at_once else self._clock_ms() + FORMER_SECRET_MS,
        )
        return secret

    async def delete(self, owner_id: str, client_id: str) -> None:
        """Delete an app, and end its sessions; a repeat changes nothing."""
        async with self._database.write() as transaction:
            await transaction.run(self._delete, owner_id, client_id)

    def _delete(self, conn: Connection, owner_id: str, client_id: str) -> None:
        app = store.lock(conn, client_id)
        if app is not None and app.owner_id == owner_id:
            store.remove(conn, client_id)
            grants.remove_of_client(conn, client_id)
            end_sessions_of(conn, client_id, None, self._clock_ms())

    async def suspend(self, client_id: str, *, suspended: bool) -> App:
        """Suspend an app of anybody, which ends its sessions, or let it go on.

        Raises:
            NotFound: there is none.
        """
        async with self._database.write() as transaction:
            return await transaction.run(self._suspend, client_id, suspended)

    def _suspend(self, conn: Connection, client_id: str, suspended: bool) -> App:
        app = store.lock(conn, client_id)
        if app is None:
            raise NotFound("app", client_id)
        now_ms = self._clock_ms()
        if suspended == (app.suspended_ms is None):
            store.change(conn, client_id, suspended_ms=now_ms if suspended else None)
        if suspended:
            end_sessions_of(conn, client_id, None, now_ms)
        return _found(conn, client_id)


def end_sessions_of(conn: Connection, client_id: str, user_id: str | None, now_ms: int) -> int:
    """Store function: end what a program has with one person, or with all; returns how many there were."""
    reason = SessionEndReason.SESSION_END_REASON_GRANT_WITHDRAWN
    ids = grants.sessions_of(conn, client_id, user_id)
    return sum(sessions.end_session(conn, session_id, reason, now_ms) for session_id in ids)


def etag(app: App) -> str:
    """By which a change since is noticed."""
    return f"{app.version}"


def _owned(conn: Connection, owner_id: str, client_id: str) -> App:
    app = store.lock(conn, client_id)
    if app is None or app.owner_id != owner_id:
        raise NotFound("app", client_id)
    return app


def _found(conn: Connection, client_id: str) -> App:
    app = store.find(conn, client_id)
    assert app is not None  # locked by the caller
    return app


def _tidy(name: str) -> str:
    return " ".join(name.split())


def _check(name: str, redirect_uris: Iterable[str], scopes: Iterable[str]) -> None:
    """
    Raises:
        InvalidRequest: something that no app may have.
    """
    violations = []
    tidy = _tidy(name)
    if not tidy or not tidy.isprintable():
        violations.append(("name", "must be text that can be shown"))
    if any(word in tidy.casefold().replace(" ", "") for word in _IMITATED):
        violations.append(("name", "must not be taken for the platform's own"))
    for index, uri in enumerate(redirect_uris):
        problem = redirecting.problem_of(uri)
        if problem is not None:
            violations.append((f"redirect_uris[{index}]", problem))
    unknown = sorted(set(scopes) - THIRD_PARTY_SCOPES)
    if unknown:
        violations.append(("scopes", f"other people's programs cannot have {' '.join(unknown)}"))
    if violations:
        raise InvalidRequest(violations)
