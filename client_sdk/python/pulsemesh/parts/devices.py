"""Letting in devices that show a code."""

from __future__ import annotations

from pulsemesh.auth.v1 import device_grant_service_pb2 as wire
from pulsemesh.auth.v1 import device_grant_service_pb2_grpc
from pulsemesh.calls.channel import PolicyChannel

__all__ = ["Devices"]


class Devices:
    """Devices that wait to be let in by the person who is signed in."""

    def __init__(self, channel: PolicyChannel, anonymous: PolicyChannel) -> None:
        self._stub = device_grant_service_pb2_grpc.DeviceGrantServiceStub(channel.for_stub())
        self._anyone = device_grant_service_pb2_grpc.DeviceGrantServiceStub(anonymous.for_stub())

    async def authorization_server(self) -> str:
        """Return the address of the platform's OAuth 2 server. Raises `Unimplemented` where there is none."""
        return (await self._anyone.GetAuthorizationServer(wire.GetAuthorizationServerRequest())).issuer

    async def pending(self, user_code: str, *, language: str = "") -> wire.PendingDevice:
        """Return what the device with this code asks for. Raises `NotFound` where none shows it."""
        request = wire.GetPendingDeviceRequest(user_code=user_code, language=language)
        return (await self._stub.GetPendingDevice(request)).device

    async def approve(self, user_code: str) -> None:
        """Let the device in. A repeat changes nothing."""
        await self._stub.ApproveDevice(wire.ApproveDeviceRequest(user_code=user_code))

    async def deny(self, user_code: str) -> None:
        """Turn the device away."""
        await self._stub.DenyDevice(wire.DenyDeviceRequest(user_code=user_code))
