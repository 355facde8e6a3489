"""The token with which this process calls other services."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import grpc

from pulsemesh.auth.v1 import delegation_service_pb2, delegation_service_pb2_grpc
from services.auth.issuer import DevelopmentIssuer, IssuedToken
from services.chassis.channels import FileServiceToken, ServiceToken
from services.chassis.errors import Unavailable
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


class CertifiedServiceToken:
    """Tokens of the auth service for the certificate of this process; a background task renews them."""

    name = "service token"

    def __init__(self, channel: Callable[[], grpc.aio.Channel]) -> None:
        """
        Args:
            channel: to the auth service, wherever that is.
        """
        self._channel = channel
        self._token = ""
        self._expires_at_s = 0.0

    def token(self) -> str:
        """See `ServiceToken.token`."""
        if self._expires_at_s <= time.time():
            raise Unavailable(1.0, "this process has no token of its own yet: is the auth service there?")
        return self._token

    async def run(self) -> None:
        """Work until cancelled. Raises when the auth service does not give one; the host tries again."""
        while True:
            pause_s = await self.renew()
            await asyncio.sleep(pause_s)

    async def renew(self) -> float:
        """Get a token; returns the seconds after which to get the next."""
        stub: Any = delegation_service_pb2_grpc.DelegationServiceStub(self._channel())
        response = await stub.CreateServiceToken(delegation_service_pb2.CreateServiceTokenRequest())
        self._token = response.access_token
        self._expires_at_s = float(response.expires_at.seconds)
        return max((self._expires_at_s - time.time()) / 2, 1.0)


def development_issuer(settings: Settings) -> DevelopmentIssuer | None:
    """The issuer where the settings have it on; makes its key on first use."""
    if not settings.issues_development_tokens:
        return None
    return DevelopmentIssuer(settings.data_dir, cell=settings.cell, issuer=settings.issuer)


def service_token(
    settings: Settings,
    issuer: DevelopmentIssuer | None,
    name: str,
    channel: Callable[[], grpc.aio.Channel],
) -> ServiceToken | None:
    """The process' token by settings: of a file, of the development issuer, or for its certificate.

    Args:
        channel: to the auth service, wherever that is.
    """
    if settings.auth.service_token_file is not None:
        return FileServiceToken(settings.auth.service_token_file)
    if issuer is not None:
        return DevelopmentServiceToken(issuer, name)
    return CertifiedServiceToken(channel) if settings.channels_certificate is not None else None
