"""The composition root: settings in, a serving process out."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import grpc
import structlog

from services.chassis.auth import RevocationList
from services.chassis.background import Supervisor
from services.chassis.channels import ChannelDirectory
from services.chassis.module import Module, ModuleContext, RunningModule
from services.chassis.pipeline import Draining, PipelinePorts, ServiceCollector
from services.chassis.relay import Relay
from services.chassis.server import GrpcServer
from services.chassis.settings import Settings
from services.chassis.settings.model import split_address
from services.chassis.telemetry import MetricsEndpoint, Telemetry
from services.chassis.telemetry.metrics import process_registry
from services.host.answers import events_reach_the_cache, subscribe_answers
from services.host.auditing import open_audit, start_checkpoints
from services.host.consents import ServiceConsentGate
from services.host.databases import Databases
from services.host.delegating import delegations
from services.host.housekeeping import start_housekeeping
from services.host.identity import CertifiedServiceToken, development_issuer, service_token
from services.host.ports import authenticator, consent_gate, trusted_origins
from services.host.registry import MODULES, load_modules
from services.host.revocations import follow_revocations
from services.host.stores import Stores

_log = structlog.get_logger(__name__)


def clock_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


class Platform:
    """Any subset of the domains in this process.

    Built by `running_platform`, which starts and ends it.

    Attributes:
        address: host and port of the gRPC server.
        domains: those that are served.
        collector: every wrapped handler, for in-process channels of tests.
    """

    def __init__(self, settings: Settings, modules: Collection[Module], *, worker: int | None) -> None:
        self.settings = settings
        self.domains = [module.name for module in modules]
        self.address = ""
        self._modules = modules
        self._worker = worker
        self._registry = process_registry()
        issuer = development_issuer(settings)
        self._stores = Stores(settings)
        telemetry = Telemetry(self._registry)
        draining = Draining()
        telemetry.metrics.count_in_flight(lambda: draining.in_flight)
        self._gate = consent_gate(settings, lambda: self.channel("consent"))
        self.collector = ServiceCollector(
            PipelinePorts(
                cell=settings.cell,
                authenticator=authenticator(settings, lambda: self.channel("auth")),
                consent=self._gate,
                limiter=self._stores.limiter,
                strict_limiter=self._stores.strict_limiter,
                cache=self._stores.cache,
                events_reach_cache=events_reach_the_cache(settings),
                revocations=RevocationList(stale_after_s=settings.auth.revocations_stale_s),
                audit=open_audit(settings),
                telemetry=telemetry,
                draining=draining,
                origins=trusted_origins(settings),
                mutual_tls=settings.server.tls_client_ca is not None,
                believes_on_behalf_of=settings.delegation == "header",
            )
        )
        self._databases = Databases(settings)
        self._background = Supervisor()
        self._identity = service_token(settings, issuer, "+".join(self.domains), lambda: self.channel("auth"))
        self._channels = ChannelDirectory(
            settings,
            served=self.domains,
            handlers=self.collector.handlers,
            identity=self._identity,
            delegations=delegations(settings, lambda: self.channel("auth")),
        )
        self._server: GrpcServer | None = None

    def channel(self, domain: str) -> grpc.aio.Channel:
        """The channel for the stubs of a domain, as this process' services see it."""
        return self._channels.channel(domain)

    async def start(self, stack: AsyncExitStack) -> None:
        """Open stores, start domains, take calls; what was started is undone by `stack`, in reverse."""
        stack.callback(self._close_audit)
        await stack.enter_async_context(self._stores)
        await stack.enter_async_context(self._databases.open(self._modules))
        stack.push_async_callback(self._background.stop)
        for database in self._databases.all():
            self._background.start(f"relay of {database.schema}", Relay(database, self._stores.bus).run)
        start_housekeeping(
            self._background, self._databases.all(), self._stores.bus, self.settings.bus.retention_s
        )
        start_checkpoints(
            self._background, self.collector.ports.audit, self.settings.audit.checkpoint_every_s
        )
        stack.push_async_callback(self._channels.close)
        for module in self._modules:
            running = await module.start(self._context(module.name))
            stack.push_async_callback(running.close)
            await self._adopt(running, stack)
        if isinstance(self._identity, CertifiedServiceToken):
            self._background.start(self._identity.name, self._identity.run)
        await follow_revocations(self._background, self._channels, self.collector.ports.revocations)
        if isinstance(self._gate, ServiceConsentGate):
            self._background.start(self._gate.name, self._gate.run)
        await subscribe_answers(stack, self.collector.methods, self._stores.cache, self._stores.bus)
        self._start_metrics(stack)
        server = GrpcServer(self.settings.server, self.collector, reuse_port=self._worker is not None)
        stack.push_async_callback(server.drain)
        self.address = await server.start()
        self._server = server

    async def _adopt(self, running: RunningModule, stack: AsyncExitStack) -> None:
        for add_to_server, servicer in running.servicers:
            add_to_server(servicer, self.collector)
        for consumer in running.consumers:
            subscription = await consumer.attach(self._stores.bus)
            stack.push_async_callback(subscription.close)
        for task in running.background:
            self._background.start(task.name, task.run)

    def _context(self, name: str) -> ModuleContext:
        return ModuleContext(
            cell=self.settings.cell,
            settings=self.settings,
            database=self._databases.get,
            bus=self._stores.bus,
            limiter=self._stores.limiter,
            cache=self._stores.cache,
            live=self._stores.live,
            channel=self.channel,
            clock_ms=clock_ms,
            logger=structlog.get_logger(name),
            authenticator=self.collector.ports.authenticator,
            consent=self._gate,
        )

    def _start_metrics(self, stack: AsyncExitStack) -> None:
        listen = self.settings.telemetry.metrics_listen
        if listen is None:
            return
        host, port = split_address(listen)
        endpoint = MetricsEndpoint(self._registry, host, port + (self._worker or 0) if port else 0)
        stack.callback(endpoint.close)
        _log.info("metrics_page", address=f"http://{host}:{endpoint.port}/metrics")

    def _close_audit(self) -> None:
        close = getattr(self.collector.ports.audit, "close", None)
        if close is not None:
            close()


@asynccontextmanager
async def running_platform(
    settings: Settings,
    domains: Collection[str] = (),
    *,
    modules: Mapping[str, str] = MODULES,
    worker: int | None = None,
) -> AsyncGenerator[Platform]:
    """Serve the chosen domains, or all, until the block ends; then drain and close everything.

    Args:
        worker: the number of this process among those that share the port, None when it is alone.

    Raises:
        UnknownDomain, PolicyHoles, AddressInUse, StoreUnavailable: see there.
    """
    platform = Platform(settings, load_modules(domains, modules), worker=worker)
    async with AsyncExitStack() as stack:
        await platform.start(stack)
        yield platform
