"""The four RPC shapes: one plain coroutine each around the servicer's method.

Stages are not interceptors that call one another: each is a coroutine that lets the call pass or raises, so a
call costs one frame more than the bare handler and the stages that its policy names, and no more.

Streams of responses are written through the context instead of being handed on as an async generator: so the
servicer's generator is closed in the task that ran it, however the call ends.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from google.protobuf.message import Message

from services.chassis.pipeline.failures import not_implemented
from services.chassis.pipeline.guard import MethodGuard
from services.chassis.pipeline.requests import checked
from services.chassis.policy.model import MethodInfo
from services.chassis.validation import reading, validate

UnaryMethod = Callable[[Any, Any], Awaitable[Message]]
StreamMethod = Callable[[Any, Any], AsyncIterator[Message]]
Handler = Callable[[Any, Any], Awaitable[Any]]


def unary_unary(guard: MethodGuard, method: UnaryMethod) -> Handler:
    """One request, one response."""
    before, after = guard.before, guard.after
    begin, fail, end, cache = guard.begin, guard.fail, guard.end, guard.cache

    async def serve(request: Message, context: Any) -> Message:
        serving = begin(context)
        try:
            for stage in before:
                await stage(serving.call)
            validate(request)
            for stage in after:
                await stage(serving.call)
            if cache is not None:
                return await cache.answer(serving.call, request, lambda asked: method(asked, context))
            return await method(request, context)
        except BaseException as error:
            await fail(serving, context, error)
        finally:
            end(serving)

    return serve


def unary_stream(guard: MethodGuard, method: StreamMethod) -> Handler:
    """One request, many responses."""
    before, after = guard.before, guard.after
    begin, fail, end = guard.begin, guard.fail, guard.end

    async def serve(request: Message, context: Any) -> None:
        serving = begin(context)
        try:
            for stage in before:
                await stage(serving.call)
            validate(request)
            for stage in after:
                await stage(serving.call)
            await _write_all(method(request, context), context)
        except BaseException as error:
            await fail(serving, context, error)
        finally:
            end(serving)

    return serve


def stream_unary(guard: MethodGuard, method: UnaryMethod) -> Handler:
    """Many requests, one response."""
    stages = (*guard.before, *guard.after)
    begin, fail, end, policy = guard.begin, guard.fail, guard.end, guard.policy

    async def serve(requests: AsyncIterator[Message], context: Any) -> Message:
        serving = begin(context)
        try:
            for stage in stages:
                await stage(serving.call)
            return await method(checked(requests, policy), context)
        except BaseException as error:
            await fail(serving, context, error)
        finally:
            end(serving)

    return serve


def stream_stream(guard: MethodGuard, method: StreamMethod) -> Handler:
    """Many requests, many responses."""
    stages = (*guard.before, *guard.after)
    begin, fail, end, policy = guard.begin, guard.fail, guard.end, guard.policy

    async def serve(requests: AsyncIterator[Message], context: Any) -> None:
        serving = begin(context)
        try:
            for stage in stages:
                await stage(serving.call)
            await _write_all(method(checked(requests, policy), context), context)
        except BaseException as error:
            await fail(serving, context, error)
        finally:
            end(serving)

    return serve


async def _write_all(responses: AsyncIterator[Message], context: Any) -> None:
    write = context.write
    try:
        async for response in responses:
            await write(response)
    finally:
        close = getattr(responses, "aclose", None)
        if close is not None:
            await close()


def _is_generated(method: Callable[..., Any]) -> bool:
    """True for the generated base's body, which the servicer did not override."""
    return getattr(method, "__module__", "").endswith("_pb2_grpc")


def _require_shape(info: MethodInfo, method: Callable[..., Any]) -> None:
    if info.server_streaming:
        if not inspect.isasyncgenfunction(method):
            raise TypeError(f"{info.path} must be an async generator: `async def` with `yield`")
    elif not inspect.iscoroutinefunction(method):
        raise TypeError(f"{info.path} must be a coroutine function: `async def` without `yield`")


def _refusing(info: MethodInfo) -> Callable[..., Any]:
    async def refuse(_request: Any, _context: Any) -> Message:
        raise not_implemented(info.path)

    async def refuse_stream(_request: Any, _context: Any) -> AsyncIterator[Message]:
        raise not_implemented(info.path)
        yield

    return refuse_stream if info.server_streaming else refuse


def wrap(guard: MethodGuard, handler: grpc.RpcMethodHandler[Any, Any]) -> grpc.RpcMethodHandler[Any, Any]:
    """The generated handler with the pipeline around its method; codecs stay as they are.

    Raises:
        TypeError: the method is not written as its shape demands.
    """
    info = guard.method
    shape = ("stream" if info.client_streaming else "unary", "stream" if info.server_streaming else "unary")
    name = "_".join(shape)
    method = getattr(handler, name)
    if _is_generated(method):
        method = _refusing(info)
    else:
        _require_shape(info, method)
    wrappers: dict[str, Callable[[MethodGuard, Any], Handler]] = {
        "unary_unary": unary_unary,
        "unary_stream": unary_stream,
        "stream_unary": stream_unary,
        "stream_stream": stream_stream,
    }
    make: Callable[..., grpc.RpcMethodHandler[Any, Any]] = getattr(grpc, f"{name}_rpc_method_handler")
    deserialize = handler.request_deserializer
    read = None if deserialize is None else reading(deserialize)
    return make(wrappers[name](guard, method), read, handler.response_serializer)
