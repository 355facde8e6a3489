"""A gateway with a small backend behind it: the real Envoy, the real pipeline, the smallest handlers."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import grpc
import httpx
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from pulsemesh.workout.v1 import ingest_service_pb2, ingest_service_pb2_grpc
from pulsemesh.workout.v1 import workout_pb2 as workouts
from pulsemesh.workout.v1 import workout_service_pb2 as messages
from pulsemesh.workout.v1 import workout_service_pb2_grpc as service
from services.auth.issuer import DevelopmentIssuer
from services.auth.keys import jwks_path
from services.chassis.auth import FileKeys, JwksAuthenticator
from services.chassis.call import current_call
from services.chassis.errors import Unavailable
from services.chassis.pipeline import PipelinePorts, ServiceCollector
from services.gateway.binary import find_envoy
from services.gateway.exposure import ExposedMethod
from services.gateway.process import EnvoyProcess
from services.gateway.rendering import render, write
from services.gateway.shape import Address, GatewayShape, KeySetFile
from services.host.certificates import CertificateAuthority, CertificateFiles

GET = "/pulsemesh.workout.v1.WorkoutService/GetWorkout"
WORKOUT_ID = "01J00000000000000000000000"
ISSUER = "pulsemesh-eu"


class Workouts(service.WorkoutServiceServicer):
    """Answers with what arrived: the caller as the service sees it, and the headers."""

    def __init__(self) -> None:
        self.calls = 0
        self.failures = 0
        self.seen: dict[str, str | bytes] = {}
        self.listed = messages.ListWorkoutsRequest()
        self.hold = asyncio.Event()
        self.hold.set()

    async def GetWorkout(
        self, request: messages.GetWorkoutRequest, context: object
    ) -> messages.GetWorkoutResponse:
        self.calls += 1
        self.seen = dict(current_call().metadata)
        await self.hold.wait()
        if self.failures:
            self.failures -= 1
            raise Unavailable
        title = current_call().principal.user_id
        return messages.GetWorkoutResponse(
            workout=workouts.Workout(workout_id=request.workout_id, title=title)
        )

    async def ListWorkouts(
        self, request: messages.ListWorkoutsRequest, context: object
    ) -> messages.ListWorkoutsResponse:
        self.listed = request
        return messages.ListWorkoutsResponse(next_page_token="next")

    async def UpdateWorkout(
        self, request: messages.UpdateWorkoutRequest, context: object
    ) -> messages.UpdateWorkoutResponse:
        self.calls += 1
        if self.failures:
            self.failures -= 1
            raise Unavailable
        return messages.UpdateWorkoutResponse(workout=request.workout)


class Ingest(ingest_service_pb2_grpc.IngestServiceServicer):
    """Echoes: one answer a message."""

    async def StreamSamples(self, requests: Any, context: object) -> AsyncIterator[Any]:
        async for _ in requests:
            yield ingest_service_pb2.StreamSamplesResponse()


class Backend:
    """One server of the workout domain."""

    def __init__(self, data_dir: Path, cell: str = "eu") -> None:
        self.workouts = Workouts()
        self._collector = ServiceCollector(
            PipelinePorts(
                cell=cell,
                authenticator=JwksAuthenticator(FileKeys(jwks_path(data_dir)), issuer=f"pulsemesh-{cell}"),
            )
        )
        service.add_WorkoutServiceServicer_to_server(self.workouts, cast(Any, self._collector))
        ingest_service_pb2_grpc.add_IngestServiceServicer_to_server(Ingest(), cast(Any, self._collector))
        self._server: grpc.aio.Server | None = None
        self.address = Address("127.0.0.1", 0)

    async def start(self, tls: CertificateFiles | None = None) -> None:
        """Listen; with certificates only for callers who show one of the same authority."""
        from grpc_health.v1 import health_pb2_grpc
        from grpc_health.v1.health import aio as health_aio

        server = grpc.aio.server()
        self._collector.add_to(server)
        health_pb2_grpc.add_HealthServicer_to_server(health_aio.HealthServicer(), server)
        if tls is None:
            port = server.add_insecure_port(str(self.address))
        else:
            pair = (tls.key.read_bytes(), tls.certificate.read_bytes())
            credentials = grpc.ssl_server_credentials(
                [pair], tls.authority.read_bytes(), require_client_auth=True
            )
            port = server.add_secure_port(str(self.address), credentials)
        self.address = Address("127.0.0.1", port)
        await server.start()
        self._server = server

    async def stop(self, grace_s: float | None = None) -> None:
        if self._server is not None:
            await self._server.stop(grace_s)


class World:
    """What a test talks to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data_dir = folder / "data"
        self.issuer = DevelopmentIssuer(self.data_dir, cell="eu", issuer=ISSUER)
        self.backend = Backend(self.data_dir)
        self.authority = CertificateAuthority.create(folder / "certificates", cell="eu")
        self.envoys: list[EnvoyProcess] = []
        self._channels: list[grpc.aio.Channel] = []

    @property
    def ca(self) -> bytes:
        return self.certificate.authority.read_bytes()

    @property
    def certificate(self) -> CertificateFiles:
        files = self.authority.files("door")
        return files if files.certificate.exists() else self.authority.issue("door", services=())

    def shape(self, **changes: Any) -> GatewayShape:
        shape = GatewayShape(
            cell="eu",
            issuer=ISSUER,
            folder=str(self.folder / "gateway"),
            listen=Address("127.0.0.1", 0),
            services={"workout": self.backend.address},
            keys=(KeySetFile(str(jwks_path(self.data_dir))),),
            certificate=str(self.certificate.certificate),
            key=str(self.certificate.key),
            access_log=str(self.folder / "access.log"),
        )
        return replace(shape, **changes)

    async def start_gateway(
        self, shape: GatewayShape, methods: Sequence[ExposedMethod] | None = None
    ) -> EnvoyProcess:
        write(render(shape, methods), Path(shape.folder))
        envoy = EnvoyProcess(find_envoy(), Path(shape.folder), threads=1)
        await envoy.start()
        self.envoys.append(envoy)
        return envoy

    def channel(self, envoy: EnvoyProcess) -> grpc.aio.Channel:
        credentials = grpc.ssl_channel_credentials(self.ca)
        options = [("grpc.enable_retries", 0)]
        channel = grpc.aio.secure_channel(envoy.address, credentials, options=options)
        self._channels.append(channel)
        return channel

    def http(self, envoy: EnvoyProcess) -> httpx.AsyncClient:
        context = ssl.create_default_context(cadata=self.ca.decode())
        return httpx.AsyncClient(
            base_url=f"https://{envoy.address}", verify=context, trust_env=False, timeout=30
        )

    def bearer(self, login: str = "me", **options: Any) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.issuer.issue(login, **options).access_token}"),)

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()
        for envoy in self.envoys:
            await envoy.kill()
        await self.backend.stop()


@contextlib.asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """A world whose backend serves; its gateways are the test's to start."""
    made = World(folder)
    await made.backend.start()
    try:
        yield made
    finally:
        await made.close()


def reason(error: grpc.aio.AioRpcError) -> str:
    """The platform's reason in the details of a status."""
    details: dict[str, Any] = dict(error.trailing_metadata() or ())
    status = status_pb2.Status.FromString(details["grpc-status-details-bin"])
    assert status.code == error.code().value[0]
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return str(info.reason)


async def failure(call: Any) -> tuple[grpc.StatusCode, str]:
    """Code and reason of a call that must fail."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code(), reason(error)
    raise AssertionError("the call did not fail")
