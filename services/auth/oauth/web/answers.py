"""Answers for programs: JSON that nobody keeps."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from services.auth.oauth.errors import OAuthError
from services.chassis.database import StoreUnavailable

NO_STORE = {"cache-control": "no-store", "pragma": "no-cache"}
_log = structlog.get_logger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


def answer(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return JSONResponse(content, status, headers={**NO_STORE, **(headers or {})})


def refusal(error: OAuthError) -> Response:
    """An error as RFC 6749 writes it."""
    content = {"error": error.error, "error_description": error.description}
    return answer(content, error.status, error.headers)


def for_programs(endpoint: Endpoint) -> Endpoint:
    """The same endpoint, with failures as programs expect them."""

    async def guarded(request: Request) -> Response:
        try:
            return await endpoint(request)
        except OAuthError as error:
            return refusal(error)
        except StoreUnavailable:
            unavailable = OAuthError("temporarily_unavailable", "try again in a moment", status=503)
            unavailable.headers["retry-after"] = "1"
            return refusal(unavailable)
        except Exception:
            reference = secrets.token_hex(8)
            _log.exception("oauth_endpoint_failed", path=request.url.path, reference=reference)
            return refusal(OAuthError("server_error", f"internal error, reference {reference}", status=500))

    return guarded
