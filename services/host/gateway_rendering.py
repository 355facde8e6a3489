"""Writing what is made from the contracts: the gateway and the manifests of each deployment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from services.gateway import kubernetes
from services.gateway.deployments import SHAPES, kubernetes_gateway
from services.gateway.openapi import openapi_document
from services.gateway.rendering import render, write
from services.host.registry import domain_names


def rendered(*, cell: str) -> dict[str, Mapping[str, bytes]]:
    """Folder below `deploy/` to its files by their names."""
    domains = domain_names()
    found: dict[str, Mapping[str, bytes]] = {"k8s/base": kubernetes.base()}
    for shape in SHAPES:
        files = render(kubernetes_gateway(shape, domains, cell=cell))
        places = {"clusters.yaml": files.pop("clusters.yaml")}
        if found.setdefault(f"envoy/{kubernetes.COMMON}", files) != files:
            raise AssertionError("only the places of services may depend on a deployment's shape")
        found[f"envoy/{shape}"] = places
        found[f"k8s/overlays/{shape}"] = kubernetes.overlay(shape, domains, cell=cell)
    for name in (kubernetes.COMMON, *SHAPES):
        files = dict(found[f"envoy/{name}"])
        kustomization = kubernetes.envoy_kustomization(name, files)
        found[f"envoy/{name}"] = {**files, kubernetes.KUSTOMIZATION: kustomization}
    return found


def _everything(folder: Path, *, cell: str) -> Iterator[tuple[Path, Mapping[str, bytes]]]:
    for name, files in rendered(cell=cell).items():
        yield folder / name, files
    yield folder.parent / "docs", {"openapi.yaml": openapi_document()}


def write_all(folder: Path, *, cell: str) -> list[Path]:
    """Write everything below `folder`, and the OpenAPI document beside it; returns the files that changed."""
    changed = []
    for place, files in _everything(folder, cell=cell):
        changed += [place / file for file in write(files, place)]
    return changed


def outdated(folder: Path, *, cell: str) -> list[Path]:
    """The files that `write_all` would change."""
    found = []
    for place, files in _everything(folder, cell=cell):
        for name, content in files.items():
            path = place / name
            if not path.exists() or path.read_bytes() != content:
                found.append(path)
    return found
