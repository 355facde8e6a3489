"""One request of a browser to our pages: who it is, whether its form is ours, and signing in."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pulsemesh.auth.v1.session_service_pb2 import SignInRequest
from services.auth.accounts.signing_in_by_password import SigningInByPassword
from services.auth.errors import SignInFailed, SignInThrottled
from services.auth.oauth.browsing import LIFETIME_S, PAGES_CLIENT, Browsing
from services.auth.oauth.errors import OAuthError
from services.auth.oauth.http_calls import call_from
from services.auth.oauth.web import html, requests
from services.auth.oauth.web.texts import language_of, text
from services.auth.sessions import OpenedSession
from services.auth.store.sessions import SessionRow
from services.auth.totp.errors import SignInAttemptOver
from services.chassis.database import StoreUnavailable
from services.chassis.errors import PlatformError

SecondProof = Callable[[str, str], Awaitable[OpenedSession]]
"""From a challenge and what a person typed to a session; raises `PlatformError`."""

_MAX_PASSWORD = 256
_log = structlog.get_logger(__name__)


@dataclass
class Visit:
    """What is known of a request's browser.

    Attributes:
        form_secret, cookie: the two cookies; empty when the browser has none yet.
        session: who is signed in.
        address: path and query of the request.
    """

    request: Request
    language: str
    form_secret: str
    cookie: str
    session: SessionRow | None
    address: str

    def say(self, name: str, **values: str) -> str:
        """A text in the browser's language."""
        return text(self.language, name, **values)


Page = Callable[[Visit], Awaitable[Response]]


class Visits:
    """What all pages have in common."""

    def __init__(
        self,
        public_url: str,
        browsing: Browsing,
        signing_in: SigningInByPassword,
        second_proof: SecondProof,
    ) -> None:
        self._origin = public_url
        secure = public_url.startswith("https://")
        # With this prefix no other host of the domain can set the cookie.
        prefix = "__Host-" if secure else ""
        self._secure = secure
        self._form_cookie = f"{prefix}pulsemesh_form"
        self._session_cookie = f"{prefix}pulsemesh_browser"
        self._browsing = browsing
        self._signing_in = signing_in
        self._second_proof = second_proof

    def page(self, shown: Page, sent: Callable[[Visit, Mapping[str, str]], Awaitable[Response]]) -> Page:
        """The endpoint of a page: `shown` by GET, `sent` by POST, for browsers that are signed in."""

        async def visited(visit: Visit) -> Response:
            if visit.request.method != "POST":
                return await shown(visit)
            self._require_our_origin(visit.request)
            form = await requests.form_of(visit.request)
            token = form.get("form_token", "")
            if not self._browsing.is_our_form(token, visit.form_secret, visit.cookie, visit.address):
                words = html.paragraph(visit.say("form_outdated"), "problem")
                return html.page(visit.say("error_title"), words, language=visit.language, status=403)
            common = await self._common(visit, form)
            return common if common is not None else await sent(visit, form)

        return visited

    async def _common(self, visit: Visit, form: Mapping[str, str]) -> Response | None:
        """Signing in and out, which every page has."""
        action = form.get("action")
        if action == "sign_in":
            return await self._sign_in(visit, form)
        if action == "second":
            return await self._second(visit, form)
        if action == "sign_out":
            await self._browsing.sign_out(visit.cookie)
            return self._again(visit, "")
        if visit.session is None:
            return self.sign_in_page(visit)
        return None

    def endpoint(self, page: Page) -> Callable[[Request], Awaitable[Response]]:
        """A page as Starlette calls it; failures become pages too."""

        async def served(request: Request) -> Response:
            visit = Visit(
                request,
                language_of(request.headers.get("accept-language", "")),
                request.cookies.get(self._form_cookie, ""),
                request.cookies.get(self._session_cookie, ""),
                None,
                _address(request),
            )
            fresh = not visit.form_secret
            if fresh:
                visit.form_secret = self._browsing.new_form_secret()
            response = await self._guarded(page, visit)
            if fresh and request.method != "POST":
                self._set(response, self._form_cookie, visit.form_secret)
            return response

        return served

    async def _guarded(self, page: Page, visit: Visit) -> Response:
        try:
            visit.session = await self._browsing.session(visit.cookie)
            return await page(visit)
        except OAuthError as error:
            words = html.paragraph(visit.say("error", reason=error.description), "problem")
            return html.page(
                visit.say("error_title"), words, language=visit.language, status=max(error.status, 400)
            )
        except StoreUnavailable:
            return self._unavailable(visit, 503)
        except Exception:
            reference = secrets.token_hex(8)
            _log.exception("oauth_page_failed", path=visit.request.url.path, reference=reference)
            return self._unavailable(visit, 500)

    @staticmethod
    def _unavailable(visit: Visit, status: int) -> Response:
        words = html.paragraph(visit.say("unavailable"), "problem")
        return html.page(visit.say("error_title"), words, language=visit.language, status=status)

    def form(self, visit: Visit, *parts: str, kind: str = "") -> str:
        """A form that comes back to the visited page."""
        token = self._browsing.form_token(visit.form_secret, visit.cookie, visit.address)
        return html.form(visit.address, token, *parts, kind=kind)

    def sign_in_page(self, visit: Visit, problem: str = "", email: str = "") -> Response:
        """The page of those who are not signed in."""
        said = [html.paragraph(visit.say(problem), "problem")] if problem else []
        fields = (
            html.field("email", visit.say("email"), kind="email", value=email, complete="username"),
            html.field("password", visit.say("password"), kind="password", complete="current-password"),
            html.button("sign_in", visit.say("sign_in")),
        )
        status = {"failed": 401, "second_failed": 401, "throttled": 429}.get(problem, 200)
        body = self.form(visit, *fields)
        return html.page(visit.say("sign_in"), *said, body, language=visit.language, status=status)

    def sign_out_form(self, visit: Visit, email: str) -> str:
        """Who is signed in, and a way out."""
        said = html.paragraph(visit.say("signed_in_as", email=email))
        return said + self.form(visit, html.button("sign_out", visit.say("sign_out")), kind="quiet")

    async def _sign_in(self, visit: Visit, form: Mapping[str, str]) -> Response:
        email, password = form.get("email", ""), form.get("password", "")
        if len(email) > 254 or len(password) > _MAX_PASSWORD:
            return self.sign_in_page(visit, "failed")
        request = SignInRequest(email=email, password=password, client_id=PAGES_CLIENT, device_name="browser")
        try:
            with call_from(requests.peer(visit.request)):
                result = await self._signing_in.sign_in(request)
        except SignInFailed:
            return self.sign_in_page(visit, "failed", email)
        except SignInThrottled:
            return self.sign_in_page(visit, "throttled", email)
        if result.opened is not None:
            return self._again(visit, await self._browsing.sign_in(result.opened))
        assert result.challenge is not None
        return self._second_page(visit, result.challenge.challenge)

    def _second_page(self, visit: Visit, challenge: str, *, failed: bool = False) -> Response:
        said = [html.paragraph(visit.say("second_failed"), "problem")] if failed else []
        body = self.form(
            visit,
            html.paragraph(visit.say("second_hint")),
            html.hidden("challenge", challenge),
            html.field("code", visit.say("code"), complete="one-time-code"),
            html.button("second", visit.say("go_on")),
        )
        return html.page(
            visit.say("second"), *said, body, language=visit.language, status=401 if failed else 200
        )

    async def _second(self, visit: Visit, form: Mapping[str, str]) -> Response:
        challenge = form.get("challenge", "")
        try:
            with call_from(requests.peer(visit.request)):
                opened = await self._second_proof(challenge, form.get("code", ""))
        except SignInAttemptOver:
            return self.sign_in_page(visit, "second_failed")
        except PlatformError:
            return self._second_page(visit, challenge, failed=True)
        return self._again(visit, await self._browsing.sign_in(opened))

    def _again(self, visit: Visit, cookie: str) -> Response:
        """The same page, for a browser that is somebody else now: with cookies that nobody knew before."""
        response = RedirectResponse(visit.address, 303, headers={"cache-control": "no-store"})
        self._set(response, self._form_cookie, self._browsing.new_form_secret())
        self._set(response, self._session_cookie, cookie)
        return response

    def _set(self, response: Response, name: str, value: str) -> None:
        response.set_cookie(
            name,
            value,
            max_age=LIFETIME_S if value else 0,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite="lax",
        )

    def _require_our_origin(self, request: Request) -> None:
        """
        Raises:
            OAuthError: the browser says that the form came from elsewhere.
        """
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site")
        if (origin is not None and origin != self._origin) or site not in {None, "same-origin", "none"}:
            raise OAuthError("invalid_request", "the form came from another site", status=403)


def _address(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
