"""What of kustomize our overlays use: resources, and maps made of files under names that stay.

Where `kubectl` is installed a test holds this against the real one.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]
_KNOWN = {"apiVersion", "kind", "resources", "configMapGenerator", "generatorOptions"}


def build(folder: Path) -> list[Manifest]:
    """Every object of an overlay."""
    return list(_build(folder))


def _build(folder: Path) -> Iterator[Manifest]:
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    unknown = set(kustomization) - _KNOWN
    assert not unknown, f"this renderer knows nothing of {unknown}"
    for name in kustomization["resources"]:
        path = folder / name
        if path.is_dir():
            yield from _build(path)
        else:
            yield from (one for one in yaml.safe_load_all(path.read_text()) if one)
    options = kustomization.get("generatorOptions", {})
    for generator in kustomization.get("configMapGenerator", ()):
        assert options.get("disableNameSuffixHash"), "names with a hash would have to be followed everywhere"
        yield _map(folder, generator)


def _map(folder: Path, generator: Manifest) -> Manifest:
    found: Manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": generator["name"], "namespace": generator["namespace"]},
    }
    for name in generator["files"]:
        content = (folder / name).read_bytes()
        try:
            found.setdefault("data", {})[name] = content.decode()
        except UnicodeDecodeError:
            found.setdefault("binaryData", {})[name] = base64.b64encode(content).decode()
    return found
