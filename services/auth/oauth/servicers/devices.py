"""DeviceGrantService: letting in devices that have no browser."""

# ruff: noqa: N802, D102 - the methods have the contract's names, which says what each promises
from __future__ import annotations

import grpc

from pulsemesh.auth.v1 import device_grant_service_pb2 as wire
from pulsemesh.auth.v1 import device_grant_service_pb2_grpc as stubs
from services.auth.oauth.device_pairing import DevicePairing, Pending, Person
from services.auth.scopes import SCOPES
from services.chassis.call import current_call

_Context = grpc.aio.ServicerContext[object, object]


class DeviceGrantServicer(stubs.DeviceGrantServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, pairing: DevicePairing, issuer: str) -> None:
        """
        Args:
            issuer: where the OAuth 2 server is.
        """
        self._pairing = pairing
        self._issuer = issuer

    async def GetAuthorizationServer(
        self, request: wire.GetAuthorizationServerRequest, context: _Context
    ) -> wire.GetAuthorizationServerResponse:
        return wire.GetAuthorizationServerResponse(issuer=self._issuer)

    async def GetPendingDevice(
        self, request: wire.GetPendingDeviceRequest, context: _Context
    ) -> wire.GetPendingDeviceResponse:
        pending = await self._pairing.look(request.user_code, _caller())
        return wire.GetPendingDeviceResponse(device=_message(pending, request.language))

    async def ApproveDevice(
        self, request: wire.ApproveDeviceRequest, context: _Context
    ) -> wire.ApproveDeviceResponse:
        pending = await self._pairing.approve(request.user_code, _caller())
        current_call().note(client_id=pending.client.client_id)
        return wire.ApproveDeviceResponse()

    async def DenyDevice(self, request: wire.DenyDeviceRequest, context: _Context) -> wire.DenyDeviceResponse:
        pending = await self._pairing.deny(request.user_code, _caller())
        current_call().note(client_id=pending.client.client_id)
        return wire.DenyDeviceResponse()


def _caller() -> Person:
    call = current_call()
    return Person(call.principal.user_id, call.principal.methods, call.peer)


def _message(pending: Pending, language: str) -> wire.PendingDevice:
    grant = pending.grant
    message = wire.PendingDevice(
        app_name=pending.client.name,
        client_id=pending.client.client_id,
        device_name=grant.device_name,
        place=grant.place,
        scopes=[
            wire.ScopeDescription(scope=name, text=SCOPES[name].text(language))
            for name in sorted(grant.scopes)
        ],
    )
    message.asked_at.FromMilliseconds(grant.created_ms)
    message.expires_at.FromMilliseconds(grant.expires_ms)
    return message
