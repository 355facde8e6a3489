"""Giving an answer again, for as long and to whom the policy says."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

import structlog
from google.protobuf.message import Message

from pulsemesh.policy.v1.policy_pb2 import CacheScope
from services.chassis.call import Call
from services.chassis.pipeline.ports import AnswerCache
from services.chassis.policy.model import CachePolicy, MethodInfo

_log = structlog.get_logger(__name__)

Answer = Callable[[Message], Awaitable[Message]]


class MethodCache:
    """The cached answers of one method: keyed by method, request and, for CALLER scope, the caller."""

    def __init__(self, method: MethodInfo, policy: CachePolicy, cache: AnswerCache) -> None:
        self._path = method.path
        self._response_class = method.response_class
        self._time_to_live_s = policy.time_to_live_s
        self._for_caller = policy.scope != CacheScope.CACHE_SCOPE_EVERYONE
        self._cache = cache

    async def answer(self, call: Call, request: Message, handler: Answer) -> Message:
        """The kept answer, or the handler's, which is then kept; errors are never kept.

        A cache that cannot be reached costs time, not correctness: the handler answers.
        """
        key = self._key(call, request)
        kept = await self._get(key)
        if kept is not None:
            return self._response_class.FromString(kept)
        response = await handler(request)
        await self._set(key, response.SerializeToString())
        return response

    def _key(self, call: Call, request: Message) -> str:
        digest = hashlib.blake2b(request.SerializeToString(deterministic=True), digest_size=20)
        if self._for_caller:
            principal = call.principal
            digest.update(
                f"\0{principal.kind}\0{principal.user_id}\0{principal.client_id}\0"
                f"{' '.join(sorted(principal.scopes))}".encode()
            )
        return f"answer:{self._path}:{digest.hexdigest()}"

    async def _get(self, key: str) -> bytes | None:
        try:
            return await self._cache.get(key)
        except Exception as error:
            _log.warning("cache_unavailable", method=self._path, error=str(error))
            return None

    async def _set(self, key: str, value: bytes) -> None:
        try:
            await self._cache.set(key, value, self._time_to_live_s)
        except Exception as error:
            _log.warning("cache_unavailable", method=self._path, error=str(error))
