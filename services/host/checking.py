"""Looking at everything that a server would need, without changing it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.chassis import migrations
from services.chassis.bus import open_bus
from services.chassis.channels import ChannelDirectory
from services.chassis.policy import check_policies, contract_services, default_registry
from services.chassis.settings import Settings
from services.chassis.settings.model import IN_PROCESS
from services.host.databases import open_schema, owners
from services.host.exit_codes import ExitCode
from services.host.ports import key_source
from services.host.registry import domain_names, load_modules

PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found."""

    subject: str
    problem: str
    code: ExitCode

    def __str__(self) -> str:
        return f"FAILED  {self.subject}: {self.problem}" if self.problem else f"ok      {self.subject}"


async def _look(subject: str, attempt: Callable[[], Awaitable[None]], code: ExitCode) -> Finding:
    try:
        async with asyncio.timeout(PATIENCE_S):
            await attempt()
    except Exception as error:
        return Finding(subject, str(error) or type(error).__name__, code)
    return Finding(subject, "", ExitCode.OK)


async def findings(settings: Settings, domains: Sequence[str]) -> AsyncIterator[Finding]:
    """Settings (which were read already), policies, keys, databases, bus, channels."""
    yield Finding(f"settings (mode {settings.mode}, cell {settings.cell})", "", ExitCode.OK)
    yield _policies()
    if settings.auth.jwks_url is not None or settings.auth.jwks_file is not None:
        yield await _look("keys that prove tokens", partial(_keys, settings), ExitCode.STORE)
    for name, scripts in owners(load_modules(domains)):
        yield await _look(
            f"database of {name}",
            partial(_database, settings, name, scripts),
            ExitCode.STORE,
        )
    yield await _look(f"bus {_without_password(settings.bus.url)}", partial(_bus, settings), ExitCode.STORE)
    for domain, target in settings.channels.items():
        if target != IN_PROCESS:
            yield await _look(
                f"{domain} at {target}",
                partial(_channel, settings, domains, domain),
                ExitCode.STORE,
            )


def _policies() -> Finding:
    services = contract_services()
    methods = list(default_registry().methods(services))
    holes = check_policies(methods)
    problem = "; ".join(str(hole) for hole in holes)
    subject = f"policies of {len(methods)} methods in {len(services)} services"
    return Finding(subject, problem, ExitCode.POLICY if holes else ExitCode.OK)


async def _keys(settings: Settings) -> None:
    def nobody() -> grpc.aio.Channel:
        raise AssertionError("keys that the settings locate are asked of nobody else")

    await key_source(settings, nobody).fetch()


async def _database(settings: Settings, schema: str, scripts: Path) -> None:
    if settings.database_url.startswith("sqlite"):
        return  # a file that is made on first use, and that a running server holds
    database = open_schema(settings, schema)
    try:
        await database.ping()
        if not settings.migrates_on_start:
            await migrations.require_current(database, scripts)
    finally:
        await database.close()


async def _bus(settings: Settings) -> None:
    bus = open_bus(settings.bus.url, cell=settings.cell, partitions=settings.bus.partitions)
    try:
        await bus.ping()
    finally:
        await bus.close()


async def _channel(settings: Settings, domains: Sequence[str], domain: str) -> None:
    directory = ChannelDirectory(settings, served=domain_names(domains), handlers={}, identity=None)
    try:
        stub: Any = health_pb2_grpc.HealthStub(directory.channel(domain))
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE_S / 2)
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise RuntimeError("it says that it is not serving")
    except grpc.aio.AioRpcError as error:
        raise RuntimeError(error.details() or error.code().name) from None
    finally:
        await directory.close()


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
