"""Tokens with which this process acts for a person elsewhere: narrow, short, and used while they last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Protocol

import grpc

from pulsemesh.policy.v1.policy_pb2 import Access
from services.chassis.call import Call, find_call
from services.chassis.policy import MethodInfo

RENEW_BEFORE_S = 10.0
MAX_TOKENS = 10_000


@dataclass(frozen=True, slots=True)
class DelegatedToken:
    """A token for one person at one domain.

    Attributes:
        expires_at_s: seconds since 1970.
    """

    access_token: str
    expires_at_s: float


class TokenExchange(Protocol):
    """Gives narrowed tokens; the auth service does."""

    def exchange(
        self, *, subject_token: str, user_id: str, audience: str, scopes: frozenset[str]
    ) -> Coroutine[Any, Any, DelegatedToken]:
        """A token with which this service acts for a person.

        Args:
            subject_token: that of the person whose call is being served; empty for background work.
            audience: the domain that will be called, which alone believes the token.
            scopes: what the call needs.

        Raises:
            grpc.aio.AioRpcError: it is refused, or nobody can be asked now.
        """
        ...


class Delegations:
    """The tokens that were exchanged and still hold."""

    def __init__(self, exchange: TokenExchange, *, clock_s: Callable[[], float] = time.time) -> None:
        self._exchange = exchange
        self._clock_s = clock_s
        self._tokens: dict[tuple[object, ...], asyncio.Future[DelegatedToken]] = {}

    async def token(self, method: MethodInfo, call: Call) -> str:
        """A token for the person of `call`, good for calling `method` for some seconds at least.

        Raises:
            grpc.aio.AioRpcError: see `TokenExchange.exchange`.
        """
        principal = call.principal
        scopes = frozenset() if method.policy is None else method.policy.scopes
        subject_token = _bearer(call)
        # Another session of the same person is another token: ending one must not go on through the other.
        key = (principal.user_id, principal.session_id, bool(subject_token), method.domain, scopes)
        kept = self._tokens.get(key)
        if kept is None or self._is_over(kept):
            self._make_room()
            exchange = self._exchange.exchange(
                subject_token=subject_token,
                user_id=principal.user_id,
                audience=method.domain,
                scopes=scopes,
            )
            # An empty context: the process asks for itself; asking for the person would need the very token.
            task = asyncio.get_running_loop().create_task(exchange, context=Context())
            kept = self._tokens[key] = task
        # Shielded: one caller that gives up must not take the token from those who wait for the same.
        return (await asyncio.shield(kept)).access_token

    def _is_over(self, kept: asyncio.Future[DelegatedToken]) -> bool:
        if not kept.done():
            return False
        if kept.cancelled() or kept.exception() is not None:
            return True
        return kept.result().expires_at_s - RENEW_BEFORE_S <= self._clock_s()

    def _make_room(self) -> None:
        if len(self._tokens) >= MAX_TOKENS:
            self._tokens = {key: kept for key, kept in self._tokens.items() if not self._is_over(kept)}
        while len(self._tokens) >= MAX_TOKENS:
            self._tokens.pop(next(iter(self._tokens)))


def _bearer(call: Call) -> str:
    """The token by which the call being served was made; empty when it was none of a person or for one."""
    header = call.metadata.get("authorization")
    if call.principal.kind == Access.ACCESS_PUBLIC or type(header) is not str:
        return ""
    return header[7:] if header[:7].lower() == "bearer " else ""


class _Interceptor:
    """Adds the delegated token to calls that are made while a person's call is served."""

    def __init__(self, methods: Mapping[str, MethodInfo], delegations: Delegations) -> None:
        self._methods = methods
        self._delegations = delegations

    async def _with_token(self, details: grpc.aio.ClientCallDetails) -> grpc.aio.ClientCallDetails:
        path = details.method.decode() if isinstance(details.method, bytes) else details.method
        method, call = self._methods.get(path), find_call()
        metadata = details.metadata if details.metadata is not None else grpc.aio.Metadata()
        if method is None or call is None or not call.principal.user_id or metadata.get("authorization"):
            return details
        token = await self._delegations.token(method, call)
        metadata.add("authorization", f"Bearer {token}")
        return grpc.aio.ClientCallDetails(
            details.method, details.timeout, metadata, details.credentials, details.wait_for_ready
        )


class _UnaryUnary(_Interceptor, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return await continuation(await self._with_token(details), request)


class _UnaryStream(_Interceptor, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        return await continuation(await self._with_token(details), request)


class _StreamUnary(_Interceptor, grpc.aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(self, continuation: Any, details: Any, requests: Any) -> Any:
        return await continuation(await self._with_token(details), requests)


class _StreamStream(_Interceptor, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(self, continuation: Any, details: Any, requests: Any) -> Any:
        return await continuation(await self._with_token(details), requests)


def delegation_interceptors(
    methods: Mapping[str, MethodInfo], delegations: Delegations
) -> list[grpc.aio.ClientInterceptor]:
    """What a remote channel needs for its calls to act for people."""
    kinds = (_UnaryUnary, _UnaryStream, _StreamUnary, _StreamStream)
    return [kind(methods, delegations) for kind in kinds]
