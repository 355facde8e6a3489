"""Finding the contracts: every service that the generated packages declare."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

import pulsemesh
from services.chassis.policy.model import domain_of


def _service_modules(domain: str | None) -> Iterator[str]:
    """Names of generated modules. By path, because the generated packages have no `__init__`."""
    for root in pulsemesh.__path__:
        for path in sorted(Path(root).glob(f"{domain or '*'}/v*/*_service_pb2.py")):
            yield f"pulsemesh.{path.parent.parent.name}.{path.parent.name}.{path.stem}"


def contract_services(domain: str | None = None) -> list[str]:
    """The full names of the services of a domain, or of all; imports their generated modules."""
    names: list[str] = []
    for module in _service_modules(domain):
        descriptor = importlib.import_module(module).DESCRIPTOR
        names.extend(service.full_name for service in descriptor.services_by_name.values())
    return sorted(name for name in names if domain in (None, domain_of(name)))
