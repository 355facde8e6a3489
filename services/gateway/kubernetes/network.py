"""Who may connect to whom: nobody to anybody, but for what is listed here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from services.gateway.deployments import AUTH_HTTP_PORT, DOOR_PORT, GRPC_PORT, OPERATIONS_PORT
from services.gateway.kubernetes.calls import GATEWAY, AllowedCalls
from services.gateway.kubernetes.parts import LABEL, Manifest, manifest

VERSION = "networking.k8s.io/v1"
POSTGRESQL_PORT = 5432
REDIS_PORT = 6379
HTTPS_PORT = 443
MAIL_PORT = 587


def _ports(*numbers: int) -> list[Manifest]:
    return [{"protocol": "TCP", "port": number} for number in numbers]


def _pods(*names: str) -> list[Manifest]:
    return [{"podSelector": {"matchLabels": {LABEL: name}}} for name in names]


def _policy(name: str, selector: Manifest, **rules: Any) -> Manifest:
    types = [kind.capitalize() for kind in ("ingress", "egress") if kind in rules]
    return manifest(
        VERSION, "NetworkPolicy", name, spec={"podSelector": selector, "policyTypes": types, **rules}
    )


def common_policies() -> Iterator[Manifest]:
    """What holds for every pod."""
    yield _policy("nobody-by-default", {}, ingress=[], egress=[])
    names = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}
    ports = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    yield _policy("names", {}, egress=[{"to": [names], "ports": ports}])


def gateway_policy(calls: AllowedCalls, auth: str) -> Manifest:
    """The door is for everybody, its statistics for who monitors."""
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    return _policy(
        GATEWAY,
        {"matchLabels": {LABEL: GATEWAY}},
        ingress=[{"ports": _ports(DOOR_PORT)}, {"from": [monitoring], "ports": _ports(OPERATIONS_PORT)}],
        egress=[
            {"to": _pods(*calls.by(GATEWAY)), "ports": _ports(GRPC_PORT)},
            {"to": _pods(auth), "ports": _ports(AUTH_HTTP_PORT)},
            # Redis of the shared limits, and the gateways of other cells.
            {"ports": _ports(REDIS_PORT, HTTPS_PORT)},
        ],
    )


def service_policy(name: str, calls: AllowedCalls, *, auth: str) -> Manifest:
    """A service is reached by those whom the contracts let call it, and reaches those that let it."""
    ingress = [{"from": _pods(*calls.of(name)), "ports": _ports(GRPC_PORT)}] if calls.of(name) else []
    stores = [POSTGRESQL_PORT, REDIS_PORT]
    egress: list[Manifest] = []
    if name == auth:
        ingress.append({"from": _pods(GATEWAY), "ports": _ports(AUTH_HTTP_PORT)})
        stores += [HTTPS_PORT, MAIL_PORT]
    egress.append({"ports": _ports(*stores)})
    if calls.by(name):
        egress.append({"to": _pods(*calls.by(name)), "ports": _ports(GRPC_PORT)})
    return _policy(name, {"matchLabels": {LABEL: name}}, ingress=ingress, egress=egress)


def migration_policy(name: str) -> Manifest:
    """Migrations reach the database."""
    selector = {"matchLabels": {LABEL: f"migrate-{name}"}}
    return _policy(f"migrate-{name}", selector, egress=[{"ports": _ports(POSTGRESQL_PORT)}])
