"""What every process asks of the auth service: by which keys tokens are proved, and which are revoked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import structlog

from pulsemesh.auth.v1 import key_service_pb2, key_service_pb2_grpc
from services.chassis.auth import Revocation, RevocationList
from services.chassis.background import Supervisor
from services.chassis.channels import ChannelDirectory, DomainNotReachable

_log = structlog.get_logger(__name__)


CATCH_UP_S = 2.0
"""How long a starting process waits to hear what was revoked before it takes calls."""
PAUSE_S = 1.0
"""Between two attempts to follow."""


class ServiceKeys:
    """The `KeySource` of the platform's own auth service, in this process or another."""

    def __init__(self, channel: Callable[[], grpc.aio.Channel]) -> None:
        """
        Args:
            channel: to the auth service; asked for on first use.
        """
        self._channel = channel

    async def fetch(self) -> bytes:
        """See `KeySource.fetch`."""
        try:
            stub: Any = key_service_pb2_grpc.KeyServiceStub(self._channel())
            answer = await stub.GetKeys(key_service_pb2.GetKeysRequest())
        except DomainNotReachable as error:
            raise OSError(str(error)) from error
        except grpc.aio.AioRpcError as error:
            raise OSError(f"{error.code().name}: {error.details()}") from error
        return bytes(answer.jwks)


class RevocationFollower:
    """A background task: the auth service's stream, again and again."""

    name = "revocations"

    def __init__(self, channel: grpc.aio.Channel, revocations: RevocationList) -> None:
        self._stub: Any = key_service_pb2_grpc.KeyServiceStub(channel)
        self._revocations = revocations
        self._caught_up = asyncio.Event()

    async def caught_up(self, patience_s: float = CATCH_UP_S) -> bool:
        """Wait until everything from before is known; False when that takes longer."""
        try:
            async with asyncio.timeout(patience_s):
                await self._caught_up.wait()
        except TimeoutError:
            _log.warning("revocations_unknown_yet")
            return False
        return True

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            failure = await self._follow()
            if failure:  # a stream that ends well belongs to a server that drains
                _log.warning("revocations_wait", reason=failure)
            await asyncio.sleep(PAUSE_S)

    async def _follow(self) -> str:
        """Follow until the stream ends; returns why it broke, if it did."""
        try:
            async for message in self._stub.WatchRevocations(key_service_pb2.WatchRevocationsRequest()):
                self._revocations.apply(*map(_revocation, message.revocations))
                if message.caught_up:
                    self._revocations.heard()
                    self._caught_up.set()
        except grpc.aio.AioRpcError as error:
            return f"{error.code().name}: {error.details()}"
        return ""


def _revocation(message: key_service_pb2.Revocation) -> Revocation:
    return Revocation(
        message.session_id,
        message.user_id,
        message.issued_before.ToMilliseconds() / 1000,
        message.forget_at.ToMilliseconds() / 1000,
    )


async def follow_revocations(
    background: Supervisor, channels: ChannelDirectory, revocations: RevocationList
) -> None:
    """Start to follow, where anybody said where the auth service is; tokens run to their end elsewhere.

    Returns once what was revoked before is known, or after a while without: from then on only young tokens
    are believed once the settings' patience is over.
    """
    try:
        channel = channels.channel("auth")
    except DomainNotReachable:
        _log.warning("revocations_are_not_followed", reason="nobody said where the auth service is")
        return
    follower = RevocationFollower(channel, revocations)
    revocations.heard()
    background.start(follower.name, follower.run)
    await follower.caught_up()
