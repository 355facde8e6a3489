"""Running a handler against an `Exchange`, as a gRPC server runs it against a connection."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from typing import Any

import grpc

from services.chassis.inprocess.context import InProcessContext
from services.chassis.inprocess.exchange import Exchange


async def serve(exchange: Exchange, handler: grpc.RpcMethodHandler[Any, Any] | None) -> None:
    """Serve one call to its status. Never raises but for its own cancellation."""
    if handler is None:
        exchange.finish(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        return
    context = InProcessContext(exchange, handler.request_deserializer, handler.response_serializer)
    try:
        await _run(handler, context, exchange)
        context.finish()
    except grpc.aio.AbortError:
        pass
    except asyncio.CancelledError:
        exchange.finish(grpc.StatusCode.CANCELLED, "the server cancelled the call")
        raise
    except Exception as error:
        context.fail(error)


async def _run(
    handler: grpc.RpcMethodHandler[Any, Any], context: InProcessContext, exchange: Exchange
) -> None:
    request: Any = context if handler.request_streaming else await context.read()
    if request is grpc.aio.EOF:
        exchange.finish(grpc.StatusCode.INTERNAL, "the client sent no request")
        return
    if not handler.response_streaming:
        behaviour: Any = handler.stream_unary if handler.request_streaming else handler.unary_unary
        response = await behaviour(request, context)
        if not exchange.done:
            exchange.open(())
            await exchange.responses.put(context.serialize(response))
        return
    stream: Any = handler.stream_stream if handler.request_streaming else handler.unary_stream
    if inspect.isasyncgenfunction(stream):
        await _write_all(stream(request, context), context)
    else:
        await stream(request, context)


async def _write_all(responses: AsyncIterator[Any], context: InProcessContext) -> None:
    async for response in responses:
        await context.write(response)
