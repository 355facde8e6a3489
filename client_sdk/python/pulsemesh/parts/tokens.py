"""Access tokens from the development issuer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from google.protobuf import duration_pb2

from pulsemesh.auth.v1 import development_issuer_service_pb2, development_issuer_service_pb2_grpc
from pulsemesh.calls.channel import PolicyChannel

__all__ = ["Tokens"]


class Tokens:
    """Tokens for development: the platform gives one to whoever asks, on its own machine only."""

    def __init__(self, channel: PolicyChannel) -> None:
        self._stub = development_issuer_service_pb2_grpc.DevelopmentIssuerServiceStub(channel.for_stub())

    async def create_token(
        self,
        login: str,
        *,
        scopes: Sequence[str] = (),
        device: bool = False,
        time_to_live: timedelta | None = None,
    ) -> development_issuer_service_pb2.CreateAccessTokenResponse:
        """Return a token for `login`, a name of one's choice, with the user's id and its end.

        No scopes means all that a person may have; `device` makes the token of a sensor
        gateway. Raises `Unimplemented` where the platform has no development issuer.
        """
        request = development_issuer_service_pb2.CreateAccessTokenRequest(
            login=login, scopes=scopes, device=device
        )
        if time_to_live is not None:
            duration = duration_pb2.Duration()
            duration.FromTimedelta(time_to_live)
            request.time_to_live.CopyFrom(duration)
        return await self._stub.CreateAccessToken(request)
