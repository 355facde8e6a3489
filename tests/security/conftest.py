"""A platform that believes the tests' own keys, on a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio

from services.chassis.auth import Revocation
from services.chassis.policy import contract_services, default_registry
from services.chassis.settings import load_settings
from services.host.platform import running_platform
from tests.security.callers import ENDED_SESSION
from tests.security.target import Target
from tests.security.tokens import ISSUER, TokenMint


@pytest.fixture(scope="session")
def mint() -> TokenMint:
    return TokenMint()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def target(tmp_path_factory: pytest.TempPathFactory, mint: TokenMint) -> AsyncIterator[Target]:
    folder = tmp_path_factory.mktemp("target")
    settings = load_settings(
        {
            "data_dir": folder,
            "server": {"listen": "127.0.0.1:0", "stream_notice_s": 0.0, "drain_grace_s": 1.0},
            "telemetry": {"log_level": "error"},
            "auth": {
                "issuer": ISSUER,
                "jwks_file": mint.publish(folder / "keys.json"),
                "delegation": "exchange",
            },
        }
    )
    async with running_platform(settings) as platform:
        platform.collector.ports.revocations.apply(Revocation(session_id=ENDED_SESSION))
        handlers = platform.collector.handlers
        methods = list(default_registry().methods(contract_services()))
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        async with grpc.aio.insecure_channel(platform.address, options=options) as channel:
            yield Target(
                platform,
                channel,
                mint,
                [method for method in methods if method.path in handlers],
                [method.path for method in methods if method.path not in handlers],
            )
