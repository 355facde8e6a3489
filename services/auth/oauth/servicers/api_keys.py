"""ApiKeyService: keys of partners."""

# ruff: noqa: N802, D102 - the methods have the contract's names, which says what each promises
from __future__ import annotations

import grpc

from pulsemesh.auth.v1 import api_key_service_pb2 as wire
from pulsemesh.auth.v1 import api_key_service_pb2_grpc as stubs
from services.auth.oauth.api_keys import ApiKeys
from services.auth.oauth.store.api_keys import ApiKey
from services.chassis.call import current_call

_Context = grpc.aio.ServicerContext[object, object]


class ApiKeyServicer(stubs.ApiKeyServiceServicer):
    """See the contract for what each method promises."""

    def __init__(self, keys: ApiKeys) -> None:
        self._keys = keys

    async def CreateApiKey(
        self, request: wire.CreateApiKeyRequest, context: _Context
    ) -> wire.CreateApiKeyResponse:
        key, secret = await self._keys.create(request)
        current_call().note(key_id=key.key_id, partner=key.partner)
        return wire.CreateApiKeyResponse(api_key=_message(key), key=secret)

    async def ListApiKeys(
        self, request: wire.ListApiKeysRequest, context: _Context
    ) -> wire.ListApiKeysResponse:
        found = await self._keys.of_partner(request.partner)
        return wire.ListApiKeysResponse(api_keys=map(_message, found))

    async def RevokeApiKey(
        self, request: wire.RevokeApiKeyRequest, context: _Context
    ) -> wire.RevokeApiKeyResponse:
        current_call().note(key_id=request.key_id)
        return wire.RevokeApiKeyResponse(found=await self._keys.revoke(request.key_id))


def _message(key: ApiKey) -> wire.ApiKey:
    message = wire.ApiKey(
        key_id=key.key_id, partner=key.partner, name=key.name, prefix=key.prefix, scopes=sorted(key.scopes)
    )
    message.created_at.FromMilliseconds(key.created_ms)
    message.expires_at.FromMilliseconds(key.expires_ms)
    if key.revoked_ms is not None:
        message.revoked_at.FromMilliseconds(key.revoked_ms)
    if key.used_ms is not None:
        message.last_used_at.FromMilliseconds(key.used_ms)
    return message
