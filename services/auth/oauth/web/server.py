"""The HTTP server, as a background task of the host."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import structlog
import uvicorn
from starlette.types import ASGIApp

GRACE_S = 3
KEEP_ALIVE_S = 15
MAX_CONNECTIONS = 1_000
MAX_HEAD_BYTES = 16_384

_log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are the host's."""
        yield


class HttpServer:
    """Serves an app until it is cancelled; finishes what it was asked before."""

    name = "oauth over http"

    def __init__(self, host: str, port: int, *, shared_port: bool, trusted_proxies: str) -> None:
        """Takes the port at once, so that it is known.

        Args:
            shared_port: other processes listen on the same one.

        Raises:
            OSError: the port is taken.
        """
        self._shared = shared_port
        self._trusted = trusted_proxies
        self._socket: socket.socket | None = _listen(host, port, shared=shared_port)
        self._host, self.port = host, int(self._socket.getsockname()[1])
        self.app: ASGIApp | None = None

    @property
    def address(self) -> str:
        """Host and port as a URL writes them."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self.port}"

    async def run(self) -> None:
        """See `BackgroundTask.run`."""
        assert self.app is not None
        listening = self._socket or _listen(self._host, self.port, shared=self._shared)
        self._socket = None
        config = uvicorn.Config(
            self.app,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(self._trusted),
            forwarded_allow_ips=self._trusted,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
            limit_concurrency=MAX_CONNECTIONS,
            h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        )
        server = _Server(config)
        _log.info("oauth_pages", address=f"http://{self.address}")
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            await asyncio.gather(serving, return_exceptions=True)
            listening.close()

    def close(self) -> None:
        """Let go of the port, if the task never ran."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _listen(host: str, port: int, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind((host, port))
        listening.listen(128)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening
