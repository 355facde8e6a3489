"""A gateway as long as it runs: its files, its Envoy, and another Envoy when one dies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from services.gateway.process import EnvoyFailed, EnvoyProcess
from services.gateway.rendering import render, write
from services.gateway.shape import GatewayShape

_log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 10.0
STEADY_AFTER_S = 30.0


class Gateway:
    """Keeps an Envoy serving what the contracts and the shape say.

    Attributes:
        address: of the door.
    """

    def __init__(
        self,
        shape: Callable[[], GatewayShape],
        *,
        binary: Path,
        folder: Path,
        threads: int,
        drain_s: float,
    ) -> None:
        """
        Args:
            shape: what to serve now; asked again at every reload.
            folder: where the files of the configuration lie.
        """
        self._shape = shape
        self._binary = binary
        self._folder = folder
        self._threads = threads
        self._drain_s = drain_s
        self._envoy = EnvoyProcess(binary, folder, threads=threads)
        self._tending: asyncio.Task[None] | None = None
        self.address = ""

    @property
    def envoy(self) -> EnvoyProcess:
        """The present process."""
        return self._envoy

    async def start(self) -> str:
        """Write the files, start Envoy; returns the address of the door.

        Raises:
            EnvoyFailed: it does not take the configuration.
        """
        self.reload()
        self.address = await self._envoy.start()
        self._tending = asyncio.create_task(self._tend())
        return self.address

    def reload(self) -> list[str]:
        """Make the files anew; a running Envoy takes up those that changed, and loses no call over it."""
        changed = write(render(self._shape()), self._folder)
        if changed:
            _log.info("gateway_configured", files=changed)
        return changed

    async def _tend(self) -> None:
        """Replace an Envoy that dies."""
        pause_s = FIRST_PAUSE_S
        while True:
            started_at = time.monotonic()
            code = await self._envoy.wait()
            if time.monotonic() - started_at > STEADY_AFTER_S:
                pause_s = FIRST_PAUSE_S
            _log.warning("envoy_died", exit_code=code, again_in_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            self.reload()
            self._envoy = EnvoyProcess(self._binary, self._folder, threads=self._threads)
            try:
                await self._envoy.start()
            except EnvoyFailed as error:
                _log.error("envoy_does_not_start", error=str(error))

    async def stop(self) -> None:
        """Drain and end."""
        if self._tending is not None:
            self._tending.cancel()
            await asyncio.gather(self._tending, return_exceptions=True)
        await self._envoy.drain(self._drain_s)
