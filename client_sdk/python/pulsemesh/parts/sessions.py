"""Where one is signed in."""

from __future__ import annotations

from collections.abc import Sequence

from pulsemesh.auth.v1 import session_pb2, session_service_pb2_grpc
from pulsemesh.auth.v1 import session_service_pb2 as wire
from pulsemesh.calls.channel import PolicyChannel
from pulsemesh.credentials import SessionTokens

__all__ = ["Sessions"]


class Sessions:
    """The sessions of the person who is signed in."""

    def __init__(self, channel: PolicyChannel, anonymous: PolicyChannel) -> None:
        self._stub = session_service_pb2_grpc.SessionServiceStub(channel.for_stub())
        self._anyone = session_service_pb2_grpc.SessionServiceStub(anonymous.for_stub())

    async def list(self) -> Sequence[session_pb2.Session]:
        """Return them, the one used last first."""
        return (await self._stub.ListSessions(wire.ListSessionsRequest())).sessions

    async def end(self, session_id: str) -> bool:
        """End one; False where there is none."""
        return (await self._stub.EndSession(wire.EndSessionRequest(session_id=session_id))).ended

    async def end_all(self, *, keep_current: bool = False) -> int:
        """End all; returns how many there were."""
        return (await self._stub.EndAllSessions(wire.EndAllSessionsRequest(keep_current=keep_current))).ended

    async def refresh(self, refresh_token: str) -> SessionTokens:
        """Exchange a refresh token for the next pair. `SessionCredentials` do this by themselves."""
        answer = await self._anyone.Refresh(wire.RefreshRequest(refresh_token=refresh_token))
        return SessionTokens.of(answer.tokens)

    async def sign_out(self, refresh_token: str) -> None:
        """End the session of a refresh token. A repeat changes nothing."""
        await self._anyone.SignOut(wire.SignOutRequest(refresh_token=refresh_token))
