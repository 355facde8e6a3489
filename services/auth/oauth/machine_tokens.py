"""Tokens of programs that act for nobody: services that operators configured, and partners by their keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from services.auth.oauth.clients import Client
from services.auth.oauth.errors import UnauthorizedClient
from services.auth.tokens import TokenIssuer
from services.chassis.service_names import SUBJECT_PREFIX

SERVICE_KIND = "service"
PARTNER_KIND = "partner"
PARTNER_PREFIX = "partner:"


class MachineTokens:
    """The grant of client credentials. There is nothing to refresh: the credentials get the next token."""

    def __init__(self, issuer: TokenIssuer) -> None:
        self._issuer = issuer

    def of_service(self, client: Client, names: Iterable[str] | None) -> dict[str, Any]:
        """The answer to a program that proved which one it is.

        Raises:
            InvalidScope: it asks for more than it may have.
            UnauthorizedClient: it is a program of people.
        """
        if client.kind == SERVICE_KIND:
            subject = f"{SUBJECT_PREFIX}{client.name}"
        elif client.kind == PARTNER_KIND:
            subject = f"{PARTNER_PREFIX}{client.name}"
        else:
            raise UnauthorizedClient
        scopes = sorted(client.requested(names))
        issued = self._issuer.access_token(
            subject=subject, kind=client.kind, scopes=scopes, client_id=client.client_id
        )
        return {
            "access_token": issued.access_token,
            "token_type": "Bearer",
            "expires_in": issued.expires_at_s - issued.issued_at_s,
            "scope": " ".join(scopes),
        }
