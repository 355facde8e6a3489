"""What other programs may do."""

from __future__ import annotations

from collections.abc import Sequence

from pulsemesh.auth.v1 import oauth_app_pb2, oauth_app_service_pb2_grpc
from pulsemesh.auth.v1 import oauth_app_service_pb2 as wire
from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.ulid import new_ulid

__all__ = ["Apps"]


class Apps:
    """Programs that the person who is signed in let in, and programs that they wrote."""

    def __init__(self, channel: PolicyChannel) -> None:
        self._authorised = oauth_app_service_pb2_grpc.AuthorisedAppServiceStub(channel.for_stub())
        self._own = oauth_app_service_pb2_grpc.OAuthAppServiceStub(channel.for_stub())

    async def authorised(self) -> Sequence[oauth_app_pb2.AuthorisedApp]:
        """Return the programs that may do something, the latest first."""
        return (await self._authorised.ListAuthorisedApps(wire.ListAuthorisedAppsRequest())).apps

    async def withdraw(self, client_id: str) -> int:
        """Let a program do nothing more; returns how many of its sessions ended."""
        request = wire.WithdrawAppRequest(client_id=client_id)
        return (await self._authorised.WithdrawApp(request)).ended_sessions

    async def registered(self) -> Sequence[oauth_app_pb2.OAuthApp]:
        """Return the programs that one registered oneself."""
        return (await self._own.ListApps(wire.ListAppsRequest())).apps

    async def register(
        self,
        name: str,
        *,
        redirect_uris: Sequence[str],
        scopes: Sequence[str],
        homepage: str = "",
        confidential: bool = False,
        request_id: str = "",
    ) -> wire.RegisterAppResponse:
        """Register a program of one's own; the answer has the only copy of its secret."""
        request = wire.RegisterAppRequest(
            request_id=request_id or new_ulid(),
            name=name,
            homepage=homepage,
            confidential=confidential,
            redirect_uris=redirect_uris,
            scopes=scopes,
        )
        return await self._own.RegisterApp(request)

    async def rotate_secret(self, client_id: str, *, at_once: bool = False) -> str:
        """Return another secret; the one before holds for a day yet, unless `at_once`."""
        request = wire.RotateAppSecretRequest(client_id=client_id, at_once=at_once)
        return (await self._own.RotateAppSecret(request)).client_secret

    async def delete(self, client_id: str) -> None:
        """Delete a program of one's own; everybody's sessions with it end."""
        await self._own.DeleteApp(wire.DeleteAppRequest(client_id=client_id))
