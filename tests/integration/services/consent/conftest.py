"""A platform whose gate asks the consent service, and people who use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest

from pulsemesh import Client, connect
from services.auth.issuer import DevelopmentIssuer
from services.chassis.settings import Settings, load_settings
from services.host.platform import Platform, running_platform

CONSENTS = ("training_analysis", "health_data", "precise_location")


def settings_of(data_dir: Path, **changes: Any) -> Settings:
    """Settings of a platform on a free port whose gate asks the consent service."""
    defaults: dict[str, Any] = {
        "data_dir": data_dir,
        "server": {"listen": "127.0.0.1:0", "stream_notice_s": 0.0, "drain_grace_s": 3.0},
        "telemetry": {"log_level": "warning"},
        "consent": {"gate": "service"},
    }
    return load_settings(defaults | changes)


def token(data_dir: Path, login: str) -> str:
    """An access token of the development issuer."""
    return DevelopmentIssuer(data_dir, cell="eu", issuer="pulsemesh-eu").issue(login).access_token


async def allow(client: Client, *purposes: str) -> None:
    """Agree to purposes as a grown-up in Germany."""
    await client.consent.set_jurisdiction("DE", birth_month="1990-07")
    offered = await client.consent.purposes(*purposes)
    await client.consent.grant([each.text for each in offered.purposes])


@dataclass
class Consenting:
    """The platform, and a way to connect to it."""

    platform: Platform
    data_dir: Path
    connect: Callable[[str], Client]


@pytest.fixture
async def consenting(tmp_path: Path) -> AsyncIterator[Consenting]:
    clients: list[Client] = []
    async with running_platform(settings_of(tmp_path), ["consent", "workout"]) as platform:

        def connected(login: str) -> Client:
            clients.append(connect(platform.address, token(tmp_path, login)))
            return clients[-1]

        yield Consenting(platform, tmp_path, connected)
        for client in clients:
            await client.close()


def code_of(error: grpc.aio.AioRpcError) -> str:
    """The status code by name."""
    return str(error.code().name)
