"""A TCP proxy that misbehaves on demand: cuts, stalls, half-open connections, refusals."""

from __future__ import annotations

import asyncio
import contextlib
from types import TracebackType

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Connection:
    """One forwarded connection: a side towards the client and one towards the target."""

    def __init__(self, client: Stream, target: Stream, flowing: asyncio.Event) -> None:
        self._client, self._target = client[1], target[1]
        self._is_half_open = False
        self._cut = asyncio.Event()
        self._pumps = [
            asyncio.ensure_future(_pump(client[0], target[1], flowing)),
            asyncio.ensure_future(_pump(target[0], client[1], flowing)),
        ]

    async def until_over(self) -> None:
        """Return once either side has ended the connection; never for one that is half-open."""
        await asyncio.wait(self._pumps, return_when=asyncio.FIRST_COMPLETED)
        if self._is_half_open:
            await self._cut.wait()

    def half_open(self, *, keep_client: bool) -> None:
        """End one side; the other stays open and silent, and nobody reads what it sends."""
        self._is_half_open = True
        for pump in self._pumps:
            pump.cancel()
        gone = self._target if keep_client else self._client
        gone.transport.abort()

    def cut(self) -> None:
        """Reset both sides."""
        self._cut.set()
        for pump in self._pumps:
            pump.cancel()
        self._client.transport.abort()
        self._target.transport.abort()


class TcpProxy:
    """Forwards loopback connections to a target until it is told not to.

    Attributes:
        port: where it listens.
        target_port: where new connections are forwarded to.
        connections: how many were taken.
    """

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self.connections = 0
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._accepting = True
        self._open: set[_Connection] = set()
        self._served: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def __aenter__(self) -> TcpProxy:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._served:
            task.cancel()
        await asyncio.gather(*self._served, return_exceptions=True)

    def cut(self) -> None:
        """Reset every connection at once."""
        for connection in self._open:
            connection.cut()

    def lose_target(self) -> None:
        """Take the target away from every connection without telling the client; new ones work."""
        for connection in self._open:
            connection.half_open(keep_client=True)

    def lose_client(self) -> None:
        """Take the client away from every connection without telling the target; new ones work."""
        for connection in self._open:
            connection.half_open(keep_client=False)

    def stall(self) -> None:
        """Forward nothing more, but keep every connection open, new ones included."""
        self._flowing.clear()

    def resume(self) -> None:
        """Forward again."""
        self._flowing.set()

    def refuse(self) -> None:
        """Reset new connections at once."""
        self._accepting = False

    def accept(self) -> None:
        """Take new connections again."""
        self._accepting = True

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._accepting:
            writer.transport.abort()
            return
        self.connections += 1
        task = asyncio.ensure_future(self._serve((reader, writer)))
        self._served.add(task)
        task.add_done_callback(self._served.discard)

    async def _serve(self, client: Stream) -> None:
        try:
            target = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            client[1].transport.abort()
            return
        connection = _Connection(client, target, self._flowing)
        self._open.add(connection)
        try:
            await connection.until_over()
        finally:
            self._open.discard(connection)
            connection.cut()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            await flowing.wait()
            writer.write(data)
            await writer.drain()
