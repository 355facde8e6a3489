"""Who may call whom inside a deployment, read from the policies of the methods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pulsemesh.policy.v1.policy_pb2 import Access
from services.chassis.policy import MethodInfo
from services.gateway.deployments import service_of
from services.gateway.exposure import exposed_methods

GATEWAY = "gateway"


@dataclass(frozen=True, slots=True)
class AllowedCalls:
    """From each Kubernetes service to those that may connect to its gRPC port.

    The policies say of a method that services may call it, not which: so every service may connect to one
    that has such a method, and none to one that has none. What a caller may do, the token of each call says.
    """

    callers: dict[str, tuple[str, ...]]

    def of(self, service: str) -> tuple[str, ...]:
        """Who may connect to a service."""
        return self.callers[service]

    def by(self, caller: str) -> tuple[str, ...]:
        """To which services a caller may connect."""
        return tuple(sorted(name for name, callers in self.callers.items() if caller in callers))


def allowed_calls(methods: Iterable[MethodInfo], domains: Iterable[str], shape: str) -> AllowedCalls:
    """The calls between the services of a shape; a process that calls itself uses no network."""
    found = list(methods)
    services = {domain: service_of(shape, domain) for domain in domains}
    exposed = {one.method.domain for one in exposed_methods(found, development=False)}
    called = {
        method.domain
        for method in found
        if method.policy is not None and Access.ACCESS_SERVICE in method.policy.access
    }
    names = sorted(set(services.values()))
    callers: dict[str, tuple[str, ...]] = {}
    for name in names:
        own = {domain for domain, service in services.items() if service == name}
        outside = {GATEWAY} if own & exposed else set()
        inside = {other for other in names if other != name} if own & called else set()
        callers[name] = tuple(sorted(outside | inside))
    return AllowedCalls(callers)
