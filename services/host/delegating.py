"""From settings to the tokens with which this process acts for people in other processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc

from pulsemesh.auth.v1 import delegation_service_pb2, delegation_service_pb2_grpc
from services.chassis.channels import DelegatedToken, Delegations
from services.chassis.settings import Settings


class ServiceTokenExchange:
    """The `TokenExchange` over `pulsemesh.auth.v1.DelegationService`, wherever that is."""

    def __init__(self, channel: Callable[[], grpc.aio.Channel]) -> None:
        self._channel = channel

    async def exchange(
        self, *, subject_token: str, user_id: str, audience: str, scopes: frozenset[str]
    ) -> DelegatedToken:
        """See `TokenExchange.exchange`."""
        stub: Any = delegation_service_pb2_grpc.DelegationServiceStub(self._channel())
        request = delegation_service_pb2.ExchangeTokenRequest(
            subject_token=subject_token, user_id=user_id, audience=audience, scopes=sorted(scopes)
        )
        response = await stub.ExchangeToken(request)
        return DelegatedToken(response.access_token, float(response.expires_at.seconds))


def delegations(settings: Settings, channel: Callable[[], grpc.aio.Channel]) -> Delegations | None:
    """The exchange where the settings have it on.

    Args:
        channel: to the auth service, wherever that is.
    """
    if settings.delegation != "exchange":
        return None
    return Delegations(ServiceTokenExchange(channel))
