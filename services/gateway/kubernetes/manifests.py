"""The files of the base and of each overlay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import yaml

from services.chassis.policy import contract_services, default_registry
from services.gateway.deployments import NAMESPACE, service_of
from services.gateway.kubernetes import certificates, door, network, workloads
from services.gateway.kubernetes.calls import GATEWAY, allowed_calls
from services.gateway.kubernetes.parts import Manifest
from services.gateway.rendering import HEADER, Plain, text

KUSTOMIZATION = "kustomization.yaml"
COMMON = "common"


def _kustomization(names: Iterable[str], **rest: Any) -> bytes:
    return text(
        {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": list(names),
            **rest,
        }
    )


def _documents(manifests: Iterable[Manifest]) -> bytes:
    return (HEADER + yaml.dump_all(manifests, Dumper=Plain, sort_keys=False, width=110)).encode()


def _folder(files: Mapping[str, bytes], *others: str) -> dict[str, bytes]:
    return {**files, KUSTOMIZATION: _kustomization([*others, *sorted(files)])}


def base() -> dict[str, bytes]:
    """What every deployment has: the namespace, the gateway, and that nobody may connect to anybody."""
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": NAMESPACE,
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"},
        },
    }
    return _folder(
        {
            "namespace.yaml": _documents([namespace]),
            "gateway.yaml": _documents(door.gateway()),
            "network.yaml": _documents(network.common_policies()),
        }
    )


def overlay(shape: str, domains: Iterable[str], *, cell: str) -> dict[str, bytes]:
    """A shape: which workloads serve which domains, who may call whom, and what they are set to."""
    ordered = sorted(domains)
    calls = allowed_calls(default_registry().methods(contract_services()), ordered, shape)
    auth = service_of(shape, "auth")
    files: dict[str, bytes] = {
        "settings.yaml": _documents([workloads.settings_map(shape, ordered, cell=cell)]),
    }
    policies = [network.gateway_policy(calls, auth)]
    issued = [certificates.issuer(), certificates.certificate(GATEWAY, [], cell=cell)]
    for name in sorted({service_of(shape, domain) for domain in ordered}):
        own = [domain for domain in ordered if service_of(shape, domain) == name]
        files[f"{name}.yaml"] = _documents(workloads.workload(name, own))
        policies += [network.service_policy(name, calls, auth=auth), network.migration_policy(name)]
        issued.append(certificates.certificate(name, own, cell=cell))
    files["network.yaml"] = _documents(policies)
    files["certificates.yaml"] = _documents(issued)
    return _folder(files, "../../base", "../../../envoy/common", f"../../../envoy/{shape}")


def _map_of(shape: str, file: str) -> str:
    if shape != COMMON:
        return door.PLACES_MAP
    return door.ROUTES_MAP if file == "routes.yaml" else door.COMMON_MAP


def envoy_kustomization(shape: str, files: Iterable[str]) -> bytes:
    """The gateway's files as maps, whose names stay, so that Envoy sees changes without a restart.

    Args:
        shape: `COMMON` for the files that all shapes share.
    """
    maps: dict[str, list[str]] = {}
    for file in sorted(files):
        maps.setdefault(_map_of(shape, file), []).append(file)
    generators = [{"name": name, "namespace": NAMESPACE, "files": own} for name, own in maps.items()]
    return _kustomization([], configMapGenerator=generators, generatorOptions={"disableNameSuffixHash": True})
