"""The channel that generated stubs are given, over handlers in the same process.

Messages cross the border serialised, so neither side can change what the other holds; deadlines, metadata,
cancellation and statuses behave as on a connection, and the same contract tests prove it of both. Each call
runs as a task of its own: it begins when the stub is called, whether or not anybody awaits it, and its
context variables are its own.
"""

# ruff: noqa: D102 - what gRPC defines, gRPC documents
from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextvars import Context
from types import TracebackType
from typing import Any, Self, TypeAlias, TypeVar

import grpc

from services.chassis.inprocess.calls import (
    Deserialize,
    Serialize,
    StreamStreamCall,
    StreamUnaryCall,
    UnaryStreamCall,
    UnaryUnaryCall,
)
from services.chassis.inprocess.context import pairs
from services.chassis.inprocess.exchange import Exchange
from services.chassis.inprocess.serving import serve

Handlers: TypeAlias = "Mapping[str, grpc.RpcMethodHandler[Any, Any]]"


def _as_is(data: Any) -> Any:
    return data


class _Method:
    """What the four multi-callables share."""

    def __init__(
        self,
        channel: InProcessChannel,
        path: str,
        serialize: Serialize | None,
        deserialize: Deserialize | None,
    ) -> None:
        self._channel = channel
        self._path = path
        self._serialize = serialize or _as_is
        self._deserialize = deserialize or _as_is

    def _open(self, timeout: float | None, metadata: Any) -> Exchange:
        return self._channel.open(self._path, timeout, metadata)

    def _open_with(self, request: Any, timeout: float | None, metadata: Any) -> Exchange:
        data = self._serialize(request)
        exchange = self._channel.open(self._path, timeout, metadata)
        exchange.requests.put_nowait(data)
        exchange.requests.end()
        return exchange


class _UnaryUnary(_Method, grpc.aio.UnaryUnaryMultiCallable[Any, Any]):
    def __call__(
        self, request: Any, *, timeout: float | None = None, metadata: Any = None, **_unused: Any
    ) -> UnaryUnaryCall:
        return UnaryUnaryCall(self._open_with(request, timeout, metadata), self._deserialize)


class _UnaryStream(_Method, grpc.aio.UnaryStreamMultiCallable[Any, Any]):
    def __call__(
        self, request: Any, *, timeout: float | None = None, metadata: Any = None, **_unused: Any
    ) -> UnaryStreamCall:
        return UnaryStreamCall(self._open_with(request, timeout, metadata), self._deserialize)


class _StreamUnary(_Method, grpc.aio.StreamUnaryMultiCallable[Any, Any]):
    def __call__(  # type: ignore[override]
        self,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        **_unused: Any,
    ) -> StreamUnaryCall:
        call = StreamUnaryCall(self._open(timeout, metadata), self._deserialize)
        call._send_from(request_iterator, self._serialize)
        return call


class _StreamStream(_Method, grpc.aio.StreamStreamMultiCallable[Any, Any]):
    def __call__(  # type: ignore[override]
        self,
        request_iterator: Any = None,
        timeout: float | None = None,
        metadata: Any = None,
        **_unused: Any,
    ) -> StreamStreamCall:
        call = StreamStreamCall(self._open(timeout, metadata), self._deserialize)
        call._send_from(request_iterator, self._serialize)
        return call


_M = TypeVar("_M", bound=_Method)


class InProcessChannel(grpc.aio.Channel):
    """`grpc.aio.Channel` over handlers by their path, as a `ServiceCollector` holds them."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self._calls: set[asyncio.Task[None]] = set()
        self._closed = False
        self._closing = asyncio.Event()

    def open(self, path: str, timeout: float | None, metadata: Any) -> Exchange:
        """Begin a call: its handler runs from now on."""
        if self._closed:
            raise grpc.aio.UsageError("Channel is closed.")
        exchange = Exchange(path, pairs(metadata), timeout)
        # An empty context: a handler sees its own call, never the one that its caller serves.
        task = asyncio.get_running_loop().create_task(
            serve(exchange, self._handlers.get(path)), context=Context()
        )
        exchange.server_task = task
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        return exchange

    def unary_unary(
        self,
        method: str,
        request_serializer: Serialize | None = None,
        response_deserializer: Deserialize | None = None,
        _registered_method: bool | None = False,
    ) -> Any:
        return self._method(_UnaryUnary, method, request_serializer, response_deserializer)

    def unary_stream(
        self,
        method: str,
        request_serializer: Serialize | None = None,
        response_deserializer: Deserialize | None = None,
        _registered_method: bool | None = False,
    ) -> Any:
        return self._method(_UnaryStream, method, request_serializer, response_deserializer)

    def stream_unary(
        self,
        method: str,
        request_serializer: Serialize | None = None,
        response_deserializer: Deserialize | None = None,
        _registered_method: bool | None = False,
    ) -> Any:
        return self._method(_StreamUnary, method, request_serializer, response_deserializer)

    def stream_stream(
        self,
        method: str,
        request_serializer: Serialize | None = None,
        response_deserializer: Deserialize | None = None,
        _registered_method: bool | None = False,
    ) -> Any:
        return self._method(_StreamStream, method, request_serializer, response_deserializer)

    def _method(
        self,
        kind: Callable[[InProcessChannel, str, Serialize | None, Deserialize | None], _M],
        path: str,
        serialize: Serialize | None,
        deserialize: Deserialize | None,
    ) -> _M:
        return kind(self, path, serialize, deserialize)

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return grpc.ChannelConnectivity.SHUTDOWN if self._closed else grpc.ChannelConnectivity.READY

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        while self.get_state() == last_observed_state:
            await self._closing.wait()

    async def channel_ready(self) -> None:
        """There is nothing to wait for."""

    async def close(self, grace: float | None = None) -> None:
        """Take no more calls, and end those that are not done within `grace` seconds."""
        self._closed = True
        self._closing.set()
        if self._calls and grace:
            await asyncio.wait(set(self._calls), timeout=grace)
        for task in list(self._calls):
            task.cancel()
        if self._calls:
            await asyncio.wait(set(self._calls))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
