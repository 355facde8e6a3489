"""/oauth/device: a person types the code that a device shows, sees what it asks for, and decides."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from services.auth.oauth.device_pairing import DevicePairing, Pending, Person
from services.auth.oauth.failures import UserCodeThrottled, UserCodeUnknown
from services.auth.oauth.web import html, requests
from services.auth.oauth.web.authorize_page import email_of
from services.auth.oauth.web.visits import Visit, Visits
from services.auth.scopes import SCOPES
from services.auth.store.sessions import SessionRow
from services.chassis.database import Database

MAX_CODE = 32


class DevicePage:
    """The page, as it is shown and as it comes back."""

    def __init__(self, *, visits: Visits, database: Database, pairing: DevicePairing) -> None:
        self._visits = visits
        self._database = database
        self._pairing = pairing

    async def shown(self, visit: Visit) -> Response:
        """By GET. A code in the address only fills the field in: nothing is confirmed by following a link."""
        code = requests.query_of(visit.request).get("user_code", "")[:MAX_CODE]
        if visit.session is None:
            return self._visits.sign_in_page(visit)
        return await self._enter(visit, visit.session, code)

    async def sent(self, visit: Visit, form: Mapping[str, str]) -> Response:
        """By POST, from a form of ours, by somebody who is signed in."""
        assert visit.session is not None
        code = form.get("user_code", "")[:MAX_CODE]
        person = Person(visit.session.user_id, visit.session.methods, requests.peer(visit.request))
        try:
            match form.get("action"):
                case "look":
                    return await self._ask(visit, visit.session, code, await self._pairing.look(code, person))
                case "allow":
                    await self._pairing.approve(code, person)
                    return self._done(visit, "device_done")
                case _:
                    await self._pairing.deny(code, person)
                    return self._done(visit, "device_denied")
        except UserCodeUnknown:
            return await self._enter(visit, visit.session, "", problem="device_unknown")
        except UserCodeThrottled:
            return await self._enter(visit, visit.session, "", problem="throttled")

    async def _enter(self, visit: Visit, session: SessionRow, code: str, problem: str = "") -> Response:
        form = self._visits.form(
            visit,
            html.field("user_code", visit.say("device_code"), value=code),
            html.button("look", visit.say("go_on")),
        )
        return html.page(
            visit.say("device_title"),
            html.paragraph(visit.say(problem), "problem") if problem else "",
            form,
            self._visits.sign_out_form(visit, await self._email(session)),
            language=visit.language,
            status={"device_unknown": 404, "throttled": 429}.get(problem, 200),
        )

    async def _ask(self, visit: Visit, session: SessionRow, code: str, pending: Pending) -> Response:
        grant, app = pending.grant, pending.client.name
        if grant.device_name:
            asks = visit.say("device_asks", app=app, device=grant.device_name)
        else:
            asks = visit.say("device_asks_unnamed", app=app)
        form = self._visits.form(
            visit,
            html.hidden("user_code", code),
            html.button("allow", visit.say("allow")),
            html.button("deny", visit.say("deny")),
        )
        return html.page(
            visit.say("device_title"),
            html.paragraph(asks),
            html.items(SCOPES[name].text(visit.language) for name in sorted(grant.scopes)),
            html.paragraph(visit.say("device_place", place=grant.place)),
            html.paragraph(visit.say("device_warning"), "warning"),
            form,
            self._visits.sign_out_form(visit, await self._email(session)),
            language=visit.language,
        )

    def _done(self, visit: Visit, name: str) -> Response:
        return html.page(visit.say("device_title"), html.paragraph(visit.say(name)), language=visit.language)

    async def _email(self, session: SessionRow) -> str:
        async with self._database.read() as view:
            return await view.run(email_of, session.user_id)
