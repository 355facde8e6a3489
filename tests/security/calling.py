"""Calling any method of any shape, and what came back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from services.chassis.policy import MethodInfo

PATIENCE_S = 20.0
STREAM_PATIENCE_S = 0.2
"""A stream that was let in may have nothing to say for long."""


@dataclass(frozen=True)
class Answer:
    """How a call ended.

    Attributes:
        code: None for a stream that was let in and stayed open.
        content: everything that came back, for looking for what should not be in it.
    """

    code: grpc.StatusCode | None
    reason: str
    content: bytes

    def __str__(self) -> str:
        return f"{self.code.name if self.code else 'open'} {self.reason}"


def reason_of(error: grpc.aio.AioRpcError) -> str:
    """The reason in the error's details; empty where there is none."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status.FromString(value)
            for detail in status.details:
                info = error_details_pb2.ErrorInfo()
                if detail.Unpack(info):
                    return str(info.reason)
    return ""


async def call(
    channel: grpc.aio.Channel,
    method: MethodInfo,
    request: Message | bytes,
    metadata: Sequence[tuple[str, str | bytes]],
    *,
    may_stay_open: bool = True,
) -> Answer:
    """Call with one message and read one answer.

    Args:
        may_stay_open: the call may be let in. A stream of responses that says nothing for a while is given up
            then; without, a stream of requests sends nothing, for the refusal must not wait for it.
    """
    sides = (
        "stream" if streaming else "unary" for streaming in (method.client_streaming, method.server_streaming)
    )
    shape = "_".join(sides)
    data = request if isinstance(request, bytes) else request.SerializeToString()
    callable_: Any = getattr(channel, shape)(method.path)
    sent: Any = _sending(data, may_stay_open) if method.client_streaming else data
    patience_s = STREAM_PATIENCE_S if method.server_streaming and may_stay_open else PATIENCE_S
    running = callable_(sent, metadata=metadata, timeout=PATIENCE_S)
    try:
        async with asyncio.timeout(patience_s):
            content = await (_first(running) if method.server_streaming else running)
    except TimeoutError:
        running.cancel()
        return Answer(None, "", b"")
    except grpc.aio.AioRpcError as error:
        details = (error.details() or "").encode()
        trailing = b"".join(_bytes(value) for _, value in error.trailing_metadata() or ())
        return Answer(error.code(), reason_of(error), details + trailing)
    running.cancel()
    return Answer(grpc.StatusCode.OK, "", content)


async def _sending(data: bytes, at_all: bool) -> AsyncIterator[bytes]:
    """gRPC's client loses a status that comes while it writes: nothing is written where one is expected."""
    if not at_all:
        await asyncio.sleep(PATIENCE_S)
    yield data


async def _first(running: Any) -> bytes:
    async for response in running:
        return bytes(response)
    return b""


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
