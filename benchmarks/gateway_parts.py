"""What `benchmarks.gateway` measures with: a service, a proxy in Python, and Envoys, each its own process."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import uvloop

from services.auth.issuer import DevelopmentIssuer
from services.auth.keys import jwks_path
from services.gateway.binary import find_envoy
from services.gateway.exposure import ExposedMethod
from services.gateway.process import EnvoyProcess
from services.gateway.rendering import contract_methods, render, write
from services.gateway.shape import Address, GatewayShape, KeySetFile
from services.host.certificates import CertificateAuthority

ISSUER = "pulsemesh-eu"
GET = "/pulsemesh.workout.v1.WorkoutService/GetWorkout"
_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """CPU seconds that a process used so far; 0 for no process."""
    if not pid:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def limited_methods(calls: int | None) -> list[ExposedMethod]:
    """The contracts' methods, with a shared limit for GetWorkout, or none that matters."""
    found = []
    for one in contract_methods(development=False):
        policy = one.method.policy
        assert policy is not None
        if policy.rate_limit is not None:
            limit = replace(policy.rate_limit, calls=1_000_000, period_s=1.0, burst=1_000_000)
            if one.method.path == GET and calls is not None:
                limit = replace(limit, calls=calls, period_s=36_000.0, burst=calls, shared=True)
            policy = replace(policy, rate_limit=limit)
        found.append(replace(one, method=replace(one.method, policy=policy)))
    return found


class Stage:
    """The processes, and channels to them by the name of the way."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.envoys: list[EnvoyProcess] = []
        issuer = DevelopmentIssuer(folder, cell="eu", issuer=ISSUER)
        self.metadata = (("authorization", f"Bearer {issuer.issue('bench').access_token}"),)
        self._authority = CertificateAuthority.create(folder / "certificates", cell="eu")
        self._door = self._authority.issue("door", services=())
        self._children: dict[str, subprocess.Popen[str]] = {}
        self._channels: dict[str, grpc.aio.Channel] = {}
        self._address = Address("127.0.0.1", 0)
        self._received = 0

    async def start(self) -> None:
        """Start the service, the proxy in Python, and one Envoy."""
        self._address = self._child("service")
        proxy = self._child("proxy", "--target", str(self._address))
        credentials = grpc.ssl_channel_credentials(self._door.authority.read_bytes())
        self._channels["direct"] = grpc.aio.insecure_channel(str(self._address))
        self._channels["python"] = grpc.aio.secure_channel(str(proxy), credentials)
        self._channels["envoy"] = await self.gateway(self.shape())

    def _child(self, kind: str, *words: str) -> Address:
        command = [
            sys.executable,
            "-m",
            "benchmarks.gateway_parts",
            kind,
            "--folder",
            str(self.folder),
            *words,
        ]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._children[kind] = child
        assert child.stdout is not None
        return Address("127.0.0.1", int(child.stdout.readline()))

    def channel(self, name: str) -> grpc.aio.Channel:
        """A channel to the service by one way."""
        return self._channels[name]

    def pid(self, name: str) -> int:
        """Of the process in between."""
        return {"direct": 0, "python": self._children["proxy"].pid, "envoy": self.envoys[0].pid}[name]

    def received(self) -> int:
        """Messages that the service received since this was asked last."""
        child = self._children["service"]
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write("\n")
        child.stdin.flush()
        total = int(json.loads(child.stdout.readline()))
        found, self._received = total - self._received, total
        return found

    def shape(self, **changes: Any) -> GatewayShape:
        """A gateway before the service."""
        shape = GatewayShape(
            cell="eu",
            issuer=ISSUER,
            folder=str(self.folder / "envoy"),
            listen=Address("127.0.0.1", 0),
            services={"workout": self._address},
            keys=(KeySetFile(str(jwks_path(self.folder))),),
            certificate=str(self._door.certificate),
            key=str(self._door.key),
            access_log=str(self.folder / "access.log"),
        )
        return replace(shape, **changes)

    async def gateway(
        self, shape: GatewayShape, methods: Sequence[ExposedMethod] | None = None
    ) -> grpc.aio.Channel:
        """Start an Envoy; returns a channel to it."""
        write(render(shape, methods or limited_methods(None)), Path(shape.folder))
        envoy = EnvoyProcess(find_envoy(), Path(shape.folder), threads=2)
        await envoy.start()
        self.envoys.append(envoy)
        credentials = grpc.ssl_channel_credentials(self._door.authority.read_bytes())
        # Each gateway's own connection: by default the core shares one between equal channels.
        options = [("grpc.use_local_subchannel_pool", 1)]
        return grpc.aio.secure_channel(envoy.address, credentials, options=options)

    async def close(self) -> None:
        """End everything."""
        for channel in self._channels.values():
            await channel.close()
        for envoy in self.envoys:
            await envoy.kill()
        for child in self._children.values():
            child.send_signal(signal.SIGTERM)
            child.communicate(timeout=20)


async def serve(folder: Path) -> None:
    """The pipeline with the smallest handlers."""
    from benchmarks.unary_overhead import collected
    from pulsemesh.workout.v1 import ingest_service_pb2, ingest_service_pb2_grpc

    received = 0

    class Ingest(ingest_service_pb2_grpc.IngestServiceServicer):
        async def StreamSamples(  # noqa: N802 - the contract's name
            self, requests: Any, context: object
        ) -> AsyncIterator[Any]:
            nonlocal received
            async for _ in requests:
                received += 1
                yield ingest_service_pb2.StreamSamplesResponse()

    collector: Any = collected(folder)
    ingest: Any = Ingest
    ingest_service_pb2_grpc.add_IngestServiceServicer_to_server(ingest(), collector)
    server = _server()
    collector.add_to(server)
    await _run(server, server.add_insecure_port("127.0.0.1:0"), lambda: received)


def _server() -> grpc.aio.Server:
    from grpc_health.v1 import health_pb2_grpc
    from grpc_health.v1.health import aio as health_aio

    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(health_aio.HealthServicer(), server)
    return server


async def proxy(folder: Path, target: str) -> None:
    """Passes bytes on and nothing else: no tokens, no limits, no log. TLS as Envoy has it."""
    own = CertificateAuthority.create(folder / "certificates", cell="eu").files("door")
    channel = grpc.aio.insecure_channel(target)

    class Handlers(grpc.GenericRpcHandler):
        def service(self, handler_call_details: Any) -> Any:
            path = handler_call_details.method
            if path.endswith("StreamSamples"):
                return grpc.stream_stream_rpc_method_handler(_streams(channel, path))
            return grpc.unary_unary_rpc_method_handler(_calls(channel, path))

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handlers(),))
    pair = (own.key.read_bytes(), own.certificate.read_bytes())
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    await _run(server, port, lambda: 0)


def _metadata(context: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((key, value) for key, value in context.invocation_metadata() if key == "authorization")


def _calls(channel: grpc.aio.Channel, path: str) -> Any:
    call = channel.unary_unary(path)

    async def pass_on(request: bytes, context: Any) -> bytes:
        answer: bytes = await call(request, metadata=_metadata(context))
        return answer

    return pass_on


def _streams(channel: grpc.aio.Channel, path: str) -> Any:
    call = channel.stream_stream(path)

    async def pass_on(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
        async for answer in call(requests, metadata=_metadata(context)):
            yield answer

    return pass_on


async def _run(server: grpc.aio.Server, port: int, count: Any) -> None:
    """Serve; answer each line of the input with the count."""
    await server.start()
    print(port, flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(count(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["service", "proxy"])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--target", default="")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(
            serve(options.folder) if options.kind == "service" else proxy(options.folder, options.target)
        )


if __name__ == "__main__":
    main()
