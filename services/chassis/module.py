"""What a domain gives to its host, and what the host gives to a domain."""

# ruff: noqa: D102 - attributes are described in their class
from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import grpc
import structlog
from sqlalchemy import MetaData

from services.chassis.auth import Authenticator, NobodyAuthenticator
from services.chassis.bus import EventBus
from services.chassis.cache import Cache
from services.chassis.consent import ClosedConsentGate, ConsentGate
from services.chassis.consumer import Consumer
from services.chassis.database import Database
from services.chassis.limits import RateLimiter
from services.chassis.live import LiveChannel
from services.chassis.settings import Settings

AddToServer = Callable[[Any, Any], None]
"""A generated `add_XServicer_to_server(servicer, server)`."""


@dataclass(frozen=True)
class ModuleContext:
    """What a domain is built from.

    Attributes:
        cell: the cell's name.
        database: from a schema's name to its opened and migrated database; a domain asks for its own only.
        bus, limiter, cache, live: the adapters that the settings chose.
        channel: from a domain's name to a channel for its stubs, in-process or remote.
        clock_ms: milliseconds since 1970 UTC.
        authenticator: proves the access tokens of others, as the pipeline does.
        consent: what people allow, for what a method's policy cannot see and for consumers.
    """

    cell: str
    settings: Settings
    database: Callable[[str], Database]
    bus: EventBus
    limiter: RateLimiter
    cache: Cache
    live: LiveChannel
    channel: Callable[[str], grpc.aio.Channel]
    clock_ms: Callable[[], int]
    logger: structlog.stdlib.BoundLogger
    authenticator: Authenticator = field(default_factory=NobodyAuthenticator)
    consent: ConsentGate = field(default_factory=ClosedConsentGate)


class BackgroundTask(Protocol):
    """Work that goes on while the process serves.

    Attributes:
        name: for the logs.
    """

    @property
    def name(self) -> str: ...

    async def run(self) -> None:
        """Work until cancelled. When it raises, the host logs it and runs it again after a pause."""
        ...


async def _nothing() -> None:
    return


@dataclass
class RunningModule:
    """A domain that was started.

    Attributes:
        servicers: pairs of the generated add function and the servicer.
        consumers: of events, run by the host.
        background: tasks that the host runs and ends.
        on_close: called when the host is done with the servicers, before databases close.
    """

    servicers: list[tuple[AddToServer, Any]] = field(default_factory=list)
    consumers: list[Consumer] = field(default_factory=list)
    background: list[BackgroundTask] = field(default_factory=list)
    on_close: Callable[[], Awaitable[None]] = _nothing

    async def close(self) -> None:
        """End what the domain started itself."""
        await self.on_close()


class Module(Protocol):
    """A domain as its `module.py` declares it.

    Attributes:
        name: the domain's: its schema, its place in `serve <name>`, the key of its channel.
        metadata: its tables; may be empty.
        migrations: its Alembic branch, None without tables.
    """

    @property
    def name(self) -> str: ...

    @property
    def metadata(self) -> MetaData: ...

    @property
    def migrations(self) -> Path | None: ...

    async def start(self, context: ModuleContext) -> RunningModule:
        """Build the domain. Called once, before the server takes calls."""
        ...
