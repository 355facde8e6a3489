"""The platform's own programs.

All of them are public: whatever is shipped in an app is no secret. None is let in without being asked for,
for anybody can pretend to be one of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.auth.oauth.clients import CODE, DEVICE, REFRESH, Client
from services.auth.scopes import DEVICE_SCOPES, PERSON_SCOPES

EDGE_CLIENT = "pulsemesh-edge"
CLI_CLIENT = "pulsemesh-cli"
WEB_CLIENT = "pulsemesh-web"
MOBILE_CLIENT = "pulsemesh-mobile"

_NOT_BY_CODE = frozenset({"account", "rights", "consent.write"})
"""What no code that was typed somewhere gives: to take the account over, to export or erase everything, to
consent in the person's name. For these one signs in with the program itself."""


def first_party_clients(public_url: str) -> Mapping[str, Client]:
    """By client id.

    Args:
        public_url: where our pages are.
    """
    clients = (
        Client(
            EDGE_CLIENT,
            "Pulsemesh sensor gateway",
            kind="device",
            grants=frozenset({DEVICE, REFRESH}),
            scopes=DEVICE_SCOPES,
            first_party=True,
        ),
        Client(
            CLI_CLIENT,
            "Pulsemesh command line",
            kind="user",
            grants=frozenset({CODE, DEVICE, REFRESH}),
            scopes=PERSON_SCOPES - _NOT_BY_CODE,
            redirect_uris=("http://127.0.0.1/callback", "http://[::1]/callback"),
            first_party=True,
        ),
        Client(
            WEB_CLIENT,
            "Pulsemesh in the browser",
            kind="user",
            grants=frozenset({CODE, REFRESH}),
            scopes=PERSON_SCOPES,
            redirect_uris=(f"{public_url}/app/callback",),
            first_party=True,
        ),
        Client(
            MOBILE_CLIENT,
            "Pulsemesh for phones",
            kind="user",
            grants=frozenset({CODE, REFRESH}),
            scopes=PERSON_SCOPES,
            redirect_uris=("org.pulsemesh.mobile:/callback",),
            first_party=True,
        ),
    )
    return {client.client_id: client for client in clients}
