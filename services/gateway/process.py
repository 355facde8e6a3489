"""One Envoy process: started, watched, drained, ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import structlog

from services.gateway.admin import AdminPage
from services.gateway.rendering import BOOTSTRAP

_log = structlog.get_logger(__name__)

READY_WITHIN_S = 30.0
END_WITHIN_S = 10.0
POLL_S = 0.05


class EnvoyFailed(RuntimeError):
    """Envoy ended, or does not become ready; the message holds what it said last."""


@dataclass(frozen=True, slots=True)
class EnvoyFiles:
    """Where one process reads and writes."""

    folder: Path

    @property
    def bootstrap(self) -> Path:
        """What it is started with."""
        return self.folder / BOOTSTRAP

    @property
    def admin(self) -> Path:
        """Where it writes the address of its admin page."""
        return self.folder / "admin-address.txt"

    @property
    def log(self) -> Path:
        """What it says."""
        return self.folder / "envoy.log"


class EnvoyProcess:
    """An Envoy over the files of a folder.

    Attributes:
        address: of the door, once it is ready.
    """

    def __init__(self, binary: Path, folder: Path, *, threads: int = 2) -> None:
        self._binary = binary
        self._files = EnvoyFiles(folder)
        self._threads = threads
        self._process: asyncio.subprocess.Process | None = None
        self._admin: AdminPage | None = None
        self.address = ""

    @property
    def pid(self) -> int:
        """Of the process; 0 before it was started."""
        return self._process.pid if self._process is not None else 0

    async def start(self) -> str:
        """Start, wait until it takes calls; returns the address of the door.

        Raises:
            EnvoyFailed: it does not take the configuration.
        """
        files = self._files
        files.admin.unlink(missing_ok=True)
        with files.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "services.gateway.tether", str(os.getpid())),
                *(str(self._binary), "-c", str(files.bootstrap), "--admin-address-path", str(files.admin)),
                *("--disable-hot-restart", "--reject-unknown-dynamic-fields"),
                *("--concurrency", str(self._threads), "--log-level", "warning"),
                *("--drain-time-s", "5", "--drain-strategy", "immediate"),
                *("--file-flush-interval-msec", "1000"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            await asyncio.wait_for(self._until_ready(), READY_WITHIN_S)
        except (TimeoutError, EnvoyFailed) as error:
            await self.kill()
            raise EnvoyFailed(f"Envoy does not serve: {self._last_words()}") from error
        return self.address

    async def _until_ready(self) -> None:
        while not self._files.admin.exists() or not self._files.admin.read_text().strip():
            self._must_live()
            await asyncio.sleep(POLL_S)
        address = self._files.admin.read_text().strip()
        self._admin = AdminPage(address)
        while not self.address:
            self._must_live()
            with contextlib.suppress(httpx.HTTPError):
                if await self._admin.listeners_refused():
                    raise EnvoyFailed("the listeners are refused")
                self.address = await self._admin.door()
            await asyncio.sleep(POLL_S)

    def _must_live(self) -> None:
        assert self._process is not None
        if self._process.returncode is not None:
            raise EnvoyFailed(f"exit code {self._process.returncode}")

    def _last_words(self) -> str:
        lines = self._files.log.read_text(errors="replace").splitlines()
        words = ("critical", "rejected", "error")
        telling = [line[:600] for line in lines if any(word in line for word in words)]
        return "\n".join((telling or lines)[-3:]) or "it said nothing"

    async def statistics(self, pattern: str) -> dict[str, int]:
        """Counters and gauges whose name matches a regular expression."""
        assert self._admin is not None
        return await self._admin.statistics(pattern)

    async def wait(self) -> int:
        """The exit code, once it ended."""
        assert self._process is not None
        return await self._process.wait()

    async def drain(self, within_s: float) -> None:
        """Say goodbye to the clients, let their calls end, then end.

        SIGTERM alone would cut calls off.
        """
        if self._process is None or self._process.returncode is not None:
            return
        assert self._admin is not None
        await self._admin.drain(within_s)
        await self.end()

    async def end(self) -> None:
        """SIGTERM, and SIGKILL for one that does not listen."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), END_WITHIN_S)
        except TimeoutError:
            _log.warning("envoy_killed", pid=self.pid)
            await self.kill()
        await self._close()

    async def kill(self) -> None:
        """End at once."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        await self._close()

    async def _close(self) -> None:
        if self._admin is not None:
            await self._admin.close()
            self._admin = None
