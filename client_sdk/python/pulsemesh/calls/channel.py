"""The one place where calls are made: a channel for the generated stubs that keeps the contract's policy.

A generated stub asks its channel for four kinds of callables and nothing else. This
channel gives callables that fill in what the contract leaves to the client (deadline,
request id, credentials), check requests, repeat what may be repeated, and raise
`pulsemesh.errors`. The parts of the client use plain stubs on top of it, and so may you.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import Any, Generic, TypeVar, cast

import grpc
import grpc.aio
from google.protobuf.message import Message

from pulsemesh.calls import validation
from pulsemesh.calls.policy import CallPolicy, call_policy
from pulsemesh.calls.retry import Attempts, RetrySettings
from pulsemesh.credentials import Credentials
from pulsemesh.errors import PulsemeshError, Unavailable, from_rpc_error

__all__ = ["PolicyChannel", "SessionCall"]

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res")
# The words of grpc.aio for a message that could not be written.
_FAILED_WRITE = "Internal error from Core"

Metadata = tuple[tuple[str, str], ...]


class PolicyChannel:
    """Wraps a `grpc.aio.Channel`, or anything with the same four methods."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        credentials: Credentials,
        *,
        retry: RetrySettings | None = None,
        validate: bool = True,
    ) -> None:
        self.credentials = credentials
        self.retry = retry or RetrySettings()
        self.validate = validate
        self._channel = channel

    def for_stub(self) -> grpc.aio.Channel:
        """Return this channel under the type that generated stubs expect."""
        return cast(grpc.aio.Channel, self)

    def attempts(self, path: str, timeout_s: float | None = None) -> Attempts:
        """Return the attempts of one call of `path`, for who repeats something larger than one call."""
        return Attempts(call_policy(path), self.retry, self.credentials, timeout_s=timeout_s)

    def unary_unary(self, method: str, *args: Any, **kwargs: Any) -> _UnaryUnary[Any, Any]:
        """Return a callable for one request and one answer."""
        return _UnaryUnary(self, method, self._channel.unary_unary(method, *args, **kwargs))

    def unary_stream(self, method: str, *args: Any, **kwargs: Any) -> _UnaryStream[Any, Any]:
        """Return a callable for one request and a stream of answers."""
        return _UnaryStream(self, method, self._channel.unary_stream(method, *args, **kwargs))

    def stream_unary(self, method: str, *args: Any, **kwargs: Any) -> _StreamUnary[Any, Any]:
        """Return a callable for a stream of requests and one answer."""
        return _StreamUnary(self, method, self._channel.stream_unary(method, *args, **kwargs))

    def stream_stream(self, method: str, *args: Any, **kwargs: Any) -> _StreamStream[Any, Any]:
        """Return a callable for a session of two streams."""
        return _StreamStream(self, method, self._channel.stream_stream(method, *args, **kwargs))


class _Callable(Generic[Req, Res]):
    """What the four kinds have in common."""

    def __init__(self, owner: PolicyChannel, path: str, inner: Callable[..., Any]) -> None:
        self._owner = owner
        self._path = path
        self._inner = inner

    @property
    def _policy(self) -> CallPolicy:
        # Asked late: a stub may be made before all contracts are imported.
        return call_policy(self._path)

    def _begin(self, timeout_s: float | None) -> tuple[Attempts, str]:
        return self._owner.attempts(self._path, timeout_s), uuid.uuid4().hex

    def _error(self, error: grpc.aio.AioRpcError, request_id: str) -> PulsemeshError:
        mapped = from_rpc_error(error, method=self._policy.method, request_id=request_id)
        mapped.__cause__ = error
        return mapped

    def _check(self, request: Req) -> None:
        if self._owner.validate and not self._policy.validated_by_handler:
            validation.check(request, self._policy.method)

    def _prepare(self, request: Req) -> Req:
        """Return the request as it travels in every attempt: checked, and with its request id."""
        if self._policy.fills_request_id and not cast(Any, request).request_id:
            filled = type(request)()
            filled.CopyFrom(request)
            cast(Any, filled).request_id = uuid.uuid4().hex
            request = filled
        self._check(request)
        return request


class _UnaryUnary(_Callable[Req, Res]):
    async def __call__(self, request: Req, *, timeout: float | None = None) -> Res:
        request = self._prepare(request)
        attempts, request_id = self._begin(timeout)
        while True:
            metadata = _metadata(await attempts.token(), request_id)
            try:
                return cast(
                    Res, await self._inner(request, timeout=attempts.remaining_s(), metadata=metadata)
                )
            except grpc.aio.AioRpcError as error:
                await attempts.recover(self._error(error, request_id), opening=False)


class _UnaryStream(_Callable[Req, Res]):
    """Repeats a stream until its first answer; after that only the caller knows what is left to ask."""

    async def __call__(self, request: Req, *, timeout: float | None = None) -> AsyncIterator[Res]:
        request = self._prepare(request)
        attempts, request_id = self._begin(timeout)
        while True:
            metadata = _metadata(await attempts.token(), request_id)
            call = self._inner(request, timeout=attempts.remaining_s(), metadata=metadata)
            begun = False
            try:
                async for response in call:
                    begun = True
                    yield response
                return
            except grpc.aio.AioRpcError as error:
                mapped = self._error(error, request_id)
                if begun:
                    raise mapped from error
                await attempts.recover(mapped, opening=True)
            finally:
                call.cancel()


class _StreamUnary(_Callable[Req, Res]):
    """Repeats the call where the requests can be given from the start again.

    An iterable whose iterators begin anew can; an iterator that is spent cannot.
    """

    async def __call__(self, requests: AsyncIterable[Req], *, timeout: float | None = None) -> Res:
        attempts, request_id = self._begin(timeout)
        repeatable = aiter(requests) is not requests
        while True:
            metadata = _metadata(await attempts.token(), request_id)
            sender = _Sender(requests, self._check)
            call = self._inner(sender.messages(), timeout=attempts.remaining_s(), metadata=metadata)
            try:
                return cast(Res, await call)
            except grpc.aio.AioRpcError as error:
                mapped = _unmask(self._error(error, request_id))
                if not repeatable:
                    raise mapped from error
                await attempts.recover(mapped, opening=True)
            except asyncio.CancelledError:
                # gRPC cancels the call when the requests raise; what they raised is what matters.
                if sender.failure is not None:
                    raise sender.failure from None
                raise
            finally:
                call.cancel()


class _Sender(Generic[Req]):
    """Gives the requests of one attempt to gRPC, and keeps what went wrong with them."""

    def __init__(self, requests: AsyncIterable[Req], check: Callable[[Req], None]) -> None:
        self.failure: Exception | None = None
        self._requests = requests
        self._check = check

    async def messages(self) -> AsyncIterator[Req]:
        try:
            async for request in self._requests:
                self._check(request)
                yield request
        except Exception as error:
            self.failure = error
            raise


class _StreamStream(_Callable[Req, Res]):
    def __call__(self, *, timeout: float | None = None) -> SessionCall[Req, Res]:
        async def begin() -> Any:
            metadata = _metadata(await self._owner.credentials.token(), uuid.uuid4().hex)
            return self._inner(timeout=timeout, metadata=metadata)

        return SessionCall(begin)


class SessionCall(Generic[Req, Res]):
    """A call with two streams, begun as soon as there is a token for it.

    It is not repeated, and its errors stay `grpc.aio.AioRpcError`: whoever holds a session
    (`pulsemesh.ingest`) knows what to do after a break, and needs the bare facts for it.
    """

    def __init__(self, begin: Callable[[], Awaitable[Any]]) -> None:
        self._beginning: asyncio.Future[Any] = asyncio.ensure_future(begin())

    async def write(self, request: Req) -> None:
        """Send one message."""
        call = await asyncio.shield(self._beginning)
        await call.write(request)

    async def done_writing(self) -> None:
        """Say that no more will be sent."""
        call = await asyncio.shield(self._beginning)
        await call.done_writing()

    async def __aiter__(self) -> AsyncIterator[Res]:
        """Receive, until the server ends the call."""
        call = await asyncio.shield(self._beginning)
        async for response in call:
            yield response

    def cancel(self) -> bool:
        """Give the call up."""
        if not self._beginning.done():
            return self._beginning.cancel()
        if self._beginning.cancelled() or self._beginning.exception() is not None:
            return False
        return bool(self._beginning.result().cancel())


def _unmask(error: PulsemeshError) -> PulsemeshError:
    """Return what a failed call with a stream of requests means.

    When the other side ends such a call while a request is being written, gRPC may report its
    own failed write in place of the status that came: all that is known is that it ended.
    """
    if error.code is not grpc.StatusCode.INTERNAL or error.message != _FAILED_WRITE:
        return error
    ended = Unavailable(
        "the call ended while it was being sent", request_id=error.request_id, method=error.method
    )
    ended.__cause__ = error.__cause__
    return ended


def _metadata(token: str, request_id: str) -> Metadata:
    pairs: Metadata = (("x-request-id", request_id),)
    return (("authorization", f"Bearer {token}"), *pairs) if token else pairs
