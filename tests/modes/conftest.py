"""One platform, deployed in each of the ways that the settings offer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc.aio
import pytest

from pulsemesh import Client, connect
from pulsemesh.credentials import StaticToken
from services.chassis.bus import open_bus
from services.chassis.database import Database
from services.chassis.settings import load_settings
from services.host.platform import running_platform
from services.host.registry import MODULES
from tests.fixtures.platform_process import ServerProcess, running
from tests.fixtures.server_process import free_port
from tests.modes import listener

BUS_PARTITIONS = 4


@dataclass
class Deployment:
    """A platform that runs.

    Attributes:
        workout_address: where the workout domain is served.
        auth_address: where the auth domain is; the same in a monolith.
        events: the database of a listener to the platform's events.
    """

    workout_address: str
    auth_address: str
    events: Database
    stack: AsyncExitStack

    async def client(self, login: str) -> Client:
        """A client for this person whose connection no other shares: it may well end at another worker."""
        async with connect(self.auth_address) as anyone:
            token = (await anyone.auth.create_token(login)).access_token
        channel = grpc.aio.insecure_channel(
            self.workout_address, options=[("grpc.use_local_subchannel_pool", 1)]
        )
        return await self.stack.enter_async_context(Client(channel, StaticToken(token)))


@asynccontextmanager
async def _embedded(folder: Path) -> AsyncIterator[Deployment]:
    """All domains and a listener in this process: SQLite, and memory for the rest."""
    settings = load_settings(
        {
            "data_dir": folder,
            "server": {"listen": "127.0.0.1:0", "stream_notice_s": 0.0, "drain_grace_s": 3.0},
            "telemetry": {"log_level": "warning"},
        }
    )
    modules = {**MODULES, "listener": listener.__name__}
    async with running_platform(settings, modules=modules) as platform, AsyncExitStack() as stack:
        yield Deployment(platform.address, platform.address, listener.module.database, stack)


def _distributed(postgres_url: str, redis_url: str) -> dict[str, str]:
    stores = {f"PULSEMESH_STORE__{one}_URL": redis_url for one in ("LIMITS", "CACHE", "LIVE")}
    return {
        "PULSEMESH_DATABASE__URL": postgres_url,
        "PULSEMESH_BUS__URL": redis_url,
        "PULSEMESH_BUS__PARTITIONS": str(BUS_PARTITIONS),
        **stores,
    }


@asynccontextmanager
async def _listening(folder: Path, redis_url: str) -> AsyncIterator[Database]:
    """A listener on the bus, as another service would be."""
    consumer, database = await listener.open_listener(folder)
    bus = open_bus(redis_url, cell="eu", partitions=BUS_PARTITIONS)
    try:
        await consumer.attach(bus)
        yield database
    finally:
        await bus.close()
        await database.close()


@asynccontextmanager
async def _workers(folder: Path, postgres_url: str, redis_url: str) -> AsyncIterator[Deployment]:
    """All domains in two processes that share a port, over PostgreSQL and Redis."""
    server = ServerProcess(folder, workers=2, environment=_distributed(postgres_url, redis_url))
    with running(server):
        async with _listening(folder, redis_url) as events, AsyncExitStack() as stack:
            yield Deployment(server.address, server.address, events, stack)


@asynccontextmanager
async def _split(folder: Path, postgres_url: str, redis_url: str) -> AsyncIterator[Deployment]:
    """Each domain in a process of its own, over PostgreSQL and Redis."""
    environment = _distributed(postgres_url, redis_url)
    auth = ServerProcess(folder, domains=["auth"], environment=environment, name="auth", port=free_port())
    environment["PULSEMESH_CHANNELS"] = json.dumps({"auth": auth.address})
    workout = ServerProcess(folder, domains=["workout"], environment=environment, name="workout")
    auth.launch()
    with running(workout), running(auth):
        async with _listening(folder, redis_url) as events, AsyncExitStack() as stack:
            yield Deployment(workout.address, auth.address, events, stack)


@pytest.fixture(params=["embedded", "two workers", "split"])
async def deployment(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Deployment]:
    """The platform in one of its modes, empty."""
    if request.param == "embedded":
        async with _embedded(tmp_path) as deployed:
            yield deployed
        return
    postgres_url, redis_url = request.getfixturevalue("postgres_url"), request.getfixturevalue("redis_url")
    mode = _workers if request.param == "two workers" else _split
    async with mode(tmp_path, postgres_url, redis_url) as deployed:
        yield deployed
