"""DelegationService: tokens with which services act for people."""

# ruff: noqa: N802, D102 - the methods have the contract's names, which says what each promises
from __future__ import annotations

import grpc

from pulsemesh.auth.v1 import delegation_service_pb2 as wire
from pulsemesh.auth.v1 import delegation_service_pb2_grpc as stubs
from services.auth.delegation.certified import ServiceTokens
from services.auth.delegation.exchanging import Exchanging
from services.chassis.call import current_call


class DelegationServicer(stubs.DelegationServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, exchanging: Exchanging, service_tokens: ServiceTokens) -> None:
        self._exchanging = exchanging
        self._service_tokens = service_tokens

    async def CreateServiceToken(
        self, request: wire.CreateServiceTokenRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> wire.CreateServiceTokenResponse:
        issued = self._service_tokens.create(current_call())
        response = wire.CreateServiceTokenResponse(access_token=issued.access_token)
        response.expires_at.FromSeconds(issued.expires_at_s)
        return response

    async def ExchangeToken(
        self, request: wire.ExchangeTokenRequest, context: grpc.aio.ServicerContext[object, object]
    ) -> wire.ExchangeTokenResponse:
        issued = await self._exchanging.exchange(
            current_call().principal,
            subject_token=request.subject_token,
            user_id=request.user_id,
            audience=request.audience,
            scopes=frozenset(request.scopes),
        )
        response = wire.ExchangeTokenResponse(access_token=issued.access_token)
        response.expires_at.FromSeconds(issued.expires_at_s)
        return response
