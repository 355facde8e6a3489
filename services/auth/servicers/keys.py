"""KeyService: by what tokens are proved, and which are void."""

# ruff: noqa: N802, D102 - the methods have the contract's names, which says what each promises
from __future__ import annotations

from collections.abc import AsyncIterator

import grpc

from pulsemesh.auth.v1 import key_service_pb2 as wire
from pulsemesh.auth.v1 import key_service_pb2_grpc as stubs
from services.auth.keyring import Keyring
from services.auth.revoking import RevocationFeed
from services.chassis.auth import Revocation
from services.chassis.call import current_call

_Context = grpc.aio.ServicerContext[object, object]
PAGE = 1_000


class KeyServicer(stubs.KeyServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, keyring: Keyring, feed: RevocationFeed) -> None:
        self._keyring = keyring
        self._feed = feed

    async def GetKeys(self, request: wire.GetKeysRequest, context: _Context) -> wire.GetKeysResponse:
        return wire.GetKeysResponse(jwks=self._keyring.public_set())

    async def WatchRevocations(
        self, request: wire.WatchRevocationsRequest, context: _Context
    ) -> AsyncIterator[wire.WatchRevocationsResponse]:
        async for entries in self._feed.follow(current_call().draining):
            for start in range(0, max(len(entries), 1), PAGE):
                page = entries[start : start + PAGE]
                yield wire.WatchRevocationsResponse(
                    revocations=map(_message, page), caught_up=start + PAGE >= len(entries)
                )


def _message(entry: Revocation) -> wire.Revocation:
    message = wire.Revocation(session_id=entry.session_id, user_id=entry.user_id)
    message.issued_before.FromMilliseconds(round(entry.issued_before_s * 1000))
    message.forget_at.FromMilliseconds(round(entry.forget_at_s * 1000))
    return message
