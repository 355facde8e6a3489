"""What a program asks of a person through the browser (RFC 6749, section 4.1.1), checked.

Until client and address are known to belong together, errors are shown to the person; sent back they would
make of us an open redirector (RFC 9700, section 4.11). After that they go to the program.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from services.auth.oauth import parameters, pkce
from services.auth.oauth.clients import CODE, Client
from services.auth.oauth.errors import InvalidRequest, InvalidScope

MAX_STATE = 1_000


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request that may be shown to the person."""

    client: Client
    redirect_uri: str
    state: str | None
    scopes: frozenset[str]
    code_challenge: str
    prompt: str

    def answered(self, issuer: str, **values: str) -> str:
        """Where the browser goes with these values."""
        return answer_to(self.redirect_uri, self.state, issuer, **values)


class RefusedRequest(Exception):
    """A request that is answered to the program at once.

    Attributes:
        location: where the browser goes.
    """

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


def answer_to(redirect_uri: str, state: str | None, issuer: str, **values: str) -> str:
    """An address of a program with an answer; with `iss`, so that it knows whose it is (RFC 9207)."""
    answered = values | ({"state": state} if state is not None else {}) | {"iss": issuer}
    return redirect_uri + ("&" if "?" in redirect_uri else "?") + urlencode(answered)


def require_client(client: Client | None, query: Mapping[str, str]) -> tuple[Client, str]:
    """The program and the address, which belong together.

    Raises:
        InvalidRequest: they do not; shown to the person.
    """
    redirect_uri = parameters.required(query, "redirect_uri")
    if client is None or client.suspended or CODE not in client.grants:
        raise InvalidRequest("the client is unknown")
    if not client.takes(redirect_uri):
        raise InvalidRequest("redirect_uri is not registered for this client")
    return client, redirect_uri


def read_request(
    client: Client, redirect_uri: str, query: Mapping[str, str], issuer: str
) -> AuthorizationRequest:
    """The rest of a request.

    Raises:
        RefusedRequest: it cannot be served.
    """
    state = query.get("state")

    def refused(error: str, description: str) -> RefusedRequest:
        given = state if state is None or len(state) <= MAX_STATE else None
        return RefusedRequest(
            answer_to(redirect_uri, given, issuer, error=error, error_description=description)
        )

    if state is not None and len(state) > MAX_STATE:
        raise refused("invalid_request", f"state is longer than {MAX_STATE} characters")
    for name in ("request", "request_uri"):
        if name in query:
            raise refused(f"{name}_not_supported", f"{name} is not supported")
    if query.get("response_type") != "code":
        raise refused("unsupported_response_type", "response_type must be code")
    if query.get("response_mode", "query") != "query":
        raise refused("invalid_request", "response_mode must be query")
    challenge = query.get("code_challenge", "")
    if query.get("code_challenge_method") != pkce.METHOD or not pkce.is_challenge(challenge):
        raise refused("invalid_request", "a code_challenge by the method S256 is needed")
    try:
        scopes = client.requested(parameters.scopes(query))
    except InvalidScope as error:
        raise refused(error.error, error.description) from None
    return AuthorizationRequest(client, redirect_uri, state, scopes, challenge, query.get("prompt", ""))
