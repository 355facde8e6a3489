"""What a generated `add_XServicer_to_server` is given instead of a server."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import grpc

from services.chassis.auth.port import VerifiedTokens
from services.chassis.pipeline.guard import MethodGuard
from services.chassis.pipeline.ports import PipelinePorts
from services.chassis.pipeline.shapes import wrap
from services.chassis.policy import MethodInfo, MethodRegistry, default_registry, require_policies


class ServiceCollector:
    """Wraps the handlers of servicers, once, and hands them to servers and in-process channels.

    Usage::

        collector = ServiceCollector(ports)
        add_WorkoutServiceServicer_to_server(servicer, collector)
        collector.add_to(server)
        channel = InProcessChannel(collector.handlers)
    """

    def __init__(self, ports: PipelinePorts, registry: MethodRegistry | None = None) -> None:
        self.ports = dataclasses.replace(ports, authenticator=VerifiedTokens(ports.authenticator))
        self._registry = registry or default_registry()
        self._services: dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]] = {}
        self._handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    @property
    def services(self) -> tuple[str, ...]:
        """The full names of the services collected."""
        return tuple(self._services)

    @property
    def handlers(self) -> Mapping[str, grpc.RpcMethodHandler[Any, Any]]:
        """The wrapped handlers by gRPC path; a live view."""
        return MappingProxyType(self._handlers)

    @property
    def methods(self) -> tuple[MethodInfo, ...]:
        """Every method collected."""
        return tuple(self._registry.methods(self._services))

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """Called by generated code just before `add_registered_method_handlers`, which says the same."""

    def add_registered_method_handlers(
        self, service: str, handlers: Mapping[str, grpc.RpcMethodHandler[Any, Any]]
    ) -> None:
        """Called by generated code.

        Raises:
            PolicyHoles: the policy of a method has holes: the server must not start.
            TypeError: a method is not written as its shape demands.
            ValueError: the service was added before.
        """
        if service in self._services:
            raise ValueError(f"the service {service} was added twice")
        infos = self._registry.service(service)
        require_policies(infos.values())
        wrapped = {name: self._wrap(infos[name], handler) for name, handler in handlers.items()}
        self._services[service] = wrapped
        self._handlers.update({infos[name].path: handler for name, handler in wrapped.items()})

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register everything with a real server."""
        for service, handlers in self._services.items():
            generic = grpc.method_handlers_generic_handler(service, handlers)
            server.add_generic_rpc_handlers((generic,))
            server.add_registered_method_handlers(service, handlers)

    def _wrap(
        self, info: MethodInfo, handler: grpc.RpcMethodHandler[Any, Any]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        assert info.policy is not None
        return wrap(MethodGuard(info, info.policy, self.ports), handler)
