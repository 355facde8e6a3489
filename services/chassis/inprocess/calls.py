"""The client's side of an in-process call: `grpc.aio`'s call objects over an `Exchange`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Generator
from typing import Any

import grpc

from services.chassis.inprocess.exchange import Exchange, MetadataPairs
from services.chassis.inprocess.pipe import PipeBroken

Deserialize = Callable[[bytes], Any]
Serialize = Callable[[Any], bytes]


def _metadata(pairs: MetadataPairs) -> grpc.aio.Metadata:
    return grpc.aio.Metadata(*pairs)


class _Call(grpc.aio.Call):
    """What the four shapes share."""

    def __init__(self, exchange: Exchange, deserialize: Deserialize) -> None:
        self._exchange = exchange
        self._deserialize = deserialize

    def __del__(self) -> None:
        exchange = getattr(self, "_exchange", None)
        if exchange is not None and not exchange.done:
            exchange.collected()

    def cancelled(self) -> bool:
        return self._exchange.code is grpc.StatusCode.CANCELLED

    def done(self) -> bool:
        return self._exchange.done

    def cancel(self) -> bool:
        return self._exchange.cancel()

    def time_remaining(self) -> float | None:
        return self._exchange.time_remaining()

    def add_done_callback(self, callback: Callable[[Any], Any]) -> None:
        self._exchange.when_finished(lambda: callback(self))

    async def initial_metadata(self) -> grpc.aio.Metadata:
        await self._exchange.opened.wait()
        return _metadata(self._exchange.initial)

    async def trailing_metadata(self) -> grpc.aio.Metadata:
        await self._exchange.finished.wait()
        return _metadata(self._exchange.trailing)

    async def code(self) -> grpc.StatusCode:
        await self._exchange.finished.wait()
        assert self._exchange.code is not None
        return self._exchange.code

    async def details(self) -> str:
        await self._exchange.finished.wait()
        return self._exchange.details

    async def debug_error_string(self) -> str:
        await self._exchange.finished.wait()
        return self._debug()

    async def wait_for_connection(self) -> None:
        """There is nothing to connect to; only a call that ended badly says so."""
        if self._exchange.done:
            self._raise_for_status()

    def _debug(self) -> str:
        return f"in-process call {self._exchange.path}: {self._exchange.details}"

    def _raise_for_status(self) -> None:
        exchange = self._exchange
        if exchange.locally_cancelled:
            raise asyncio.CancelledError
        if exchange.code is not None and exchange.code is not grpc.StatusCode.OK:
            raise grpc.aio.AioRpcError(
                exchange.code,
                _metadata(exchange.initial),
                _metadata(exchange.trailing),
                exchange.details,
                self._debug(),
            )


class _UnaryResponse(_Call):
    """Awaiting gives the response."""

    _response: Any = None

    def __await__(self) -> Generator[Any, None, Any]:
        exchange = self._exchange
        if not exchange.done:
            try:
                yield from exchange.finished.wait().__await__()
            except asyncio.CancelledError:
                exchange.cancel()
                raise
        self._raise_for_status()
        if self._response is None:
            data = yield from exchange.responses.get().__await__()
            self._response = self._deserialize(data or b"")
        return self._response


class _StreamResponse(_Call):
    """Iterating, or `read`, gives the responses."""

    _iterator: AsyncIterator[Any] | None = None
    _by_reads = False

    def __aiter__(self) -> AsyncIterator[Any]:
        if self._by_reads:
            raise grpc.aio.UsageError("The iterator and read/write APIs may not be mixed on a single RPC.")
        if self._iterator is None:
            self._iterator = self._responses()
        return self._iterator

    async def _responses(self) -> AsyncIterator[Any]:
        while (message := await self._read()) is not grpc.aio.EOF:
            yield message

    async def read(self) -> Any:
        """The next response, or `grpc.aio.EOF` after the last."""
        if self._iterator is not None:
            raise grpc.aio.UsageError("The iterator and read/write APIs may not be mixed on a single RPC.")
        self._by_reads = True
        return await self._read()

    async def _read(self) -> Any:
        try:
            data = await self._exchange.responses.get()
        except asyncio.CancelledError:
            self._exchange.cancel()
            raise
        if data is not None:
            return self._deserialize(data)
        await self._exchange.finished.wait()
        self._raise_for_status()
        return grpc.aio.EOF


class _StreamRequest(_Call):
    """`write` and `done_writing`, or an iterator given beforehand, send the requests."""

    _serialize: Serialize
    _writer: asyncio.Task[None] | None = None
    _closed = False

    def _send_from(self, requests: Any, serialize: Serialize) -> None:
        self._serialize = serialize
        if requests is not None:
            # The task holds the exchange, not the call: a call that is forgotten is still cancelled.
            self._writer = asyncio.get_running_loop().create_task(_pump(self._exchange, requests, serialize))
            self._exchange.when_finished(self._writer.cancel)

    async def write(self, request: Any) -> None:
        """Send one request; waits while the server is behind."""
        self._require_writes()
        if self._exchange.done:
            raise asyncio.InvalidStateError("RPC already finished.")
        if self._closed:
            raise asyncio.InvalidStateError('RPC is half closed after calling "done_writing".')
        try:
            await self._exchange.requests.put(self._serialize(request))
        except PipeBroken:
            await self._exchange.finished.wait()
            self._raise_for_status()
            raise asyncio.InvalidStateError("RPC already finished.") from None
        except asyncio.CancelledError:
            self._exchange.cancel()
            raise

    async def done_writing(self) -> None:
        """Say that no more requests come; may be repeated."""
        self._require_writes()
        self._closed = True
        self._exchange.requests.end()

    def _require_writes(self) -> None:
        if self._writer is not None:
            raise grpc.aio.UsageError("The iterator and read/write APIs may not be mixed on a single RPC.")


async def _pump(exchange: Exchange, requests: Any, serialize: Serialize) -> None:
    """Send what an iterator yields; one that raises cancels the call, as on a real channel."""
    try:
        if isinstance(requests, AsyncIterable):
            async for request in requests:
                await exchange.requests.put(serialize(request))
        else:
            for request in requests:
                await exchange.requests.put(serialize(request))
        exchange.requests.end()
    except PipeBroken:
        pass
    except BaseException:
        exchange.cancel()
        raise


class UnaryUnaryCall(_UnaryResponse, grpc.aio.UnaryUnaryCall[Any, Any]):
    """One request, one response."""


class UnaryStreamCall(_StreamResponse, grpc.aio.UnaryStreamCall[Any, Any]):
    """One request, many responses."""


class StreamUnaryCall(_StreamRequest, _UnaryResponse, grpc.aio.StreamUnaryCall[Any, Any]):
    """Many requests, one response."""


class StreamStreamCall(_StreamRequest, _StreamResponse, grpc.aio.StreamStreamCall[Any, Any]):
    """Many requests, many responses."""
