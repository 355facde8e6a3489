"""The platform on embedded defaults, served from this process until the block ends."""

from __future__ import annotations

import importlib
import itertools
import logging
import tempfile
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from pulsemesh.calls.retry import RetrySettings
from pulsemesh.client import Client, connect

__all__ = ["Platform", "platform"]


class Platform:
    """A platform that runs.

    Attributes:
        target: where it is, for `pulsemesh.connect`.
        data_dir: where its files are.
    """

    def __init__(self, target: str, data_dir: Path, stack: AsyncExitStack) -> None:
        self.target = target
        self.data_dir = data_dir
        self._stack = stack
        self._numbers = itertools.count(1)

    async def token(self, login: str, *, scopes: Sequence[str] = (), device: bool = False) -> str:
        """Return an access token of the person called `login`; each login is a person of its own."""
        async with connect(self.target) as anyone:
            made = await anyone.auth.create_token(login, scopes=scopes, device=device)
        return made.access_token

    async def client(
        self,
        login: str = "",
        *,
        scopes: Sequence[str] = (),
        device: bool = False,
        retry: RetrySettings | None = None,
    ) -> Client:
        """Return a connected client of `login`, by default of a new person without any workout.

        `device` makes it the client of a sensor gateway of that person. It is closed with the
        platform, or before.
        """
        who = login or f"person-{next(self._numbers)}"
        token = await self.token(who, scopes=scopes, device=device)
        return await self._stack.enter_async_context(connect(self.target, token, retry=retry))


@asynccontextmanager
async def platform(
    *,
    data_dir: Path | None = None,
    domains: Collection[str] = (),
    settings: Mapping[str, Any] | None = None,
) -> AsyncIterator[Platform]:
    """Serve the platform, or some of its domains, on a free port of this machine.

    SQLite and everything else that it keeps is in `data_dir`, by default a directory that is
    removed at the end. `settings` (nested, as `pulsemesh-server settings` lists them) replace
    the defaults made for tests. Raises `ModuleNotFoundError` without the extra `testing`.
    """
    host = _services("services.host.platform")
    loading = _services("services.chassis.settings.loading")
    _quieten()
    async with AsyncExitStack() as stack:
        directory = data_dir or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pulsemesh-")))
        chosen = loading.load_settings(_merged(_defaults(directory), settings or {}))
        running = await stack.enter_async_context(host.running_platform(chosen, domains))
        # Clients are closed before the platform drains.
        clients = await stack.enter_async_context(AsyncExitStack())
        yield Platform(running.address, directory, clients)


def _services(module: str) -> Any:
    """Import a part of the platform. Not before it is needed: the SDK itself does not depend on it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name is not None and missing.name.partition(".")[0] != "services":
            raise
        raise ModuleNotFoundError(
            "pulsemesh.testing needs the platform itself: pip install 'pulsemesh[testing]'",
            name=missing.name,
        ) from missing


def _defaults(directory: Path) -> dict[str, Any]:
    """Return settings that no environment variable of the machine reaches through."""
    return {
        "mode": "development",
        "data_dir": directory,
        "server": {
            "listen": "127.0.0.1:0",
            "stream_notice_s": 0.0,
            "drain_delay_s": 0.0,
            "drain_grace_s": 5.0,
        },
        "database": {"url": None},
        "bus": {"url": "memory://"},
        "store": dict.fromkeys(("limits_url", "cache_url", "live_url"), "memory://"),
        "auth": {"development_issuer": True},
        "telemetry": {"log_level": "warning"},
        "channels": {},
    }


def _merged(defaults: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `defaults` with `changes`, group by group."""
    merged = dict(defaults)
    for name, value in changes.items():
        inner = merged.get(name)
        both = isinstance(inner, Mapping) and isinstance(value, Mapping)
        merged[name] = _merged(inner, value) if both else value  # type: ignore[arg-type]
    return merged


def _quieten() -> None:
    """Keep the platform's everyday log lines out of the tests' output, unless logging is set up already."""
    structlog = importlib.import_module("structlog")
    if not structlog.is_configured():
        # Drawn tracebacks hold variables, and stand still for seconds while they are drawn.
        plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        structlog.configure(
            processors=[structlog.processors.add_log_level, plain],
            wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        )
