"""The gateways of the two shapes in which the platform is deployed on Kubernetes."""

from __future__ import annotations

from collections.abc import Iterable

from services.gateway.shape import Address, GatewayShape, KeySetAddress, UpstreamTls

NAMESPACE = "pulsemesh"
GRPC_PORT = 50051
AUTH_HTTP_PORT = 8080
DOOR_PORT = 8443
OPERATIONS_PORT = 9902
ADMIN_PORT = 9901
LIMITS_PORT = 8081

CONFIGURATION_FOLDER = "/etc/pulsemesh/envoy"
DOOR_TLS_FOLDER = "/etc/pulsemesh/door"
SERVICE_TLS_FOLDER = "/etc/pulsemesh/tls"

AUTH_NAME = "auth.pulsemesh.internal"
"""What the pages of sign-in are asked for under, whichever service has them."""

MONOLITH = "monolith"
SPLIT = "split"
SHAPES = (MONOLITH, SPLIT)
PLATFORM = "platform"
"""The one service of the monolith."""


def service_of(shape: str, domain: str) -> str:
    """The Kubernetes service that serves a domain."""
    return PLATFORM if shape == MONOLITH else domain


def host_of(service: str) -> str:
    """The name of a service inside the cluster; it stands for the addresses of all its pods."""
    return f"{service}.{NAMESPACE}.svc.cluster.local"


def kubernetes_gateway(shape: str, domains: Iterable[str], *, cell: str) -> GatewayShape:
    """The gateway in front of a monolith or of one service for each domain."""
    auth = Address(host_of(service_of(shape, "auth")), AUTH_HTTP_PORT)
    return GatewayShape(
        cell=cell,
        issuer=f"pulsemesh-{cell}",
        folder=CONFIGURATION_FOLDER,
        listen=Address("0.0.0.0", DOOR_PORT),
        services={name: Address(host_of(service_of(shape, name)), GRPC_PORT) for name in sorted(domains)},
        keys=(KeySetAddress(auth, host=AUTH_NAME),),
        certificate=f"{DOOR_TLS_FOLDER}/tls.crt",
        key=f"{DOOR_TLS_FOLDER}/tls.key",
        admin=Address("127.0.0.1", ADMIN_PORT),
        operations=Address("0.0.0.0", OPERATIONS_PORT),
        auth_http=auth,
        upstream_tls=UpstreamTls(
            f"{SERVICE_TLS_FOLDER}/ca.crt", f"{SERVICE_TLS_FOLDER}/tls.crt", f"{SERVICE_TLS_FOLDER}/tls.key"
        ),
        limits=Address("127.0.0.1", LIMITS_PORT),
        trusted_hops=0,
    )
