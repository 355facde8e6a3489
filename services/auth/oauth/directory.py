"""Where programs are looked up: the platform's own, those that operators configured, those that people
registered, and the keys of partners.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from services.auth.oauth.api_keys import client_of_key
from services.auth.oauth.clients import CODE, REFRESH, Client
from services.auth.oauth.store import api_keys, apps
from services.auth.oauth.store.apps import App
from services.auth.sessions import APP_PREFIX


class ClientDirectory:
    """Every program that there is."""

    def __init__(self, first_party: Mapping[str, Client], services: Mapping[str, Client]) -> None:
        """
        Args:
            services: configured by operators; see `services.auth.oauth.service_clients`.
        """
        self._fixed = {**first_party, **services}

    def find(self, conn: Connection, client_id: str, now_ms: int) -> Client | None:
        """Store function: the program of that id, suspended ones included."""
        fixed = self._fixed.get(client_id)
        if fixed is not None:
            return fixed
        if not client_id.startswith(APP_PREFIX):
            key = api_keys.find(conn, client_id)
            return None if key is None else client_of_key(key, now_ms)
        app = apps.find(conn, client_id)
        return None if app is None else client_of(app, now_ms)

    def known(self, conn: Connection, client_ids: list[str], now_ms: int) -> dict[str, Client]:
        """Store function: those of these ids that exist."""
        found = {app.client_id: client_of(app, now_ms) for app in apps.names_of(conn, client_ids).values()}
        return found | {each: self._fixed[each] for each in client_ids if each in self._fixed}


def client_of(app: App, now_ms: int) -> Client:
    """A registered app as the endpoints know programs."""
    secrets = [app.secret_sha256] if app.secret_sha256 is not None else []
    if app.former_secret_sha256 is not None and (app.former_until_ms or 0) > now_ms:
        secrets.append(app.former_secret_sha256)
    return Client(
        client_id=app.client_id,
        name=app.name,
        kind="user",
        grants=frozenset({CODE, REFRESH}),
        scopes=app.scopes,
        redirect_uris=app.redirect_uris,
        confidential=app.confidential,
        secrets_sha256=tuple(secrets),
        homepage=app.homepage,
        suspended=app.suspended_ms is not None,
    )
