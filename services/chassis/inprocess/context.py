"""The servicer's side of an in-process call."""

# ruff: noqa: D102 - what gRPC defines, gRPC documents
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import grpc

from services.chassis.inprocess.exchange import Exchange, MetadataPairs
from services.chassis.inprocess.pipe import PipeBroken

PEER = "inprocess:"


class InProcessContext(grpc.aio.ServicerContext[Any, Any]):
    """`grpc.aio.ServicerContext` over an `Exchange`."""

    def __init__(
        self,
        exchange: Exchange,
        deserialize: Callable[[bytes], Any] | None,
        serialize: Callable[[Any], bytes] | None,
    ) -> None:
        self._exchange = exchange
        self._deserialize = deserialize
        self._serialize = serialize
        self._trailing: MetadataPairs = ()
        self._code: grpc.StatusCode | None = None
        self._details = ""
        self._aborted: grpc.aio.AbortError | None = None

    def __aiter__(self) -> InProcessContext:
        return self

    async def __anext__(self) -> Any:
        message = await self.read()
        if message is grpc.aio.EOF:
            raise StopAsyncIteration
        return message

    async def read(self) -> Any:
        """The next request, or `grpc.aio.EOF`."""
        data = await self._exchange.requests.get()
        if data is None:
            return grpc.aio.EOF
        return data if self._deserialize is None else self._deserialize(data)

    async def write(self, message: Any) -> None:
        """Send one response."""
        self._require_not_aborted()
        self._exchange.open(())
        try:
            await self._exchange.responses.put(self.serialize(message))
        except PipeBroken:
            raise grpc.aio.UsageError("the call has ended") from None

    def serialize(self, message: Any) -> bytes:
        """A response as it crosses the border."""
        return message if self._serialize is None else self._serialize(message)

    async def send_initial_metadata(self, initial_metadata: Any) -> None:
        if self._exchange.opened.is_set():
            raise grpc.aio.UsageError("the initial metadata were sent before")
        self._exchange.open(pairs(initial_metadata))

    async def abort(self, code: grpc.StatusCode, details: str = "", trailing_metadata: Any = ()) -> Any:
        self._require_not_aborted()
        self._aborted = grpc.aio.AbortError("Locally aborted.")
        trailing = pairs(trailing_metadata) or self._trailing
        self._exchange.finish(code, details, trailing)
        raise self._aborted

    async def abort_with_status(self, status: grpc.Status) -> Any:
        await self.abort(status.code, status.details, status.trailing_metadata)

    def finish(self) -> None:
        """The handler returned: the status is what it set, OK by default."""
        self._exchange.finish(self._code or grpc.StatusCode.OK, self._details, self._trailing)

    def fail(self, error: Exception) -> None:
        """The handler raised what no pipeline caught: as a server does, say UNKNOWN."""
        self._exchange.finish(grpc.StatusCode.UNKNOWN, f"Unexpected {type(error)}: {error}", self._trailing)

    def _require_not_aborted(self) -> None:
        if self._aborted is not None:
            raise self._aborted

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        self._trailing = pairs(trailing_metadata)

    def trailing_metadata(self) -> Any:
        return self._trailing

    def invocation_metadata(self) -> Any:
        return self._exchange.metadata

    def set_code(self, code: grpc.StatusCode) -> None:
        self._code = code

    def set_details(self, details: str) -> None:
        self._details = details

    def code(self) -> Any:
        return self._code

    def details(self) -> str:
        return self._details

    def peer(self) -> str:
        return PEER

    def peer_identities(self) -> Iterable[bytes] | None:
        return None

    def peer_identity_key(self) -> str | None:
        return None

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        return {}

    def time_remaining(self) -> float:
        return self._exchange.time_remaining()  # type: ignore[return-value]

    def cancelled(self) -> bool:
        return self._exchange.code is grpc.StatusCode.CANCELLED

    def done(self) -> bool:
        return self._exchange.done

    def add_done_callback(self, callback: Callable[[Any], Any]) -> None:
        self._exchange.when_finished(lambda: callback(self))

    def set_compression(self, compression: grpc.Compression) -> None:
        """Nothing is compressed where nothing is sent."""

    def disable_next_message_compression(self) -> None:
        """Nothing is compressed where nothing is sent."""


def pairs(metadata: Any) -> MetadataPairs:
    """Metadata of any form that gRPC takes, as pairs.

    Raises:
        TypeError: a key or a value that gRPC would refuse as well.
    """
    if not metadata:
        return ()
    items: Sequence[tuple[str, str | bytes]] = tuple((key, value) for key, value in metadata)
    for key, value in items:
        wanted = bytes if key.endswith("-bin") else str
        if not isinstance(value, wanted | bytes) or key != key.lower():
            raise TypeError(f"metadata that gRPC does not take: {key!r}")
    return tuple(items)
