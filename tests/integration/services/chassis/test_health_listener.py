"""A page of health without TLS beside a server that asks for certificates."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.chassis.pipeline import PipelinePorts, ServiceCollector
from services.chassis.server import GrpcServer
from services.chassis.settings import ServerSettings
from services.host.certificates import CertificateAuthority


async def test_probes_without_tls_are_answered_and_calls_are_not(tmp_path: Path) -> None:
    files = CertificateAuthority.create(tmp_path, cell="eu").issue("one", services=())
    health = f"unix:{tmp_path}/health.sock"
    settings = ServerSettings(
        listen="127.0.0.1:0",
        tls_certificate=files.certificate,
        tls_key=files.key,
        tls_client_ca=files.authority,
        drain_grace_s=0.0,
    ).model_copy(update={"health_listen": health})
    server = GrpcServer(settings, ServiceCollector(PipelinePorts(cell="eu")))
    address = await server.start()
    try:
        async with grpc.aio.insecure_channel(health) as channel:
            answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        async with grpc.aio.insecure_channel(address) as channel:
            with pytest.raises(grpc.aio.AioRpcError):
                await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=5)
    finally:
        await server.drain()
