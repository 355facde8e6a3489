"""/oauth/authorize: a person is asked whether a program may do something for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from sqlalchemy import Connection
from starlette.responses import RedirectResponse, Response

from services.auth.oauth import parameters, redirecting
from services.auth.oauth.authorization_codes import Allowed, AuthorizationCodes
from services.auth.oauth.authorization_request import (
    AuthorizationRequest,
    RefusedRequest,
    read_request,
    require_client,
)
from services.auth.oauth.directory import ClientDirectory
from services.auth.oauth.store import grants
from services.auth.oauth.web import html, requests
from services.auth.oauth.web.visits import Visit, Visits
from services.auth.scopes import SCOPES
from services.auth.store import accounts
from services.auth.store.sessions import SessionRow
from services.chassis.database import Database


class AuthorizePage:
    """The page, as it is shown and as it comes back."""

    def __init__(
        self,
        issuer: str,
        *,
        visits: Visits,
        database: Database,
        directory: ClientDirectory,
        codes: AuthorizationCodes,
        clock_ms: Callable[[], int],
    ) -> None:
        self._issuer = issuer
        self._visits = visits
        self._database = database
        self._directory = directory
        self._codes = codes
        self._clock_ms = clock_ms

    async def shown(self, visit: Visit) -> Response:
        """By GET."""
        try:
            asked = await self._request(visit)
        except RefusedRequest as refused:
            return _go(refused.location)
        session = visit.session
        if session is None:
            if asked.prompt == "none":
                return self._refuse(asked, "login_required", "nobody is signed in")
            return self._visits.sign_in_page(visit)
        if asked.prompt != "consent" and await self._allowed_before(session, asked):
            return await self._allow(session, asked)
        if asked.prompt == "none":
            return self._refuse(asked, "consent_required", "the person has to be asked")
        return await self._ask(visit, session, asked)

    async def sent(self, visit: Visit, form: Mapping[str, str]) -> Response:
        """By POST, from a form of ours, by somebody who is signed in."""
        try:
            asked = await self._request(visit)
        except RefusedRequest as refused:
            return _go(refused.location)
        assert visit.session is not None
        if form.get("action") == "allow":
            return await self._allow(visit.session, asked)
        return self._refuse(asked, "access_denied", "the person refused")

    async def _request(self, visit: Visit) -> AuthorizationRequest:
        query = requests.query_of(visit.request)
        client_id = parameters.required(query, "client_id")
        async with self._database.read() as view:
            found = await view.run(self._directory.find, client_id, self._clock_ms())
        client, redirect_uri = require_client(found, query)
        return read_request(client, redirect_uri, query, self._issuer)

    async def _allowed_before(self, session: SessionRow, asked: AuthorizationRequest) -> bool:
        """Whether the person need not be asked again: TLS proves who gets the code, and nothing is new."""
        if not redirecting.is_web(asked.redirect_uri):
            return False
        async with self._database.read() as view:
            kept = await view.run(grants.find, session.user_id, asked.client.client_id)
        return kept is not None and asked.scopes <= kept.scopes

    async def _allow(self, session: SessionRow, asked: AuthorizationRequest) -> Response:
        allowed = Allowed(asked.client, asked.redirect_uri, asked.scopes, asked.code_challenge)
        code = await self._codes.issue(session.user_id, session.methods, allowed)
        if code is None:
            return self._refuse(asked, "access_denied", "the account is closed")
        return _go(asked.answered(self._issuer, code=code))

    def _refuse(self, asked: AuthorizationRequest, error: str, description: str) -> Response:
        return _go(asked.answered(self._issuer, error=error, error_description=description))

    async def _ask(self, visit: Visit, session: SessionRow, asked: AuthorizationRequest) -> Response:
        app = asked.client.name
        async with self._database.read() as view:
            email = await view.run(email_of, session.user_id)
        form = self._visits.form(
            visit,
            html.button("allow", visit.say("allow")),
            html.button("deny", visit.say("deny")),
        )
        stranger = not asked.client.first_party
        return html.page(
            visit.say("consent_title", app=app),
            html.paragraph(visit.say("wants", app=app)),
            html.items(SCOPES[name].text(visit.language) for name in sorted(asked.scopes)),
            html.paragraph(visit.say("third_party", app=app), "warning") if stranger else "",
            html.paragraph(visit.say("goes_to", place=_place(asked.redirect_uri))),
            form,
            self._visits.sign_out_form(visit, email),
            language=visit.language,
            form_sources=[redirecting.form_source(asked.redirect_uri)],
        )


def email_of(conn: Connection, user_id: str) -> str:
    """Store function: the address by which a person knows which account it is."""
    account = accounts.find(conn, user_id)
    return (account.email or "") if account is not None else ""


def _place(redirect_uri: str) -> str:
    return urlsplit(redirect_uri).hostname or redirect_uri.partition(":")[0]


def _go(location: str) -> Response:
    # 303: whatever was posted here is not posted there.
    return RedirectResponse(
        location, 303, headers={"cache-control": "no-store", "referrer-policy": "no-referrer"}
    )
