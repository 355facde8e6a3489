"""Certificates by cert-manager: each says which services of which cell its holder is."""

from __future__ import annotations

from services.chassis.service_names import service_uri
from services.gateway.deployments import host_of
from services.gateway.kubernetes.parts import Manifest, manifest

VERSION = "cert-manager.io/v1"
AUTHORITY = "pulsemesh-services"


def issuer() -> Manifest:
    """The authority of a cell's services, from a secret that operators make once."""
    return manifest(VERSION, "Issuer", AUTHORITY, spec={"ca": {"secretName": "pulsemesh-authority"}})


def certificate(name: str, services: list[str], *, cell: str) -> Manifest:
    """The certificate of a workload: of the services that it is, for a week, renewed with days to spare."""
    names: Manifest = {"dnsNames": [host_of(name), name]}
    if services:
        names["uris"] = [service_uri(cell, service) for service in services]
    return manifest(
        VERSION,
        "Certificate",
        f"{name}-tls",
        spec={
            "secretName": f"{name}-tls",
            "duration": "168h",
            "renewBefore": "56h",
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "usages": ["digital signature", "server auth", "client auth"],
            **names,
            "issuerRef": {"name": AUTHORITY, "kind": "Issuer"},
        },
    )
