"""A platform that believes the tests' own keys, on a real server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio

from services.chassis.auth import Revocation
from services.chassis.policy import contract_services, default_registry
from services.chassis.settings import load_settings
from services.chassis.settings.model import split_address
from services.gateway.binary import NoEnvoy, find_envoy
from services.gateway.process import EnvoyProcess
from services.gateway.rendering import render, write
from services.gateway.shape import Address, GatewayShape, KeySetFile
from services.host.certificates import CertificateAuthority
from services.host.platform import running_platform
from tests.security.callers import ENDED_SESSION
from tests.security.target import Target
from tests.security.tokens import ISSUER, TokenMint

KEYS = "keys.json"


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
                "http_listen": "127.0.0.1:0",
                "issuer": ISSUER,
                "jwks_file": mint.publish(folder / KEYS),
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
                folder,
                channel,
                mint,
                [method for method in methods if method.path in handlers],
                [method.path for method in methods if method.path not in handlers],
            )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(target: Target) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to the target by the real Envoy; skips where there is none."""
    try:
        binary = find_envoy()
    except NoEnvoy as error:
        pytest.skip(str(error))
    folder = target.folder / "gateway"
    authority = CertificateAuthority.create(target.folder / "certificates", cell="eu")
    files = authority.issue("gateway", services=["gateway"])
    host, port = split_address(target.platform.address)
    shape = GatewayShape(
        cell="eu",
        issuer=ISSUER,
        folder=str(folder),
        listen=Address("127.0.0.1", 0),
        services=dict.fromkeys(target.platform.domains, Address(host, port)),
        keys=(KeySetFile(str(target.folder / KEYS)),),
        certificate=str(files.certificate),
        key=str(files.key),
    )
    write(render(shape, None), folder)
    envoy = EnvoyProcess(binary, folder, threads=1)
    await envoy.start()
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
    credentials = grpc.ssl_channel_credentials(files.authority.read_bytes())
    async with grpc.aio.secure_channel(envoy.address, credentials, options=options) as channel:
        yield channel
    await envoy.kill()
