"""Writing what is made from the contracts: the gateway of each deployment, and the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from services.gateway.deployments import SHAPES, kubernetes_gateway
from services.gateway.rendering import render, write
from services.host.registry import domain_names


def rendered(*, cell: str) -> dict[str, Mapping[str, bytes]]:
    """Folder below `deploy/` to its files by their names."""
    return {
        f"envoy/{shape}": render(kubernetes_gateway(shape, domain_names(), cell=cell)) for shape in SHAPES
    }


def write_all(folder: Path, *, cell: str) -> list[Path]:
    """Write everything below `folder`; returns the files that changed."""
    changed = []
    for name, files in rendered(cell=cell).items():
        changed += [folder / name / file for file in write(files, folder / name)]
    return changed
