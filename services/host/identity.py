"""The token with which this process calls other services."""

from __future__ import annotations

import time

from services.auth.issuer import DevelopmentIssuer, IssuedToken
from services.chassis.channels import FileServiceToken, ServiceToken
from services.chassis.settings import Settings

RENEW_BEFORE_S = 300


class DevelopmentServiceToken:
    """Tokens of the development issuer, renewed before they expire."""

    def __init__(self, issuer: DevelopmentIssuer, name: str) -> None:
        self._issuer = issuer
        self._name = name
        self._issued: IssuedToken | None = None

    def token(self) -> str:
        """See `ServiceToken.token`."""
        issued = self._issued
        if issued is None or issued.expires_at_s - RENEW_BEFORE_S < time.time():
            issued = self._issued = self._issuer.issue_for_service(self._name)
        return issued.access_token


def development_issuer(settings: Settings) -> DevelopmentIssuer | None:
    """The issuer where the settings have it on; makes its key on first use."""
    if not settings.issues_development_tokens:
        return None
    return DevelopmentIssuer(settings.data_dir, cell=settings.cell, issuer=settings.issuer)


def service_token(settings: Settings, issuer: DevelopmentIssuer | None, name: str) -> ServiceToken | None:
    """The process' token by settings, None when it has none."""
    if settings.auth.service_token_file is not None:
        return FileServiceToken(settings.auth.service_token_file)
    return DevelopmentServiceToken(issuer, name) if issuer is not None else None
