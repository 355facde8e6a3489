"""Giving an answer again, for as long and to whom the policy says."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

import structlog
from google.protobuf.message import Message

from pulsemesh.event.v1.envelope_pb2 import Envelope
from pulsemesh.policy.v1.policy_pb2 import CacheScope
from services.chassis.cache import generations
from services.chassis.call import Call
from services.chassis.pipeline.ports import AnswerCache
from services.chassis.policy.model import CachePolicy, MethodInfo

_log = structlog.get_logger(__name__)

Answer = Callable[[Message], Awaitable[Message]]


def _for_everyone(policy: CachePolicy) -> bool:
    return policy.scope == CacheScope.CACHE_SCOPE_EVERYONE


def _namespace(path: str, person: str) -> str:
    """What one event makes forget: the answers of a method, to one person or to everyone."""
    return f"{path}:{person}"


class MethodCache:
    """The cached answers of one method.

    The key holds the cell, the method, the request and, for CALLER scope, all that a policy may distinguish
    callers by: kind, person, program, scopes, roles. Errors are never kept. Callers who ask the same while
    the answer is being made wait for it, so that an answer that expires is made once.
    """

    def __init__(self, method: MethodInfo, policy: CachePolicy, cache: AnswerCache, *, cell: str) -> None:
        self._path = method.path
        self._response_class = method.response_class
        self._time_to_live_s = policy.time_to_live_s
        self._for_caller = not _for_everyone(policy)
        self._invalidated = bool(policy.invalidated_by)
        self._cache = cache
        self._cell = cell
        self._beginning = asyncio.Lock()
        self._being_made: dict[str, asyncio.Future[bytes | None]] = {}

    async def answer(self, call: Call, request: Message, handler: Answer) -> Message:
        """The kept answer, or the handler's, which is then kept.

        A cache that cannot be reached costs time, not correctness: the handler answers.
        """
        key = await self._key(call, request)
        while (running := self._being_made.get(key)) is not None:
            made = await asyncio.shield(running)
            if made is not None:
                return self._response_class.FromString(made)
        kept = await self._get(key)
        if kept is not None:
            return self._response_class.FromString(kept)
        if key in self._being_made:  # somebody began while we looked
            return await self.answer(call, request, handler)
        return await self._make(key, request, handler)

    async def _make(self, key: str, request: Message, handler: Answer) -> Message:
        """Ask the handler; those who wait get the answer, or learn that they must ask themselves."""
        running = self._being_made[key] = asyncio.get_running_loop().create_future()
        made: bytes | None = None
        try:
            response = await handler(request)
            made = response.SerializeToString()
            await self._set(key, made)
            return response
        finally:
            del self._being_made[key]
            running.set_result(made)

    async def _key(self, call: Call, request: Message) -> str:
        digest = hashlib.blake2b(request.SerializeToString(deterministic=True), digest_size=20)
        person = ""
        if self._for_caller:
            principal = call.principal
            person = principal.user_id
            audience = (
                *(str(principal.kind), person, principal.client_id),
                *(" ".join(sorted(names)) for names in (principal.scopes, principal.roles)),
            )
            digest.update("\0".join(("", *audience)).encode())
        generation = await self._generation(person) if self._invalidated else ""
        return f"answer:{self._cell}:{self._path}:{generation}:{digest.hexdigest()}"

    async def _generation(self, person: str) -> str:
        namespace = _namespace(self._path, person)
        try:
            return await generations.current(
                self._cache, namespace, 2 * self._time_to_live_s, beginning=self._beginning
            )
        except Exception as error:
            _log.warning("cache_unavailable", method=self._path, error=str(error))
            return "none"

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


class AnswerInvalidation:
    """Forgets answers when events say that they are out of date; an `EventHandler` of the bus.

    An event about a person ends that person's answers of the methods that name it, and everybody's of those
    that answer everyone alike. Repeats do no harm, so nothing is remembered of what was handled.

    Attributes:
        types: of the events to subscribe to; empty when no method names any.
    """

    def __init__(self, methods: Iterable[MethodInfo], cache: generations.Erasing) -> None:
        self._cache = cache
        self._methods: dict[str, list[tuple[str, bool]]] = {}
        for method in methods:
            policy = method.policy.cache if method.policy is not None else None
            if policy is not None:
                for name in policy.invalidated_by:
                    self._methods.setdefault(name, []).append((method.path, _for_everyone(policy)))
        self.types: Collection[str] = frozenset(self._methods)

    async def handle(self, envelopes: Sequence[Envelope]) -> None:
        """See `EventHandler.handle`."""
        ended = {
            _namespace(path, "" if everyone else envelope.subject)
            for envelope in envelopes
            for path, everyone in self._methods.get(envelope.type, ())
        }
        if ended:
            await generations.end(self._cache, sorted(ended))

    async def park(self, envelope: Envelope, reason: str, attempts: int) -> None:
        """Nothing to keep: the lifetime of the answers ends what this could not."""
        _log.warning("answers_not_forgotten", event=envelope.type, reason=reason, attempts=attempts)
