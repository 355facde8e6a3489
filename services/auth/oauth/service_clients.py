"""Services that operators configured to get tokens by client credentials."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from services.auth.oauth.clients import CLIENT, Client
from services.auth.oauth.machine_tokens import SERVICE_KIND
from services.auth.scopes import UnknownScopes, known_scopes
from services.chassis.settings.loading import SettingsError

PREFIX = "service-"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_KNOWN = {"secret_sha256", "scopes", "introspects"}


def load_service_clients(path: Path | None) -> Mapping[str, Client]:
    """The configured services by client id, "service-<name>"; none without a file.

    Raises:
        SettingsError: the file cannot be read, or an entry makes no sense.
    """
    if path is None:
        return {}
    try:
        document = json.loads(path.read_text("utf-8"))
        if not isinstance(document, dict):
            raise ValueError("must be an object")
        clients = [_client(name, entry) for name, entry in document.items()]
    except (OSError, ValueError, TypeError, UnknownScopes) as error:
        raise SettingsError([f"PULSEMESH_OAUTH_SERVICE_CLIENTS_FILE {path}: {error}"]) from error
    return {client.client_id: client for client in clients}


def _client(name: str, entry: Mapping[str, Any]) -> Client:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a service")
    if not isinstance(entry, dict) or not set(entry) <= _KNOWN:
        raise ValueError(f"{name}: only {', '.join(sorted(_KNOWN))} are known")
    secret = bytes.fromhex(entry["secret_sha256"]) if "secret_sha256" in entry else b""
    if len(secret) != 32:
        raise ValueError(f"{name}: secret_sha256 must be the SHA-256 of a secret, in hexadecimal")
    return Client(
        client_id=PREFIX + name,
        name=name,
        kind=SERVICE_KIND,
        grants=frozenset({CLIENT}),
        scopes=known_scopes(entry.get("scopes", ())),
        confidential=True,
        secrets_sha256=(secret,),
        introspects=bool(entry.get("introspects", False)),
    )
