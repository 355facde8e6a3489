"""The keys that prove tokens, on a loopback page from which Envoy fetches them again and again.

So the gateway believes exactly what the services believe, wherever they have their keys from, and a key that
is rotated in reaches it without a change of its configuration.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

_log = structlog.get_logger(__name__)

PATH = "/jwks.json"
REQUEST_BYTES = 8_192
REQUEST_WITHIN_S = 5.0

_GONE = (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError)

Fetch = Callable[[], Awaitable[bytes]]
"""The JSON of the key set now; raises when it cannot be had."""


class KeyPage:
    """An HTTP server with one page."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._server: asyncio.Server | None = None

    async def start(self) -> str:
        """Serve on a free port of loopback; returns the address."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=REQUEST_BYTES)
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"{host}:{port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(
                OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
            ):
                request = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), REQUEST_WITHIN_S)
                writer.write(await self._answer(request))
                await writer.drain()
        finally:
            writer.close()

    async def _answer(self, request: bytes) -> bytes:
        if not request.startswith(f"GET {PATH} ".encode()):
            return _response("404 Not Found", b"")
        try:
            return _response("200 OK", await self._fetch())
        except Exception as error:
            _log.warning("keys_unavailable", error=str(error))
            return _response("503 Service Unavailable", b"")

    async def close(self) -> None:
        """End."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()


def _response(status: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
