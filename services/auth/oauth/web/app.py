"""Which address is answered by what."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from services.auth.oauth.errors import OAuthError
from services.auth.oauth.web.answers import Endpoint, for_programs, refusal
from services.auth.oauth.web.authorize_page import AuthorizePage
from services.auth.oauth.web.device_page import DevicePage
from services.auth.oauth.web.program_endpoints import ProgramEndpoints
from services.auth.oauth.web.visits import Visits


def program_routes(endpoints: ProgramEndpoints) -> list[BaseRoute]:
    """The addresses that programs call."""
    return [
        _route("/.well-known/oauth-authorization-server", endpoints.metadata, "GET"),
        _route("/.well-known/openid-configuration", endpoints.metadata, "GET"),
        _route("/.well-known/jwks.json", endpoints.keys, "GET"),
        _route("/oauth/token", endpoints.token, "POST"),
        _route("/oauth/device_authorization", endpoints.device_authorization, "POST"),
        _route("/oauth/revoke", endpoints.revoke, "POST"),
        _route("/oauth/introspect", endpoints.introspect, "POST"),
        _route("/oauth/userinfo", endpoints.userinfo, "GET", "POST"),
    ]


def page_routes(visits: Visits, authorize: AuthorizePage, device: DevicePage) -> list[BaseRoute]:
    """The addresses that people open."""
    pages = {
        "/oauth/authorize": visits.page(authorize.shown, authorize.sent),
        "/oauth/device": visits.page(device.shown, device.sent),
    }
    return [Route(path, visits.endpoint(page), methods=["GET", "POST"]) for path, page in pages.items()]


def _route(path: str, endpoint: Endpoint, *methods: str) -> Route:
    return Route(path, for_programs(endpoint), methods=list(methods))


def app(routes: Sequence[BaseRoute]) -> Starlette:
    """The whole surface."""
    handlers = {404: _not_found, 405: _not_allowed}
    return Starlette(routes=list(routes), exception_handlers=handlers)


async def _not_found(request: Request, error: Exception) -> Response:
    return refusal(OAuthError("invalid_request", "there is nothing here", status=404))


async def _not_allowed(request: Request, error: Exception) -> Response:
    headers = getattr(error, "headers", None)
    return refusal(OAuthError("invalid_request", "not by this method", status=405, headers=headers))
