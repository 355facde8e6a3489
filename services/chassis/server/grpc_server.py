"""One grpc.aio server around the handlers of a `ServiceCollector`."""

from __future__ import annotations

import asyncio

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha import reflection

from services.chassis.pipeline import ServiceCollector
from services.chassis.server.options import server_options
from services.chassis.server.tls import server_credentials
from services.chassis.settings import ServerSettings
from services.chassis.settings.model import split_address

_log = structlog.get_logger(__name__)

WHOLE_SERVER = ""
"""The name under which the health protocol asks for the server as a whole."""


class AddressInUse(Exception):
    """The address of the settings cannot be listened on."""


class GrpcServer:
    """Serves what was collected, says how it is, and leaves in order."""

    def __init__(
        self, settings: ServerSettings, collector: ServiceCollector, *, reuse_port: bool = False
    ) -> None:
        self._settings = settings
        self._collector = collector
        self._draining = collector.ports.draining
        self._server = grpc.aio.server(options=server_options(settings, reuse_port=reuse_port))
        self._health = health_aio.HealthServicer()
        self._health_server = grpc.aio.server(options=[("grpc.so_reuseport", int(reuse_port))])
        self._host = split_address(settings.listen)[0]
        self._port = 0
        self._stopped = False

    @property
    def address(self) -> str:
        """Host and port that were bound."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._port}"

    async def start(self) -> str:
        """Bind and take calls.

        Returns:
            the address that was bound.

        Raises:
            AddressInUse: it cannot be bound.
            OSError: a TLS file cannot be read.
        """
        self._collector.add_to(self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        services = self._collector.services
        if self._settings.reflection:
            names = (*services, health_pb2.DESCRIPTOR.services_by_name["Health"].full_name)
            reflection.enable_server_reflection((*names, reflection.SERVICE_NAME), self._server)
        self._port = self._bind()
        await self._server.start()
        await self._say(health_pb2.HealthCheckResponse.SERVING)
        await self._answer_probes()
        return self.address

    async def _answer_probes(self) -> None:
        """The page of health for whoever cannot speak TLS, where the settings have one."""
        listen = self._settings.health_listen
        if listen is None:
            return
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._health_server)
        try:
            self._health_server.add_insecure_port(listen)
        except RuntimeError:
            raise AddressInUse(f"cannot listen on {listen}") from None
        await self._health_server.start()

    def _bind(self) -> int:
        credentials = server_credentials(self._settings)
        try:
            if credentials is None:
                return self._server.add_insecure_port(self._settings.listen)
            return self._server.add_secure_port(self._settings.listen, credentials)
        except RuntimeError:
            raise AddressInUse(f"cannot listen on {self._settings.listen}") from None

    async def _say(self, status: int) -> None:
        for name in (WHOLE_SERVER, *self._collector.services):
            await self._health.set(name, status)

    async def drain(self) -> None:
        """Leave: NOT_SERVING, no new calls, streams told, calls awaited, the rest cut off."""
        if self._stopped:
            return
        self._stopped = True
        settings = self._settings
        await self._health.enter_graceful_shutdown()
        if settings.drain_delay_s:
            await asyncio.sleep(settings.drain_delay_s)
        _log.info("draining", in_flight=self._draining.in_flight)
        grace_s = settings.drain_grace_s
        stopping = asyncio.create_task(self._server.stop(grace_s))
        cancelled = await self._draining.end_streams(min(settings.stream_notice_s, grace_s))
        idle = await self._draining.wait_idle(grace_s)
        # Streams that are not ours, such as those that watch our health, would use up the whole grace.
        await self._server.stop(0)
        await stopping
        await self._health_server.stop(0)
        _log.info("drained", streams_ended_by_server=cancelled, calls_cut_off=not idle)

    async def wait(self) -> None:
        """Return when the server has stopped."""
        await self._server.wait_for_termination()
