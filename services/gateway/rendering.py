"""From the contracts and a shape to the files that Envoy reads."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from services.chassis.policy import contract_services, default_registry
from services.gateway import configuration
from services.gateway.configuration.filters import DESCRIPTORS
from services.gateway.configuration.values import Value
from services.gateway.exposure import ExposedMethod, exposed_methods
from services.gateway.shape import GatewayShape

BOOTSTRAP = "envoy.yaml"
HEADER = "# Made from the contracts by `make gateway`: change those, or services/gateway, never this file.\n"


class Plain(yaml.CSafeDumper):
    """Writes a value that occurs twice twice: references make a file hard to read."""

    def ignore_aliases(self, data: Any) -> bool:
        """See `yaml.representer.BaseRepresenter`."""
        return True


def text(value: object) -> bytes:
    """A value as YAML, with the line that says where it is from."""
    written = yaml.dump(value, Dumper=Plain, sort_keys=False, width=110, default_flow_style=None)
    return (HEADER + written).encode()


def contract_methods(*, development: bool) -> list[ExposedMethod]:
    """Every method of every contract that callers from outside may reach."""
    registry = default_registry()
    return exposed_methods(registry.methods(contract_services()), development=development)


def render(shape: GatewayShape, methods: Iterable[ExposedMethod] | None = None) -> dict[str, bytes]:
    """The files by their names: the same contracts and shape make the same bytes.

    `listeners.yaml`, `clusters.yaml`, `routes.yaml` and `secrets.yaml` are followed while Envoy runs.
    """
    chosen = contract_methods(development=shape.development) if methods is None else list(methods)
    chosen = [one for one in chosen if one.method.domain in shape.services]
    makers: dict[str, Callable[[str], Value]] = {
        "clusters.yaml": lambda version: configuration.clusters(shape, version),
        "listeners.yaml": lambda version: configuration.listeners(shape, chosen, version),
        "routes.yaml": lambda version: configuration.route_configuration(shape, chosen, version),
        "secrets.yaml": lambda version: configuration.secrets(shape, version),
    }
    files = {name: text(make(_version(make("")))) for name, make in makers.items()}
    return files | {
        BOOTSTRAP: text(configuration.bootstrap(shape)),
        DESCRIPTORS: configuration.descriptor_set(chosen),
    }


def _version(value: object) -> str:
    """Of what a file says: by it operators see in the statistics which configuration is in force."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def write(files: Mapping[str, bytes], folder: Path) -> list[str]:
    """Replace the files that differ, each whole and by a rename, which is what Envoy notices.

    Returns:
        the names of those that changed. What routes refer to is there before the routes are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    order = [DESCRIPTORS, "secrets.yaml", "clusters.yaml", "listeners.yaml", "routes.yaml"]
    names = sorted(files, key=lambda name: order.index(name) if name in order else -1)
    return [name for name in names if _replace(folder / name, files[name])]


def _replace(path: Path, content: bytes) -> bool:
    if path.exists() and path.read_bytes() == content:
        return False
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(path)
    return True
